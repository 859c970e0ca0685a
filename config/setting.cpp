#include "config/setting.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace config {
namespace {

using libconfig::Setting;
using std::chrono::milliseconds;

std::string_view name_of(Setting::Type type) {
  switch (type) {
    case Setting::TypeInt:
    case Setting::TypeInt64: return "an integer";
    case Setting::TypeFloat: return "a number with a fraction";
    case Setting::TypeString: return "a string";
    case Setting::TypeBoolean: return "a boolean";
    case Setting::TypeGroup: return "a group { }";
    case Setting::TypeArray: return "an array [ ]";
    case Setting::TypeList: return "a list ( )";
    case Setting::TypeNone: break;
  }
  return "nothing";
}

std::string seconds_text(milliseconds duration) {
  return fmt::format("{}", static_cast<double>(duration.count()) / 1000.0);
}

std::string change_or_leave_out(const std::string& fallback) {
  return fmt::format("Change it, or leave it out for the default, {}.", fallback);
}

}  // namespace

// --- Value ---

Value::Value(const Setting& setting, std::string path, Findings& findings)
    : setting_(&setting), path_(std::move(path)), findings_(&findings) {
  if (!path_.empty()) {
    findings_->places.settings.emplace(path_, findings_->source.place(setting.getSourceLine()));
  }
}

std::string_view Value::key() const {
  const std::size_t start = path_.find_last_of('.');
  return start == std::string::npos ? std::string_view{path_}
                                    : std::string_view{path_}.substr(start + 1);
}

int Value::line() const { return findings_->places.find(path_).line; }

std::string Value::shown() const {
  switch (type()) {
    case Setting::TypeInt: return fmt::format("{}", static_cast<int>(*setting_));
    case Setting::TypeInt64: return fmt::format("{}", static_cast<long long>(*setting_));
    case Setting::TypeFloat: return fmt::format("{}", static_cast<double>(*setting_));
    case Setting::TypeString: return in_quotes(setting_->c_str());
    case Setting::TypeBoolean: return static_cast<bool>(*setting_) ? "true" : "false";
    case Setting::TypeGroup: return "{ … }";
    case Setting::TypeArray: return "[ … ]";
    case Setting::TypeList: return "( … )";
    case Setting::TypeNone: break;
  }
  return "";
}

void Value::complain(std::string problem, std::string allowed, std::string remedy) const {
  findings_->complaints.add({.setting = path_,
                             .value = shown(),
                             .problem = std::move(problem),
                             .allowed = std::move(allowed),
                             .remedy = std::move(remedy)});
}

void Value::complain_of_type(std::string_view expected, std::string allowed,
                             std::string remedy) const {
  complain(fmt::format("is {}, not {}", name_of(type()), expected), std::move(allowed),
           std::move(remedy));
}

bool Value::is_integer() const {
  return type() == Setting::TypeInt || type() == Setting::TypeInt64;
}

std::optional<std::string> Value::string(const std::string& allowed,
                                         const std::string& remedy) const {
  if (type() == Setting::TypeString) return setting_->c_str();
  complain_of_type("a string", allowed, remedy);
  return std::nullopt;
}

std::optional<std::int64_t> Value::integer(const std::string& allowed,
                                           const std::string& example) const {
  if (type() == Setting::TypeInt) return static_cast<int>(*setting_);
  if (type() == Setting::TypeInt64) return static_cast<long long>(*setting_);
  complain_of_type("an integer", allowed, number_remedy(example));
  return std::nullopt;
}

std::string Value::number_remedy(const std::string& example) const {
  if (type() == Setting::TypeString) {
    const std::string_view text = setting_->c_str();
    const bool number = !text.empty() && text.size() < 20 &&
                        text.find_first_not_of("0123456789.") == std::string_view::npos;
    if (number) return fmt::format("Write {} without quotes.", text);
  }
  return fmt::format("Write a number like {}.", example);
}

std::optional<std::vector<Value>> Value::elements(const std::string& example) const {
  if (!setting_->isArray() && !setting_->isList()) {
    complain_of_type("a list", "a list, also of one element or none",
                     fmt::format("Write {}.", example));
    return std::nullopt;
  }
  std::vector<Value> values;
  const int size = setting_->getLength();
  values.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    values.emplace_back((*setting_)[i], element(path_, static_cast<std::size_t>(i)), *findings_);
  }
  return values;
}

// --- Group ---

std::string whole_text(std::string_view text) {
  const std::string shown = in_quotes(text);
  if (shown.size() >= text.size() + 2) return shown;
  return fmt::format("{} ({} bytes, {:x})", shown, text.size(),
                     std::hash<std::string_view>{}(text));
}

Group::Group(const Value& value) : value_(value), is_group_(value.setting().isGroup()) {
  if (!is_group_) {
    value_.complain_of_type("a group { }", "settings between { and }",
                            fmt::format("Write {{ KEY = VALUE; … }}."));
  }
}

std::optional<Value> Group::find(const char* key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  if (!is_group_ || !value_.setting().exists(key)) return std::nullopt;
  Value value{value_.setting()[key], path_of(key), value_.findings()};
  if (value.setting().isScalar()) note(key, value.shown());
  return value;
}

void Group::note(const char* key, std::string text) const {
  if (text.empty()) return;
  value_.findings().places.values.insert_or_assign(path_of(key), std::move(text));
}

std::string Group::path_of(const std::string& key) const {
  return value_.path().empty() ? key : value_.path() + '.' + key;
}

void Group::complain_of_missing(const char* key, std::string allowed,
                                const std::string& example) const {
  if (!is_group_) return;  // said already
  value_.findings().complaints.add({.setting = path_of(key),
                                    .problem = "is missing",
                                    .allowed = std::move(allowed),
                                    .remedy = fmt::format("Add {} = {};", key, example)});
}

void Group::finish() const {
  if (!is_group_) return;
  std::string allowed;
  for (const std::string& key : known_) allowed += (allowed.empty() ? "" : ", ") + key;
  const Setting& setting = value_.setting();
  for (int i = 0; i < setting.getLength(); ++i) {
    const char* key = setting[i].getName();
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string* meant = nearest(key, known_);
    if (meant != nullptr) value_.findings().complaints.doubt(path_of(*meant));
    const Value unknown{setting[i], path_of(key), value_.findings()};
    unknown.complain("is an unknown key", allowed,
                     meant == nullptr ? "Remove it, or choose one of these."
                                      : fmt::format("Did you mean \"{}\"?", *meant));
  }
}

// --- rules ---

std::optional<std::string> Text::operator()(const Value& value) const {
  const bool scalar = value.setting().isScalar();
  return value.string(what, scalar ? fmt::format("If that is what you mean, write it in double "
                                                 "quotes: \"{}\".",
                                                 value.shown())
                                   : fmt::format("Write {}.", sample));
}

std::optional<std::int64_t> Whole::operator()(const Value& value) const {
  const auto number = value.integer(allowed(), example());
  if (!number) return std::nullopt;
  if (*number >= first && *number <= last) return number;
  value.complain("is out of range", allowed(),
                 is_default ? change_or_leave_out(example())
                            : fmt::format("Write a number like {}.", example()));
  return std::nullopt;
}

std::string Duration::allowed() const {
  return fmt::format("{} to {} seconds", seconds_text(first), seconds_text(last));
}

std::string Duration::example() const { return seconds_text(sample); }

std::optional<milliseconds> Duration::operator()(const Value& value) const {
  double seconds = 0;
  if (value.type() == Setting::TypeFloat) {
    seconds = static_cast<double>(value.setting());
  } else if (value.is_integer()) {
    seconds = static_cast<double>(*value.integer(allowed(), example()));
  } else {
    value.complain_of_type("a number of seconds", allowed(), value.number_remedy(example()));
    return std::nullopt;
  }
  const double milli = seconds * 1000.0;
  if (milli >= static_cast<double>(first.count()) && milli <= static_cast<double>(last.count())) {
    return milliseconds{std::llround(milli)};
  }
  value.complain("is out of range", allowed(), change_or_leave_out(example()));
  return std::nullopt;
}

std::optional<bool> Flag::operator()(const Value& value) const {
  if (value.type() == Setting::TypeBoolean) return static_cast<bool>(value.setting());
  value.complain_of_type("a boolean", allowed(), "Write true or false, without quotes.");
  return std::nullopt;
}

namespace {

std::string how_to_write(const std::string& text) {
  return text.find(':') == std::string::npos
             ? "Write four numbers from 0 to 255, without leading zeros."
             : "Write up to eight groups of hex digits with colons between, as in 2001:db8::7.";
}

}  // namespace

std::optional<dataplane::IpAddress> Address::operator()(const Value& value) const {
  const auto text = value.string(allowed(), fmt::format("Write it like {}.", example()));
  if (!text) return std::nullopt;
  const auto address = dataplane::parse_address(*text);
  if (address) return address;
  const bool prefix = dataplane::parse_prefix(*text).has_value();
  value.complain("is not an IP address", allowed(),
                 prefix ? fmt::format("Write it without the length: {}.",
                                      in_quotes(text->substr(0, text->find('/'))))
                        : how_to_write(*text));
  return std::nullopt;
}

std::optional<dataplane::IpPrefix> Prefix::operator()(const Value& value) const {
  const auto text = value.string(allowed(), fmt::format("Write it like {}.", example()));
  if (!text) return std::nullopt;
  const auto prefix = dataplane::parse_prefix(*text);
  if (prefix && prefix->length > 0) return prefix;
  if (prefix) {
    value.complain("has everything for its network",
                   fmt::format("a length from 1 to {}", prefix->address.width()),
                   "Give the network on the port's wire; what lies beyond is behind gateways.");
    return std::nullopt;
  }
  const auto bare = dataplane::parse_address(*text);
  value.complain(bare ? "lacks the length of its network" : "is not an IP address with a length",
                 allowed(),
                 bare ? fmt::format("Add it, for example {}.",
                                    in_quotes(*text + (bare->is_v4() ? "/24" : "/64")))
                      : how_to_write(*text) + " Then a slash and the network's length.");
  return std::nullopt;
}

std::optional<dataplane::MacAddress> Mac::operator()(const Value& value) const {
  const auto text = value.string(allowed(), fmt::format("Write it like {}.", example()));
  if (!text) return std::nullopt;
  const auto mac = dataplane::parse_mac(*text);
  if (!mac) {
    value.complain("is not a MAC address", allowed(),
                   "Write six pairs of hex digits with colons between.");
    return std::nullopt;
  }
  if (mac->is_group() || mac->is_zero()) {
    value.complain(
        mac->is_zero() ? "is no interface's address" : "is a group address, not one interface's",
        "a unicast MAC address", "Take the address of the interface itself.");
    return std::nullopt;
  }
  return mac;
}

}  // namespace config
