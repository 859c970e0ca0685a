// Replay: captures, merged by time, through a World.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tools/explain/trial.h"
#include "tools/replay/command_line.h"
#include "tools/replay/world.h"

namespace tools::replay {

struct Told {
  std::uint64_t number = 0;       // of the frame, from 1
  std::uint64_t nanoseconds = 0;  // since 1970, of the capture
  dataplane::PortId port;
  const std::vector<std::uint8_t>* arrived = nullptr;
  const explain::Fate* fate = nullptr;
  std::optional<double> waited_seconds{};  // it is told for the second time, after a surge queue
};

struct Sums {
  std::uint64_t packets = 0;
  std::uint64_t cut = 0;  // of which the capture has only the beginning
  std::uint64_t sent = 0;
  std::uint64_t released = 0;  // have waited in a surge queue: their second verdict counts, too
  std::uint64_t waiting = 0;   // at the end of the capture
  std::map<dataplane::Verdict, std::uint64_t> verdicts;
};

/// Throws std::runtime_error: a capture cannot be read or written, or names a port that is none.
/// `tell` is called for each frame, and for those that have waited once more.
[[nodiscard]] Sums replay(const World& world, const CommandLine& line,
                          const std::function<void(const Told&)>& tell);

}  // namespace tools::replay
