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

/// One replay: what has come of the frames so far.
class Replay {
 public:
  Replay(const World& world, const CommandLine& line, const std::function<void(const Told&)>& tell)
      : world_(world), tell_(tell), trial_(options_for(world)) {
    if (!line.output.empty()) writer_.emplace(line.output);
    for (const dataplane::TargetGroupId group : world.snapshot->queueing) {
      trial_.assume_queue(group);
    }
  }

  /// `nanoseconds`: since 1970, of the first frame.
  void begin(std::uint64_t nanoseconds) { start_ = nanoseconds; }
  void frame(const CapturedFrame& frame, PortId port) {
    // Never back: a capture of several CPUs may be out of order by microseconds.
    now_.nanoseconds = std::max(now_.nanoseconds, begin_nanoseconds + frame.nanoseconds - start_);
    pass();
    const explain::Fate fate = trial_.run(*world_.snapshot, frame.bytes, port, now_);
    ++sums_.packets;
    if (frame.cut) ++sums_.cut;
    count(fate, frame.nanoseconds);
    tell_({sums_.packets, frame.nanoseconds, port, &frame.bytes, &fate});
  }
  [[nodiscard]] Sums end() {
    pass();
    sums_.waiting = trial_.waiting();
    if (writer_) writer_->finish();
    return sums_;
  }

 private:
  static explain::TrialOptions options_for(const World& world) {
    return {.flows = std::min<std::size_t>(world.config.flows.capacity, flows_max),
            .surge_capacity = config::surge_capacity(world.config)};
  }
  void pass() {
    for (const explain::Released& one : trial_.pass(*world_.snapshot, now_)) {
      ++sums_.released;
      const std::uint64_t at = one.until.nanoseconds - begin_nanoseconds + start_;
      count(one.fate, at);
      const auto waited = static_cast<double>(one.until.nanoseconds - one.since.nanoseconds) / 1e9;
      tell_({one.number, at, one.port, &one.arrived, &one.fate, waited});
    }
  }
  void count(const explain::Fate& fate, std::uint64_t nanoseconds) {
    ++sums_.verdicts[fate.verdict];
    if (!is_forward(fate.verdict) && !is_reply(fate.verdict)) return;
    ++sums_.sent;
    if (writer_) writer_->write(nanoseconds, fate.bytes);
  }

  const World& world_;
  const std::function<void(const Told&)>& tell_;
  explain::Trial trial_;
  std::optional<CaptureWriter> writer_;
  std::uint64_t start_ = 0;
  dataplane::Instant now_{begin_nanoseconds};
  Sums sums_;
};

}  // namespace

Sums replay(const World& world, const CommandLine& line,
            const std::function<void(const Told&)>& tell) {
  std::vector<Source> sources = sources_of(world, line);
  Replay run(world, line, tell);
  if (const Source* first = earliest(sources)) run.begin(first->front->nanoseconds);
  while (Source* source = earliest(sources)) {
    const CapturedFrame frame = std::move(*source->front);
    source->front = source->reader.next();
    run.frame(frame, source->port.value_or(port_of(world, frame)));
  }
  return run.end();
}

}  // namespace tools::replay
