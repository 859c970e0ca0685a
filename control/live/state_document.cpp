#include "control/live/state_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "config/ranges.h"
#include "config/read.h"

namespace control {
namespace {

using config::Changes;
using config::TargetName;
using report::Json;

constexpr const char* format_name = "spillway-state";
constexpr std::array lists{"registered", "deregistered", "weights", "drained"};

Json name_document(const TargetName& name) {
  return {{"target_group", name.target_group},
          {"address", to_string(name.address)},
          {"port", name.port}};
}

/// What is wrong with a document; ends in changes_of() or read_state().
struct WrongDocument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
  throw WrongDocument(fmt::format(sentence, std::forward<Arguments>(arguments)...));
}

/// One element of one list, read key by key.
class Element {
 public:
  Element(const Json& object, std::string path, std::size_t keys)
      : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) refuse("{} is not an object", path_);
    if (object_.size() != keys) refuse("{} has {} keys, not {}", path_, object_.size(), keys);
  }

  [[nodiscard]] std::string text(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_string()) refuse("{}.{} is not a text", path_, key);
    return found->get<std::string>();
  }
  [[nodiscard]] std::uint16_t number(const char* key, std::int64_t first, std::int64_t last) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_number_integer()) {
      refuse("{}.{} is not an integer", path_, key);
    }
    const auto value = found->get<std::int64_t>();
    if (value < first || value > last) {
      refuse("{}.{} = {} is out of range; allowed: {} to {}", path_, key, value, first, last);
    }
    return static_cast<std::uint16_t>(value);
  }
  [[nodiscard]] TargetName name() const {
    const std::string address = text("address");
    const auto parsed = dataplane::parse_address(address);
    if (!parsed) refuse("{}.address = \"{}\" is not an IP address", path_, address);
    return {text("target_group"), *parsed, number("port", 0, 65'535)};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const Json& object_;
  std::string path_;
};

template <class Take>
void for_each(const Json& document, const char* list, std::size_t keys, Take take) {
  const auto found = document.find(list);
  if (found == document.end() || !found->is_array()) refuse("\"{}\" is not a list", list);
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Element element((*found)[i], fmt::format("{}[{}]", list, i), keys);
    if (!take(element)) refuse("{} is there twice", element.path());
  }
}

void read_registered(const Json& document, Changes& changes) {
  std::vector<TargetName> names;
  std::vector<std::string> texts;
  for_each(document, "registered", 4, [&](const Element& element) {
    names.push_back(element.name());
    texts.push_back(element.text("target"));
    return true;
  });
  auto read = config::read_targets(texts, 0);
  if (const auto* errors = std::get_if<config::Errors>(&read)) refuse("{}", to_string(*errors));
  auto& targets = std::get<std::vector<config::Target>>(read);
  if (targets.size() != names.size()) refuse("a target in \"registered\" is not one target");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (targets[i].port == 0) targets[i].port = names[i].port;  // its group's, when registered
    if (targets[i].address != names[i].address || targets[i].port != names[i].port) {
      refuse("registered[{}].target is another one than {}", i, to_string(names[i]));
    }
    if (!changes.registered.emplace(names[i], config::Registration{targets[i], texts[i]}).second) {
      refuse("registered[{}] is there twice", i);
    }
  }
}

Changes read_changes(const Json& document) {
  Changes changes;
  read_registered(document, changes);
  for_each(document, "deregistered", 3, [&](const Element& element) {
    return changes.deregistered.insert(element.name()).second;
  });
  for_each(document, "weights", 4, [&](const Element& element) {
    const std::uint16_t weight = element.number("weight", 0, config::ranges::weight_max);
    return changes.weights.emplace(element.name(), weight).second;
  });
  for_each(document, "drained", 3,
           [&](const Element& element) { return changes.drained.insert(element.name()).second; });
  return changes;
}

Changes read_whole(std::string_view instance, const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) refuse("is not JSON: it is damaged, or was cut");
  if (!document.is_object() || document.value("format", Json()) != format_name) {
    refuse("is not a state file of Spillway");
  }
  const Json version = document.value("version", Json());
  if (version != state_version) {
    refuse("has version {}, and this spillway {} reads version {}: start the version that wrote it",
           version.dump(), SPILLWAY_VERSION, state_version);
  }
  if (document.value("instance", Json()) != instance) {
    refuse("is of instance {}, not of \"{}\"", document.value("instance", Json()).dump(), instance);
  }
  const std::size_t others = 3;  // format, version, instance
  for (const auto& [key, value] : document.items()) {
    const bool known = key == "format" || key == "version" || key == "instance" ||
                       std::find(lists.begin(), lists.end(), key) != lists.end();
    if (!known) refuse("has the unknown key \"{}\"", key);
  }
  if (document.size() != lists.size() + others) refuse("lacks a list, or has one twice");
  return read_changes(document);
}

/// `read` may throw what JSON's library throws as well.
template <class Read>
std::variant<Changes, std::string> or_sentence(Read read) {
  try {
    return read();
  } catch (const std::exception& wrong) {
    std::string sentence = wrong.what();
    while (sentence.ends_with('\n')) sentence.pop_back();
    return sentence;
  }
}

}  // namespace

Json changes_document(const Changes& changes) {
  Json document;
  for (const char* list : lists) document[list] = Json::array();
  for (const auto& [name, registration] : changes.registered) {
    Json element = name_document(name);
    element["target"] = registration.text;
    document["registered"].push_back(std::move(element));
  }
  for (const TargetName& name : changes.deregistered) {
    document["deregistered"].push_back(name_document(name));
  }
  for (const auto& [name, weight] : changes.weights) {
    Json element = name_document(name);
    element["weight"] = weight;
    document["weights"].push_back(std::move(element));
  }
  for (const TargetName& name : changes.drained) document["drained"].push_back(name_document(name));
  return document;
}

std::variant<Changes, std::string> changes_of(const Json& document) {
  return or_sentence([&] { return read_changes(document); });
}

std::string state_text(std::string_view instance, const Changes& changes) {
  Json document{{"format", format_name}, {"version", state_version}, {"instance", instance}};
  document.update(changes_document(changes));
  return document.dump(1) + '\n';
}

std::variant<Changes, std::string> read_state(std::string_view instance, const std::string& text) {
  return or_sentence([&] { return read_whole(instance, text); });
}

}  // namespace control
