// Report: what the bench prints: a table for people, or a JSON document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/bench/bench.h"
#include "tools/bench/machine.h"

namespace tools::bench {

struct Origin {
  Machine machine;
  Build build;
};

[[nodiscard]] std::string table(const Bench& bench, const Origin& origin, bool colours);
[[nodiscard]] nlohmann::ordered_json document(const Bench& bench, const Origin& origin);

}  // namespace tools::bench
