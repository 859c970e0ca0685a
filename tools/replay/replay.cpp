#include "tools/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tools/replay/capture_file.h"

namespace tools::replay {
namespace {

using dataplane::PortId;

// Enough for what fits into a capture; the configured capacity may be gigabytes.
constexpr std::size_t flows_max = 262'144;
// The path's clock starts here, so that nothing lies before its beginning.
constexpr std::uint64_t begin_nanoseconds = 1'000'000'000;

struct Source {
  CaptureReader reader;
  std::optional<PortId> port;  // nullopt: by the frame's MAC address
  std::optional<CapturedFrame> front;
};

PortId port_named(const World& world, const std::string& name) {
  const auto& ports = world.config.ports;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return PortId{static_cast<std::uint8_t>(i)};
  }
  std::string names;
  for (const config::Port& port : ports) names += (names.empty() ? "" : ", ") + port.name;
  throw std::runtime_error(
      fmt::format("--in {}=…: the configuration has no such port; it has {}", name, names));
}

std::vector<Source> sources_of(const World& world, const CommandLine& line) {
  std::vector<Source> sources;
  for (const InputFile& input : line.inputs) {
    std::optional<PortId> port;
    if (!input.port.empty()) port = port_named(world, input.port);
    sources.push_back({CaptureReader(input.file), port, std::nullopt});
    sources.back().front = sources.back().reader.next();
  }
  return sources;
}

/// The source with the earliest frame; nullptr when all have come to their end.
Source* earliest(std::vector<Source>& sources) {
  Source* found = nullptr;
  for (Source& source : sources) {
    if (!source.front) continue;
    if (found == nullptr || source.front->nanoseconds < found->front->nanoseconds) found = &source;
  }
  return found;
}

PortId port_of(const World& world, const CapturedFrame& frame) {
  dataplane::MacAddress destination;
  if (frame.bytes.size() < sizeof destination) return PortId{0};
  std::memcpy(&destination, frame.bytes.data(), sizeof destination);
  for (std::size_t i = 0; i < world.facts.ports.size(); ++i) {
    if (world.facts.ports[i].mac == destination) return PortId{static_cast<std::uint8_t>(i)};
  }
  return PortId{0};
}

}  // namespace

Sums replay(const World& world, const CommandLine& line,
            const std::function<void(const Told&)>& tell) {
  std::vector<Source> sources = sources_of(world, line);
  std::optional<CaptureWriter> writer;
  if (!line.output.empty()) writer.emplace(line.output);
  explain::Trial trial(std::min<std::size_t>(world.config.flows.capacity, flows_max));
  const Source* first = earliest(sources);
  const std::uint64_t start = first == nullptr ? 0 : first->front->nanoseconds;
  dataplane::Instant now{begin_nanoseconds};

  Sums sums;
  while (Source* source = earliest(sources)) {
    const CapturedFrame frame = std::move(*source->front);
    source->front = source->reader.next();
    // Never back: a capture of several CPUs may be out of order by microseconds.
    now.nanoseconds = std::max(now.nanoseconds, begin_nanoseconds + frame.nanoseconds - start);
    trial.pass(*world.snapshot, now);
    const PortId port = source->port.value_or(port_of(world, frame));
    const explain::Fate fate = trial.run(*world.snapshot, frame.bytes, port, now);
    ++sums.packets;
    ++sums.verdicts[fate.verdict];
    if (frame.cut) ++sums.cut;
    if (is_forward(fate.verdict) || is_reply(fate.verdict)) {
      ++sums.sent;
      if (writer) writer->write(frame.nanoseconds, fate.bytes);
    }
    tell({sums.packets, frame.nanoseconds, port, &frame.bytes, &fate});
  }
  if (writer) writer->finish();
  return sums;
}

}  // namespace tools::replay
