#include "tools/spillwayctl/target_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

#include "dataplane/packet/address.h"

namespace tools {
namespace {

using report::Json;

/// Numbers and booleans are themselves, all else is text.
Json value_of(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && !text.empty()) return number;
  return text;
}

/// The words of a line, up to a '#'.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream words(line.substr(0, line.find('#')));
  return {std::istream_iterator<std::string>(words), {}};
}

std::variant<Json, std::string> target_of_line(const std::vector<std::string>& words,
                                               const Attributes& attributes) {
  Attributes own;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const std::size_t equals = word->find('=');
    if (equals == std::string::npos || equals == 0) {
      return fmt::format("\"{}\" is not of the form KEY=VALUE, such as weight=5", *word);
    }
    own.emplace_back(word->substr(0, equals), word->substr(equals + 1));
  }
  for (const auto& [key, value] : attributes) {
    const bool said = std::any_of(own.begin(), own.end(),
                                  [&key = key](const auto& one) { return one.first == key; });
    if (!said) own.emplace_back(key, value);
  }
  return target_of(words.front(), own);
}

}  // namespace

std::variant<Json, std::string> target_of(const std::string& word, const Attributes& attributes) {
  Json target;
  if (const auto bare = dataplane::parse_address(word)) {
    target["address"] = to_string(*bare);
  } else if (const auto full = dataplane::parse_target(word)) {
    target["address"] = to_string(full->address);
    if (full->port != 0) target["port"] = full->port;  // "same": as its group has it
  } else {
    return fmt::format(
        "\"{}\" is not a target: an address such as 10.0.1.11 or 2001:db8::11 is allowed, also "
        "with "
        "a port: 10.0.1.11:8080 or [2001:db8::11]:8080",
        word);
  }
  for (const auto& [key, value] : attributes) target[key] = value_of(value);
  return target;
}

std::variant<Json, std::string> targets_in(std::string_view text, const std::string& name,
                                           const Attributes& attributes) {
  Json targets = Json::array();
  std::string errors;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    auto target = target_of_line(words, attributes);
    if (const auto* error = std::get_if<std::string>(&target)) {
      errors += fmt::format("{}{}:{}: {}", errors.empty() ? "" : "\n", name, number, *error);
    } else {
      targets.push_back(std::move(std::get<Json>(target)));
    }
  }
  if (!errors.empty()) return errors;
  if (targets.empty()) {
    return fmt::format("{} names no target; one a line is allowed, like 10.0.1.20:8080 weight=5",
                       name);
  }
  return targets;
}

std::variant<std::string, Json> read_targets_file(const std::string& path,
                                                  const Attributes& attributes) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fmt::format("{}: cannot be read: {}", path, std::strerror(errno));
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  auto targets = targets_in(text, path == "-" ? "standard input" : path, attributes);
  if (auto* error = std::get_if<std::string>(&targets)) return std::move(*error);
  return std::move(std::get<Json>(targets));
}

}  // namespace tools
