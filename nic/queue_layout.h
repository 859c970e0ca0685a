// QueueLayout: which worker polls which receive queue, and through whom each worker sends.
//
// Pure. A port gets as many queue pairs as there are workers, or as many as its device has; queue i
// for receiving and queue i for transmitting belong to the same worker. Ports with fewer queues
// than workers are spread, so that two single-queue ports occupy two workers. A worker without a
// queue on a port sends through the worker that has one (a relay ring).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/packet/contract.h"
#include "dataplane/table/ids.h"

namespace nic {

using dataplane::PortId;
using dataplane::WorkerId;

class QueueLayout {
 public:
  /// `queues_max`: by port, what the device can have; at least 1.
  QueueLayout(std::size_t workers, const std::vector<std::uint16_t>& queues_max)
      : workers_(workers) {
    CHECK(workers > 0);
    std::size_t next = 0;
    for (const std::uint16_t max : queues_max) {
      CHECK(max > 0);
      const std::size_t queues = max < workers ? max : workers;
      if (queues == workers) next = 0;
      std::vector<WorkerId> owners;
      for (std::size_t i = 0; i < queues; ++i, ++next) {
        owners.push_back(WorkerId{static_cast<std::uint8_t>(next % workers)});
      }
      owners_.push_back(std::move(owners));
    }
  }

  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] std::uint16_t queues(PortId port) const {
    return static_cast<std::uint16_t>(owners_[port.number].size());
  }
  /// The worker that polls the queue and sends on it.
  [[nodiscard]] WorkerId owner(PortId port, std::uint16_t queue) const {
    return owners_[port.number][queue];
  }
  /// The worker's own queue on the port, if it has one.
  [[nodiscard]] std::optional<std::uint16_t> queue_of(PortId port, WorkerId worker) const {
    const auto& owners = owners_[port.number];
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (owners[i] == worker) return static_cast<std::uint16_t>(i);
    }
    return std::nullopt;
  }
  /// Who sends on the port what this worker has for it.
  [[nodiscard]] WorkerId sender(PortId port, WorkerId worker) const {
    if (queue_of(port, worker)) return worker;
    const auto& owners = owners_[port.number];
    return owners[worker.number % owners.size()];
  }

 private:
  std::size_t workers_;
  std::vector<std::vector<WorkerId>> owners_;  // by port, by queue
};

}  // namespace nic
