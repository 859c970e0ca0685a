// Figures: what one case has found out, ready for the table and for JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/bench/slices.h"

namespace tools::bench {

/// What a case measures one of.
enum class Unit : std::uint8_t { Packet, Connection, Line, Slot, Table, Publication, Call };
[[nodiscard]] std::string_view to_string(Unit unit);

struct Figures {
  std::string name{};
  Unit unit = Unit::Packet;
  std::uint64_t flows = 0;          // alive while measured; 0: not about flows
  std::size_t per_slice = 0;        // units in each slice
  Slices slices{};                  // nanoseconds per unit
  double line_nanoseconds = 0;      // independent random line of the same memory, p50; 0: none
  double bytes_per_connection = 0;  // of the flow table; 0: not about flows
  std::string pages{};              // of the flow table
  std::uint64_t packets_sent = 0;   // into the path, warming up included
  /// What became of them: by verdict, those that occurred. Together they are packets_sent.
  std::vector<std::pair<std::string_view, std::uint64_t>> verdicts{};
  /// Whatever else it has to say, {"name_with_unit", value}.
  std::vector<std::pair<std::string, double>> details{};
};

/// Why a case has no figures: packets took another way than the one that is measured.
class CaseFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Why a case cannot be measured on this machine.
class CaseImpossible : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tools::bench
