#include "nic/queue_pair.h"

#include <rte_ethdev.h>
#include <rte_memcpy.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "dataplane/packet/contract.h"
#include "dataplane/packet/verdict.h"

namespace nic {
namespace {

using dataplane::Burst;
using dataplane::Mask;
using dataplane::Packet;
using dataplane::Totals;
using dataplane::Verdict;

// A transmit queue that is full for a moment gets this many more attempts; one that is full for
// longer (link down, slow peer) must not hold up the other ports.
constexpr int attempts_max = 4;

enum class Outlet : std::uint8_t { Free, Port, Kernel, Worker, Kept };

constexpr auto outlets = [] {
  std::array<Outlet, dataplane::verdict_count> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    if (dataplane::is_forward(verdict) || dataplane::is_reply(verdict)) table[i] = Outlet::Port;
  }
  table[static_cast<std::size_t>(Verdict::PuntKernel)] = Outlet::Kernel;
  table[static_cast<std::size_t>(Verdict::HandOff)] = Outlet::Worker;
  table[static_cast<std::size_t>(Verdict::Wait)] = Outlet::Kept;
  return table;
}();

/// Makes the mbuf say what the path has made of the frame: it may start and end elsewhere now.
rte_mbuf* finished(const Packet& packet) {
  auto* mbuf = static_cast<rte_mbuf*>(packet.buffer);
  DCHECK(mbuf->nb_segs == 1);
  mbuf->data_off =
      static_cast<std::uint16_t>(packet.data - static_cast<std::uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = packet.length;
  mbuf->pkt_len = packet.length;
  return mbuf;
}

/// Field by field where it stays: a struct that is put together and then copied waits for its own
/// stores, 6 ns a packet (measured in spillway-bench).
void take_in(Packet& packet, rte_mbuf* mbuf, PortId ingress, bool handed_off) {
  packet.data = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  packet.buffer = mbuf;
  packet.length = mbuf->data_len;
  packet.headroom = mbuf->data_off;
  packet.tailroom = static_cast<std::uint16_t>(mbuf->buf_len - mbuf->data_off - mbuf->data_len);
  packet.ingress = ingress;
  packet.handed_off = handed_off;
  packet.segmented = mbuf->nb_segs != 1;
}

std::uint16_t send(const WorkerPort& port, rte_mbuf** packets, std::uint16_t count) {
  std::uint16_t sent = rte_eth_tx_burst(port.number, *port.queue, packets, count);
  for (int attempt = 0; sent < count && attempt < attempts_max; ++attempt) {
    rte_pause();
    sent = static_cast<std::uint16_t>(sent +
                                      rte_eth_tx_burst(port.number, *port.queue, packets + sent,
                                                       static_cast<std::uint16_t>(count - sent)));
  }
  return sent;
}

}  // namespace

/// Gives the batch's packets away with `give(packets, count) → taken`, frees the others, counts
/// both.
template <class Give>
void QueuePair::give_away(Batch& batch, Outcome outcome, Give give) {
  const auto taken = static_cast<std::uint16_t>(give(batch.packets.data(), batch.size));
  if (taken < batch.size) {
    rte_pktmbuf_free_bulk(batch.packets.data() + taken, batch.size - taken);
    outcome.refused.add(batch.size - taken);
  }
  outcome.taken.add(taken);
  batch.size = 0;
}

QueuePair::QueuePair(std::vector<WorkerPort> ports, std::vector<WorkerPeer> peers)
    : ports_(std::move(ports)),
      peers_(std::move(peers)),
      egress_(ports_.size()),
      kernel_(ports_.size()),
      hand_off_(peers_.size()) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const WorkerPort& port = ports_[i];
    CHECK(port.queue.has_value() || port.relay != nullptr);
    if (port.queue) wires_.push_back({port.number, *port.queue, {static_cast<std::uint8_t>(i)}});
  }
  for (const WorkerPeer& peer : peers_) {
    if (peer.from != nullptr) inbound_.push_back(peer.from);
    if (peer.relayed_from != nullptr) relaying_.push_back(peer.relayed_from);
  }
}

bool QueuePair::receive(Burst& burst, dataplane::Instant now) {
  const std::size_t sources = wires_.size() + inbound_.size();
  while (next_source_ < sources) {
    const std::size_t source = next_source_++;
    const bool wire = source < wires_.size();
    std::size_t count = 0;
    if (wire) {
      count = rte_eth_rx_burst(wires_[source].number, wires_[source].queue, received_.data(),
                               batch_max);
    } else {
      count = inbound_[source - wires_.size()]->take(received_.data(), batch_max);
    }
    if (count == 0) continue;
    burst.reset(now, count);
    if (wire) {
      fill_from_wire(burst, wires_[source].port);
    } else {
      fill_from_worker(burst);
    }
    received_hand_off_ = wire ? 0 : count;
    return true;
  }
  next_source_ = 0;
  return false;
}

void QueuePair::fill_from_wire(Burst& burst, PortId port) const {
  // Every header is on its way before the first is read: a host without cache injection waits about
  // 100 ns for each otherwise.
  for (std::size_t i = 0; i < burst.size; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(received_[i], const void*));
  }
  for (std::size_t i = 0; i < burst.size; ++i) {
    take_in(burst.packets[i], received_[i], port, false);
  }
}

void QueuePair::fill_from_worker(Burst& burst) const {
  for (std::size_t i = 0; i < burst.size; ++i) rte_prefetch0(received_[i]);
  for (std::size_t i = 0; i < burst.size; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(received_[i], const void*));
    const PortId ingress{static_cast<std::uint8_t>(received_[i]->port)};
    take_in(burst.packets[i], received_[i], ingress, true);
  }
}

void QueuePair::transmit(Burst& burst, Totals& totals) {
  sort(burst);
  send_egress({totals.sent, totals.unsent});
  for (const std::size_t i : dataplane::bits(kernel_waiting_)) {
    KernelPort* kernel = ports_[i].kernel;
    give_away(kernel_[i], {totals.punted, totals.punt_unsent}, [&](rte_mbuf** packets, unsigned n) {
      return kernel == nullptr ? 0 : kernel->punt(packets, n);
    });
  }
  for (const std::size_t i : dataplane::bits(hand_off_waiting_)) {
    give_away(hand_off_[i], {totals.handed_off, totals.hand_off_unsent},
              [&](rte_mbuf** packets, unsigned n) { return peers_[i].to->put(packets, n); });
  }
  kernel_waiting_ = hand_off_waiting_ = 0;
  if (free_.size != 0) rte_pktmbuf_free_bulk(free_.packets.data(), free_.size);
  free_.size = 0;
  totals.received_hand_off.add(received_hand_off_);
  received_hand_off_ = 0;
}

void QueuePair::sort(const Burst& burst) {
  for (std::size_t i = 0; i < burst.size; ++i) {
    const Packet& packet = burst.packets[i];
    switch (outlets[static_cast<std::size_t>(burst.verdicts[i])]) {
      case Outlet::Port:
        DCHECK(packet.egress.number < ports_.size());
        egress_[packet.egress.number].add(finished(packet));
        egress_waiting_ |= Mask{1} << packet.egress.number;
        break;
      case Outlet::Kernel:
        kernel_[packet.ingress.number].add(finished(packet));
        kernel_waiting_ |= Mask{1} << packet.ingress.number;
        break;
      case Outlet::Worker: {
        DCHECK(packet.owner.number < peers_.size());
        DCHECK(peers_[packet.owner.number].to != nullptr);
        rte_mbuf* mbuf = finished(packet);
        mbuf->port = packet.ingress.number;
        hand_off_[packet.owner.number].add(mbuf);
        hand_off_waiting_ |= Mask{1} << packet.owner.number;
        break;
      }
      case Outlet::Kept: break;  // the path has it, until it comes back in a burst
      case Outlet::Free: free_.add(static_cast<rte_mbuf*>(packet.buffer)); break;
    }
  }
}

void QueuePair::send_egress(Outcome outcome) {
  for (const std::size_t i : dataplane::bits(egress_waiting_)) {
    WorkerPort& port = ports_[i];
    Batch& batch = egress_[i];
    if (port.queue) {
      give_away(batch, outcome,
                [&](rte_mbuf** packets, std::uint16_t n) { return send(port, packets, n); });
      continue;
    }
    for (std::size_t k = 0; k < batch.size; ++k) {
      batch.packets[k]->port = static_cast<std::uint16_t>(i);
    }
    give_away(batch, outcome,
              [&](rte_mbuf** packets, unsigned n) { return port.relay->put(packets, n); });
  }
  egress_waiting_ = 0;
}

std::size_t QueuePair::idle(Totals& totals) {
  std::size_t moved = 0;
  for (Ring* ring : relaying_) moved += relay(*ring, totals);
  for (const WorkerPort& port : ports_) {
    if (port.sends_for_kernel) moved += send_for_kernel(port, totals);
  }
  return moved;
}

void QueuePair::originate(std::span<const dataplane::OwnFrame> frames, Totals& totals) {
  DCHECK(frames.size() <= batch_max);
  for (const dataplane::OwnFrame& frame : frames) {
    const std::uint8_t port = frame.egress.number;
    rte_mbuf* mbuf = rte_pktmbuf_alloc(ports_[port].buffers);
    if (mbuf == nullptr) {
      totals.originated_unsent.add(1);
      continue;
    }
    mbuf->data_len = frame.length;
    mbuf->pkt_len = frame.length;
    rte_memcpy(rte_pktmbuf_mtod(mbuf, void*), frame.bytes.data(), frame.length);
    egress_[port].add(mbuf);
    egress_waiting_ |= Mask{1} << port;
  }
  if (!frames.empty()) send_egress({totals.originated, totals.originated_unsent});
}

std::size_t QueuePair::relay(Ring& ring, Totals& totals) {
  const unsigned count = ring.take(received_.data(), batch_max);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint16_t port = received_[i]->port;
    DCHECK(ports_[port].queue.has_value());
    egress_[port].add(received_[i]);
    egress_waiting_ |= Mask{1} << port;
  }
  send_egress({totals.relayed, totals.relay_unsent});
  return count;
}

std::size_t QueuePair::send_for_kernel(const WorkerPort& port, Totals& totals) {
  Batch& batch = free_;  // empty between bursts
  batch.size = static_cast<std::uint16_t>(port.kernel->take(batch.packets.data(), batch_max));
  const std::size_t count = batch.size;
  if (count == 0) return 0;
  give_away(batch, Outcome{totals.from_kernel, totals.from_kernel_unsent},
            [&](rte_mbuf** packets, std::uint16_t n) { return send(port, packets, n); });
  return count;
}

}  // namespace nic
