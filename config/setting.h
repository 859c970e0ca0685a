// Value and Group: strict, typed access to libconfig's settings.
//
// Used by read() alone. Nothing is converted: an integer is no string and 1 is no boolean. Whatever
// does not fit is a complaint with its place, and reading goes on with a stand-in. Only this file
// and read.cpp see libconfig; its exceptions end there.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <libconfig.h++>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/complaints.h"
#include "config/source.h"
#include "dataplane/packet/address.h"

namespace config {

/// What one reading of a file adds to.
struct Findings {
  const Source& source;
  Places& places;
  Complaints& complaints;
};

/// One setting of the file and its path.
class Value {
 public:
  Value(const libconfig::Setting& setting, std::string path, Findings& findings);

  [[nodiscard]] libconfig::Setting::Type type() const { return setting_->getType(); }
  [[nodiscard]] const libconfig::Setting& setting() const { return *setting_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string_view key() const;  // the path's last name
  [[nodiscard]] int line() const;              // in its own file
  [[nodiscard]] Findings& findings() const { return *findings_; }

  /// The value as it can be shown.
  [[nodiscard]] std::string shown() const;
  void complain(std::string problem, std::string allowed, std::string remedy) const;
  /// "is an integer, not a string".
  void complain_of_type(std::string_view expected, std::string allowed, std::string remedy) const;

  [[nodiscard]] bool is_integer() const;
  [[nodiscard]] std::optional<std::string> string(const std::string& allowed,
                                                  const std::string& remedy) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& allowed,
                                                    const std::string& example) const;
  /// For what should have been a number: the number without its quotes, or the example.
  [[nodiscard]] std::string number_remedy(const std::string& example) const;
  /// The elements of a list or an array.
  [[nodiscard]] std::optional<std::vector<Value>> elements(const std::string& example) const;

 private:
  const libconfig::Setting* setting_;
  std::string path_;
  Findings* findings_;
};

/// Like in_quotes(), but texts that differ beyond what is shown differ here too.
[[nodiscard]] std::string whole_text(std::string_view text);

/// A value as it would be written; "" if its type does not say how. The rule knows better where it
/// has a text() of its own, as for choices.
template <class T, class Rule>
[[nodiscard]] std::string value_text(const T& value, const Rule& rule);

/// One { … } (or the file itself), read key by key. What is not asked for is an unknown key.
class Group {
 public:
  /// A value that is no group is complained about; all keys are then absent.
  explicit Group(const Value& value);

  [[nodiscard]] const Value& value() const { return value_; }
  [[nodiscard]] bool is_group() const { return is_group_; }
  [[nodiscard]] std::optional<Value> find(const char* key);

  /// Reads the key by the rule if it is there; false: `target` keeps its value, the default.
  template <class T, class Rule>
  bool read(const char* key, T& target, const Rule& rule) {
    const std::optional<Value> value = find(key);
    auto found = value ? rule(*value) : decltype(rule(*value)){};
    if (found) target = static_cast<T>(std::move(*found));
    note(key, value_text(target, rule));
    return found.has_value();
  }
  /// The same for a key that must be there.
  template <class T, class Rule>
  bool require(const char* key, T& target, const Rule& rule) {
    const std::optional<Value> value = find(key);
    if (!value) {
      complain_of_missing(key, rule.allowed(), rule.example());
      return false;
    }
    return read(key, target, rule);
  }
  /// Complains about every key that nobody asked for.
  void finish() const;

 private:
  [[nodiscard]] std::string path_of(const std::string& key) const;
  void complain_of_missing(const char* key, std::string allowed, const std::string& example) const;
  /// Records the key's value; "": as find() has found it.
  void note(const char* key, std::string text) const;

  Value value_;
  bool is_group_;
  std::vector<std::string> known_;
};

// --- rules: how one value is read, what is allowed, an example ---

struct Text {
  std::string what = "a string in double quotes";
  std::string sample = "\"…\"";
  [[nodiscard]] std::string allowed() const { return what; }
  [[nodiscard]] std::string example() const { return sample; }
  [[nodiscard]] std::optional<std::string> operator()(const Value& value) const;
};

struct Whole {
  std::int64_t first;
  std::int64_t last;
  std::int64_t sample;
  bool is_default = true;  // the sample is what counts where the key is left out
  [[nodiscard]] std::string allowed() const { return fmt::format("{} to {}", first, last); }
  [[nodiscard]] std::string example() const { return fmt::format("{}", sample); }
  [[nodiscard]] std::optional<std::int64_t> operator()(const Value& value) const;
};

/// Seconds, with or without a fraction.
struct Duration {
  std::chrono::milliseconds first;
  std::chrono::milliseconds last;
  std::chrono::milliseconds sample;  // the default
  [[nodiscard]] std::string allowed() const;
  [[nodiscard]] std::string example() const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> operator()(const Value& value) const;
};

struct Flag {
  [[nodiscard]] std::string allowed() const { return "true or false"; }
  [[nodiscard]] std::string example() const { return "true"; }
  [[nodiscard]] std::optional<bool> operator()(const Value& value) const;
};

template <class Enum>
struct OneOf {
  std::vector<std::pair<std::string, Enum>> names;
  [[nodiscard]] std::string allowed() const {
    std::string text;
    for (const auto& [name, ignored] : names) {
      text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name);
    }
    return text;
  }
  [[nodiscard]] std::string example() const { return fmt::format("\"{}\"", names.front().first); }
  [[nodiscard]] std::string text(Enum choice) const {
    for (const auto& [name, named] : names) {
      if (named == choice) return in_quotes(name);
    }
    return "";
  }
  [[nodiscard]] std::optional<Enum> operator()(const Value& value) const {
    const auto text = value.string(allowed(), "Choose one of these, in double quotes.");
    if (!text) return std::nullopt;
    std::vector<std::string> known;
    for (const auto& [name, choice] : names) {
      if (name == *text) return choice;
      known.push_back(name);
    }
    value.complain("is not one of the choices", allowed(),
                   "Choose one of these." + did_you_mean(*text, known));
    return std::nullopt;
  }
};

struct Address {
  std::string sample = "\"198.51.100.7\"";
  [[nodiscard]] std::string allowed() const { return "an IPv4 or IPv6 address like " + sample; }
  [[nodiscard]] std::string example() const { return sample; }
  [[nodiscard]] std::optional<dataplane::IpAddress> operator()(const Value& value) const;
};

struct Prefix {
  [[nodiscard]] std::string allowed() const {
    return "an IPv4 or IPv6 address with the length of its network, like \"198.51.100.2/24\"";
  }
  [[nodiscard]] std::string example() const { return "\"198.51.100.2/24\""; }
  [[nodiscard]] std::optional<dataplane::IpPrefix> operator()(const Value& value) const;
};

struct Mac {
  [[nodiscard]] std::string allowed() const { return "a MAC address like \"02:00:5e:10:00:01\""; }
  [[nodiscard]] std::string example() const { return "\"02:00:5e:10:00:01\""; }
  [[nodiscard]] std::optional<dataplane::MacAddress> operator()(const Value& value) const;
};

/// A list of values that `element` can read. Those it cannot read leave a stand-in, so that element
/// i here is element i of the file.
template <class Rule>
struct ListOf {
  Rule element{};
  using Element = typename decltype(element(std::declval<const Value&>()))::value_type;
  [[nodiscard]] std::string example() const { return fmt::format("[{}]", element.example()); }
  [[nodiscard]] std::string allowed() const { return "a list like " + example(); }
  [[nodiscard]] std::optional<std::vector<Element>> operator()(const Value& value) const {
    const auto values = value.elements(example());
    if (!values) return std::nullopt;
    std::vector<Element> read;
    for (const Value& one : *values) {
      auto found = element(one);
      read.push_back(found ? std::move(*found) : Element{});
    }
    return read;
  }
  template <class List>
  [[nodiscard]] std::string text(const List& list) const {
    std::string all;
    for (const auto& one : list) all += (all.empty() ? "" : ", ") + value_text(one, element);
    return "[" + all + "]";
  }
};

template <class T, class Rule>
std::string value_text(const T& value, const Rule& rule) {
  if constexpr (requires { rule.text(value); }) {
    return rule.text(value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? value_text(*value, rule) : "";
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format("{}", value);
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return whole_text(value);
  } else if constexpr (std::is_convertible_v<T, std::chrono::milliseconds>) {
    return fmt::format("{}", static_cast<double>(std::chrono::milliseconds{value}.count()) / 1000);
  } else if constexpr (requires { to_string(value); }) {
    return in_quotes(to_string(value));
  } else {
    return "";
  }
}

}  // namespace config
