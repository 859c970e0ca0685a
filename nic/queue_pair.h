// QueuePair: one worker's Io (dataplane/worker.h): its receive queues, its transmit queues, its
// rings.
//
// Built before the worker starts, used by that worker alone. receive() gives one burst from each
// source in turn: the worker's receive queues first, then what other workers handed off to it.
// transmit() sorts a burst by verdict into batches and gives each batch away as a whole. A batch
// never outlives the call: nothing waits for more packets to come.
//
// What a port does not take after a few attempts is freed and counted as unsent; nothing blocks.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/counters.h"
#include "dataplane/packet/clock.h"
#include "dataplane/packet/own_frame.h"
#include "nic/hand_off.h"
#include "nic/kernel_port.h"
#include "nic/queue_layout.h"

namespace nic {

/// What a worker must know of one port.
struct WorkerPort {
  std::uint16_t number = 0;            // ethdev's
  std::optional<std::uint16_t> queue;  // the worker's own, to poll and to send on
  Ring* relay = nullptr;               // else to the worker that sends for this one
  KernelPort* kernel = nullptr;        // the TAP twin; may be missing
  rte_mempool* buffers = nullptr;      // of the packets that the worker makes itself
  bool sends_for_kernel = false;       // this worker puts the kernel's packets on the wire
};

/// What a worker must know of another worker.
struct WorkerPeer {
  Ring* to = nullptr;            // hand-off
  Ring* from = nullptr;          // hand-off
  Ring* relayed_from = nullptr;  // may be missing
};

class QueuePair {
 public:
  /// `ports` by PortId, `peers` by WorkerId (its own entry: nulls).
  QueuePair(std::vector<WorkerPort> ports, std::vector<WorkerPeer> peers);
  QueuePair(const QueuePair&) = delete;
  QueuePair& operator=(const QueuePair&) = delete;

  [[nodiscard]] bool receive(dataplane::Burst& burst, dataplane::Instant now);
  void transmit(dataplane::Burst& burst, dataplane::Totals& totals);
  std::size_t idle(dataplane::Totals& totals);
  void originate(std::span<const dataplane::OwnFrame> frames, dataplane::Totals& totals);

 private:
  static constexpr std::size_t batch_max = dataplane::Burst::capacity;

  struct Batch {
    std::array<rte_mbuf*, batch_max> packets;
    std::uint16_t size = 0;
    void add(rte_mbuf* packet) { packets[size++] = packet; }
  };
  struct Outcome {
    dataplane::Counter& taken;
    dataplane::Counter& refused;
  };
  struct WireSource {
    std::uint16_t number;
    std::uint16_t queue;
    PortId port;
  };

  template <class Give>
  static void give_away(Batch& batch, Outcome outcome, Give give);
  void fill_from_wire(dataplane::Burst& burst, PortId port) const;
  void fill_from_worker(dataplane::Burst& burst) const;
  void sort(const dataplane::Burst& burst);
  void send_egress(Outcome outcome);
  std::size_t relay(Ring& ring, dataplane::Totals& totals);
  std::size_t send_for_kernel(const WorkerPort& port, dataplane::Totals& totals);

  std::vector<WorkerPort> ports_;
  std::vector<WorkerPeer> peers_;
  std::vector<WireSource> wires_;
  std::vector<Ring*> inbound_;   // hand-off rings to this worker
  std::vector<Ring*> relaying_;  // relay rings to this worker
  std::size_t next_source_ = 0;
  std::uint64_t received_hand_off_ = 0;  // in the burst in hand
  std::array<rte_mbuf*, batch_max> received_;
  std::vector<Batch> egress_;    // by port
  std::vector<Batch> kernel_;    // by port
  std::vector<Batch> hand_off_;  // by worker
  Batch free_;
  dataplane::Mask egress_waiting_ = 0;  // bit i: egress_[i] has packets
  dataplane::Mask kernel_waiting_ = 0;
  dataplane::Mask hand_off_waiting_ = 0;
};

}  // namespace nic
