// restart_needed: which changes of a configuration a running instance cannot take on by reload.
//
// Pure. Control asks before it applies a reload; if there is an answer, nothing is applied.
#pragma once

#include "config/config.h"
#include "config/errors.h"

namespace config {

/// Empty: `wanted` can be applied while running. Else one error for each setting that cannot, with
/// the place where `wanted` has it.
[[nodiscard]] Errors restart_needed(const Config& running, const Config& wanted);

}  // namespace config
