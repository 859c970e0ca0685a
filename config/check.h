// check: what the settings of a configuration mean to each other. Pure; makes every complaint, not
// only the first.
//
// read() has judged each value by itself (type, range, notation); here are names, addresses and
// everything that takes two settings to be wrong.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"
#include "config/errors.h"
#include "config/source.h"

namespace config {

/// Empty: the configuration can be run.
[[nodiscard]] Errors check(const Config& config);

/// read() and check() in one run: a file with wrong values is still checked as far as it was read.
[[nodiscard]] std::variant<Config, Errors> load(const std::string& path);
[[nodiscard]] std::variant<Config, Errors> load_text(std::string_view text,
                                                     const std::string& name);
[[nodiscard]] std::variant<Config, Errors> load(const Source& source);

}  // namespace config
