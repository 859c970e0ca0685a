// EalLog: what DPDK has to say, line by line, into a sink instead of onto stderr.
//
// Written by any thread that runs DPDK code; the sink must allow that. The complaints (warnings and
// worse) of the last while are kept, so that a Failure can quote the driver's own words. One
// instance lives at a time: DPDK has one log stream. Bound: `lines_max` lines are kept.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace nic {

enum class Severity : std::uint8_t { Error, Warning, Notice, Info, Debug };

/// Gets one line, without its end. Called with no lock of the caller's held, from any thread.
using LogSink = std::function<void(Severity, std::string_view)>;

class EalLog {
 public:
  static constexpr std::size_t lines_max = 32;

  /// An empty sink: the lines are only kept for quoting.
  explicit EalLog(LogSink sink);
  ~EalLog();
  EalLog(const EalLog&) = delete;
  EalLog& operator=(const EalLog&) = delete;

  /// Forgets the complaints so far: what comes from here on belongs to the next step of the start.
  void begin_step();
  /// The last complaints since begin_step(), "; " between them; empty if there were none.
  [[nodiscard]] std::string complaints() const;

 private:
  static long take(void* self, const char* bytes, std::size_t size);
  void take_line(std::string_view line);

  LogSink sink_;
  std::FILE* stream_ = nullptr;
  mutable std::mutex mutex_;
  std::string partial_;
  std::deque<std::string> complaints_;
};

}  // namespace nic
