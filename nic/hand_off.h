// HandOff: how packets get from one worker to another: bounded rings with one writer and one
// reader.
//
// Two kinds between each pair of workers: hand-off rings carry received packets to the worker that
// owns their flow; relay rings carry finished packets to the worker that has a transmit queue on
// their port. In both, mbuf->port holds our PortId (ingress, respectively egress), not ethdev's
// number. A full ring refuses; the writer then frees and counts.
#pragma once

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/table/ids.h"
#include "nic/failure.h"
#include "nic/queue_layout.h"

namespace nic {

enum class Writers : std::uint8_t { One, Many };

/// A ring of mbufs with one reader. Empty it before it goes away.
class Ring {
 public:
  Ring() = default;
  [[nodiscard]] static Result<Ring> create(const std::string& name, std::uint32_t capacity,
                                           int numa_node, Writers writers) {
    const unsigned flags =
        RING_F_EXACT_SZ | RING_F_SC_DEQ | (writers == Writers::One ? RING_F_SP_ENQ : 0u);
    rte_ring* ring = rte_ring_create(name.c_str(), capacity, numa_node, flags);
    if (ring != nullptr) return Ring(ring);
    return Failure{"ring '" + name + "' of " + std::to_string(capacity) +
                   " packets cannot be had: " + rte_strerror(rte_errno) +
                   "; give DPDK more memory (eal.memory_megabytes)"};
  }

  [[nodiscard]] explicit operator bool() const { return ring_ != nullptr; }
  /// How many of the packets it took, from the first on.
  [[nodiscard]] unsigned put(rte_mbuf* const* packets, unsigned count) {
    return rte_ring_enqueue_burst(ring_.get(), reinterpret_cast<void* const*>(packets), count,
                                  nullptr);
  }
  [[nodiscard]] unsigned take(rte_mbuf** packets, unsigned count) {
    return rte_ring_dequeue_burst(ring_.get(), reinterpret_cast<void**>(packets), count, nullptr);
  }
  /// Frees what is in it. Nobody else uses it any more.
  void clear() {
    rte_mbuf* packet = nullptr;
    while (take(&packet, 1) != 0) rte_pktmbuf_free(packet);
  }

 private:
  struct Free {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
  };
  explicit Ring(rte_ring* ring) : ring_(ring) {}
  std::unique_ptr<rte_ring, Free> ring_;
};

/// All rings between workers. Built before they start; ring (a, b) is written by a and read by b.
class HandOff {
 public:
  /// Of each ring: many bursts, yet the rings towards one worker hold about 8,192 packets at most.
  [[nodiscard]] static std::uint32_t capacity(std::size_t workers) {
    const std::uint32_t share = std::bit_floor(static_cast<std::uint32_t>(8192 / workers));
    return share < 128 ? 128 : share > 1024 ? 1024 : share;
  }
  /// Rings that create() makes for one direction of use; for sizing pools.
  [[nodiscard]] static std::size_t rings(std::size_t workers) {
    return 2 * workers * (workers - 1);
  }

  [[nodiscard]] static Result<HandOff> create(const QueueLayout& layout, std::size_t ports,
                                              const std::vector<int>& numa_nodes) {
    HandOff made(layout.workers());
    for (std::size_t from = 0; from < layout.workers(); ++from) {
      for (std::size_t to = 0; to < layout.workers(); ++to) {
        if (from == to) continue;
        const std::string pair = std::to_string(from) + "-" + std::to_string(to);
        auto problem = made.place(made.hand_offs_, "hand-off-" + pair, from, to, numa_nodes[to]);
        if (problem) return std::move(*problem);
        if (!relays(layout, ports, from, to)) continue;
        problem = made.place(made.relays_, "relay-" + pair, from, to, numa_nodes[to]);
        if (problem) return std::move(*problem);
      }
    }
    return made;
  }

  /// Null rings (operator bool) where from == to.
  [[nodiscard]] Ring& hand_off(WorkerId from, WorkerId to) { return hand_offs_[index(from, to)]; }
  /// Null where `from` never sends through `to`.
  [[nodiscard]] Ring& relay(WorkerId from, WorkerId to) { return relays_[index(from, to)]; }
  void clear() {
    for (std::vector<Ring>* rings : {&hand_offs_, &relays_}) {
      for (Ring& ring : *rings) {
        if (ring) ring.clear();
      }
    }
  }

 private:
  explicit HandOff(std::size_t workers)
      : workers_(workers), hand_offs_(workers * workers), relays_(workers * workers) {}

  [[nodiscard]] std::size_t index(WorkerId from, WorkerId to) const {
    return from.number * workers_ + to.number;
  }
  [[nodiscard]] std::optional<Failure> place(std::vector<Ring>& rings, const std::string& name,
                                             std::size_t from, std::size_t to, int numa_node) {
    auto ring = Ring::create(name, capacity(workers_), numa_node, Writers::One);
    if (auto* failure = std::get_if<Failure>(&ring)) return std::move(*failure);
    rings[from * workers_ + to] = std::move(std::get<Ring>(ring));
    return std::nullopt;
  }
  [[nodiscard]] static bool relays(const QueueLayout& layout, std::size_t ports, std::size_t from,
                                   std::size_t to) {
    for (std::size_t port = 0; port < ports; ++port) {
      const PortId id{static_cast<std::uint8_t>(port)};
      const WorkerId worker{static_cast<std::uint8_t>(from)};
      if (layout.sender(id, worker).number == to) return true;
    }
    return false;
  }

  std::size_t workers_;
  std::vector<Ring> hand_offs_;
  std::vector<Ring> relays_;
};

}  // namespace nic
