// QueueDrops: what a device has lost at each of its receive queues, where it tells.
//
// A port's `missed` says that workers are too slow, this says which: with RSS one long flow can
// drown one worker while the others idle. There is no call for it that all drivers answer, but
// their extended statistics have names, and those of queues begin with "rx_q3_". Looked for once,
// when the port is configured; read by the control thread with the port's other statistics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace nic {

/// A figure of frames lost at a receive queue.
struct QueueDropFigure {
  std::uint16_t queue;
  std::size_t rank;  // of several that a queue has, the lowest counts: the others are part of it
};
/// What the extended statistic of that name is; nullopt: something else.
[[nodiscard]] std::optional<QueueDropFigure> queue_drop_figure(std::string_view name);

class QueueDrops {
 public:
  QueueDrops() = default;  // nothing is known
  /// Of an ethdev that is configured, with so many receive queues.
  QueueDrops(std::uint16_t port, std::uint16_t queues);

  /// Frames lost since the device's start, by queue; empty if the device does not count them, for
  /// all of its queues.
  [[nodiscard]] std::vector<std::uint64_t> read() const;

 private:
  std::uint16_t port_ = 0;
  std::vector<std::uint64_t> ids_;  // of the extended statistics, by queue
};

}  // namespace nic
