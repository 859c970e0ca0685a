// read: the text of a configuration → Config, every value checked by itself.
//
// Strict: an unknown key, a wrong type, a number out of range, an address that is none — each is an
// Error with file and line, and all of them come in one run. What values mean to each other is
// check()'s. A configuration is at most 8 MiB with what it includes (source.h).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/complaints.h"
#include "config/config.h"
#include "config/errors.h"
#include "config/source.h"

namespace config {

[[nodiscard]] std::variant<Config, Errors> read(const std::string& path);
/// The same from memory; `name` stands for the file in messages, and @include is refused.
[[nodiscard]] std::variant<Config, Errors> read_text(std::string_view text,
                                                     const std::string& name);

/// As much as could be read. Where `errors` is not empty, settings in `unread` hold stand-ins.
struct Reading {
  Config config;
  Errors errors;
  Paths unread;
  bool parsed = false;  // false: it did not come as far as settings
};
[[nodiscard]] Reading read_all(const std::string& path);
[[nodiscard]] Reading read_all_text(std::string_view text, const std::string& name);
/// Of a text whose files have been put together before, perhaps by another process.
[[nodiscard]] Reading read_all(const Source& source);

/// Targets that are in no file, each written as there: "{ address = \"10.0.1.11\"; weight = 5; }".
/// Errors are of settings "targets[i]…", without file and line. `port`: the group's.
[[nodiscard]] std::variant<std::vector<Target>, Errors> read_targets(
    const std::vector<std::string>& texts, std::uint16_t port);

}  // namespace config
