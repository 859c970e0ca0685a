// The text of a configuration as JSON: how spillwayctl hands a file to the daemon (plan), and how
// the history keeps one. Every line keeps the place it was written at, @include or not. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "config/source.h"

namespace config {

/// {"files": ["edge.cfg", …], "lines": [[file, first line, how many], …], "text": "…"}
[[nodiscard]] nlohmann::ordered_json source_document(const Source& source);
/// A sentence: why it is none.
[[nodiscard]] std::variant<Source, std::string> source_of(const nlohmann::ordered_json& document);

}  // namespace config
