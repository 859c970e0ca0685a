#include "control/live/target_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/errors.h"
#include "config/read.h"

namespace control {
namespace {

using report::Json;

constexpr const char* example = "{\"address\": \"10.0.1.20\", \"port\": 8080}";

/// libconfig's names, without the '*' that nobody uses.
bool is_key(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) return fmt::format("{:f}", value.get<double>());
  if (!value.is_string()) return std::nullopt;
  std::string text = "\"";
  for (const char c : value.get_ref<const std::string&>()) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

std::string shown(const Json& value) {
  return config::in_quotes(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// "10.0.1.20", or the number of what has no address.
std::string label(const Json& target, std::size_t index) {
  const auto address = target.is_object() ? target.find("address") : target.end();
  const bool named = target.is_object() && address != target.end() && address->is_string();
  return named ? address->get<std::string>() : fmt::format("target {}", index + 1);
}

/// "targets[3].weight" → 3, "weight".
std::pair<std::size_t, std::string> place_of(const std::string& setting) {
  const std::size_t open = setting.find('[');
  const std::size_t close = setting.find(']');
  if (open == std::string::npos || close == std::string::npos) return {0, setting};
  const std::size_t index = std::stoul(setting.substr(open + 1, close - open - 1));
  std::string rest = setting.substr(close + 1);
  if (rest.starts_with('.')) rest.erase(0, 1);
  return {index, rest};
}

std::string sentences(config::Errors errors, const std::string& group, const Json& targets) {
  for (config::Error& error : errors) {
    auto [index, key] = place_of(error.setting);
    const Json target = index < targets.size() ? targets[index] : Json();
    error.file = fmt::format("{} {}", group, label(target, index));
    error.setting = std::move(key);
  }
  std::string text = to_string(errors);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::optional<std::string> not_a_list(const Json& targets) {
  if (targets.is_array() && !targets.empty()) return std::nullopt;
  return fmt::format(
      "targets = {}: is not a list of targets; allowed: one target or more, like [{}]",
      shown(targets), example);
}

}  // namespace

std::optional<std::string> target_text(const Json& target) {
  if (!target.is_object()) return std::nullopt;
  std::string text = "{";
  for (const auto& [key, value] : target.items()) {
    const auto scalar = scalar_text(value);
    if (!is_key(key) || !scalar) return std::nullopt;
    text += fmt::format(" {} = {};", key, *scalar);
  }
  return text + " }";
}

std::variant<std::vector<WantedTarget>, std::string> wanted_targets(
    const config::TargetGroup& group, const Json& targets) {
  if (auto error = not_a_list(targets)) return *error;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    auto text = target_text(targets[i]);
    if (!text) {
      return fmt::format(
          "{} {} = {}: is no target; allowed: an object of a target's keys with a text, number or "
          "boolean each, like {}",
          group.name, label(targets[i], i), shown(targets[i]), example);
    }
    texts.push_back(std::move(*text));
  }
  auto read = config::read_targets(texts, group.port);
  if (auto* errors = std::get_if<config::Errors>(&read)) {
    return sentences(std::move(*errors), group.name, targets);
  }
  auto& found = std::get<std::vector<config::Target>>(read);
  std::vector<WantedTarget> wanted;
  for (std::size_t i = 0; i < found.size() && i < texts.size(); ++i) {
    const std::size_t keys =
        targets[i].size() - targets[i].count("address") - targets[i].count("port");
    wanted.push_back({std::move(found[i]), std::move(texts[i]), keys == 0});
  }
  return wanted;
}

std::variant<std::vector<NamedTarget>, std::string> named_targets(const Json& targets) {
  if (auto error = not_a_list(targets)) return *error;
  std::vector<NamedTarget> named;
  for (const Json& target : targets) {
    const auto text = target.is_object() ? target.value("address", Json()) : Json();
    const auto address =
        text.is_string() ? dataplane::parse_address(text.get<std::string>()) : std::nullopt;
    const Json port = target.is_object() ? target.value("port", Json()) : Json();
    const bool good_port =
        port.is_null() || (port.is_number_unsigned() && port >= 1u && port <= 65'535u);
    const std::size_t keys = (text.is_null() ? 0u : 1u) + (port.is_null() ? 0u : 1u);
    if (!address || !good_port || target.size() != keys) {
      return fmt::format(
          "{}: is no target; allowed: an address, and its port where it has several, "
          "like {}",
          shown(target), example);
    }
    named.push_back(
        {*address, port.is_null() ? std::nullopt : std::optional{port.get<std::uint16_t>()}});
  }
  return named;
}

}  // namespace control
