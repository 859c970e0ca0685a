// Source: the segment of one instance, whether or not there is one at the moment.
//
// Opened when asked and again after each of the daemon's restarts, so that the exporter may be
// started before the daemon, and outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tools/report/segment_reader.h"

namespace exporter {

/// What there is to tell at a moment. Points into the mapping: not to be kept.
struct Reading {
  std::string instance;
  std::uint64_t now_unix_milliseconds = 0;
  std::optional<report::SegmentView> view;  // nullopt: there is no segment that can be read
  report::Liveness liveness;
  std::string why;  // a sentence: why figures are not those of now; "" if they are
};

class Source {
 public:
  explicit Source(std::string instance) : instance_(std::move(instance)) {}
  /// Follows the daemon to its newest segment first.
  [[nodiscard]] Reading read();

 private:
  std::string instance_;
  std::optional<report::SegmentReader> reader_;
};

}  // namespace exporter
