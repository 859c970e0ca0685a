// FastPath: the usual packet of a known flow, from its entry to its verdict in one go. Whatever is
// odd about a packet (its flow ends or begins anew, no next hop, TTL, size, another tag, an ICMP
// error) is left, unchanged, to the verbs that deal with it: track and
// translate do all that this does, one thing at a time.
//
// Made by track for one family of one burst. What it forwards is counted here, account leaves it
// out (`burst.counted`).
#pragma once

#include <bit>
#include <cstring>

#include "dataplane/burst.h"
#include "dataplane/counters.h"
#include "dataplane/path/answer.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/nat.h"
#include "dataplane/path/track.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

template <class Address>
class FastPath {
 public:
  FastPath(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows,
           WorkerBlock& counters)
      : burst_(burst),
        snapshot_(snapshot),
        flows_(flows),
        table_(flows.table()),
        measures_(flows.measures()),
        counters_(counters) {}
  FastPath(const FastPath&) = delete;
  FastPath& operator=(const FastPath&) = delete;

  /// Forwards packet i of the flow burst.flows[i] and decides it; false: look closer. Always
  /// inline: a call would cost a tenth of what it does.
  [[nodiscard, gnu::always_inline]] bool forward(std::size_t i) {
    Flow<Address>& flow = table_[burst_.flows[i]];
    return flow.direction == Direction::ToTarget ? forward<Direction::ToTarget>(i, flow)
                                                 : forward<Direction::ToClient>(i, flow);
  }

  /// After the last packet.
  [[gnu::always_inline]] void finish() {
    const auto to_client = static_cast<std::uint64_t>(std::popcount(done_)) - to_target_;
    verdicts(Verdict::ForwardToTarget).add(to_target_);
    verdicts(Verdict::ForwardToClient).add(to_client);
    burst_.pending &= ~done_;
    burst_.counted |= done_;
    // Asked once a burst: nobody else pays for what these need.
    if (snapshot_.any_tcp_udp) [[unlikely]]
      split_protocols();
  }

 private:
  // One code for each direction, so that a packet asks for its own once.
  template <Direction direction>
  [[nodiscard, gnu::always_inline]] bool forward(std::size_t i, Flow<Address>& flow) {
    Packet& packet = burst_.packets[i];
    const Target* target = snapshot_.target(flow.target);
    if (target == nullptr || target->terminated || burst_.kinds[i] > Kind::Udp) [[unlikely]]
      return false;
    if (hops_left(packet.header<HeaderOf<Address>>(packet.network)) <= 1) [[unlikely]]
      return false;
    const auto bytes = static_cast<std::uint16_t>(packet.length - packet.network);
    TargetCounters& counters = counters_of(counters_, flow.target);
    if constexpr (direction == Direction::ToTarget) {
      if (!is_plain(packet, bytes, target->next_hop)) [[unlikely]]
        return false;
      if (!moved_on(flow, burst_.tcp_flags[i])) [[unlikely]]
        return false;
      learn_client(packet, flow, table_);
      put_link_header(packet, target->next_hop);
      counters.packets_to_target.add(1);
      counters.bytes_to_target.add(bytes);
      burst_.verdicts[i] = Verdict::ForwardToTarget;
      ++to_target_;
    } else {
      if (flow.client_mac.is_zero()) [[unlikely]]  // not known yet
        return false;
      const Port& port = snapshot_.ports[flow.client_port.number];
      if (!is_plain(packet, bytes, port)) [[unlikely]]
        return false;
      if (!moved_on(flow, burst_.tcp_flags[i])) [[unlikely]]
        return false;
      put_link_header(packet, flow.client_mac, port);
      counters.packets_to_client.add(1);
      counters.bytes_to_client.add(bytes);
      burst_.verdicts[i] = Verdict::ForwardToClient;
    }
    rewrite_nat(packet, flow);
    flow.count(bytes);
    see<direction>(flow, table_, packet, measures_, now_);
    done_ |= Mask{1} << i;
    return true;
  }

  /// Does the packet fit, without a change of its size?
  [[nodiscard, gnu::always_inline]] static bool is_plain(const Packet& packet, std::uint16_t bytes,
                                                         const NextHop& hop) {
    return hop.header_size == packet.network && bytes <= hop.mtu;
  }
  [[nodiscard, gnu::always_inline]] static bool is_plain(const Packet& packet, std::uint16_t bytes,
                                                         const Port& port) {
    return port.usual<Address>().network == packet.network && bytes <= port.mtu;
  }

  /// Moves the connection on; false if the packet may show that another begins.
  [[nodiscard, gnu::always_inline]] bool moved_on(Flow<Address>& flow, std::uint8_t flags) {
    constexpr std::uint8_t moving = TcpHeader::syn | TcpHeader::fin | TcpHeader::rst;
    if (flow.phase == Phase::Established && (flags & moving) == 0) [[likely]]
      return true;
    if (is_client_syn(flow, flags)) return false;
    advance_opening(flow, flows_, flags, counters_, now_);
    if ((flags & TcpHeader::rst) != 0) {
      TargetCounters& target = counters_of(counters_, flow.target);
      const bool by_client = flow.direction == Direction::ToTarget;
      (by_client ? target.client_resets : target.target_resets).add(1);
    }
    return true;
  }

  /// The EtherType behind it stays: the family does.
  [[gnu::always_inline]] static void put_link_header(Packet& packet, const NextHop& hop) {
    std::memcpy(packet.data, hop.header.data(), 2 * sizeof(MacAddress));
    if (packet.network != sizeof(EthernetHeader)) {
      std::memcpy(packet.data + sizeof(EthernetHeader), hop.header.data() + sizeof(EthernetHeader),
                  sizeof(Be16));
    }
    packet.egress = hop.port;
  }
  [[gnu::always_inline]] static void put_link_header(Packet& packet, const MacAddress& destination,
                                                     const Port& port) {
    auto& ethernet = packet.header<EthernetHeader>(0);
    ethernet.destination = destination;
    ethernet.source = port.mac;
    if (packet.network != sizeof(EthernetHeader)) {
      packet.header<VlanTag>(sizeof(EthernetHeader)).control = Be16{port.vlan};
    }
    packet.egress = port.id;
  }

  /// Counts the UDP of targets with both protocols. Their entries are still where they were: what
  /// track ends is TCP.
  [[gnu::noinline]] void split_protocols() {
    for (std::size_t i : bits(done_)) {
      if (burst_.kinds[i] != Kind::Udp) continue;
      const Flow<Address>& flow = table_[burst_.flows[i]];
      const Target* target = snapshot_.target(flow.target);
      if (target == nullptr || !target->tcp_udp) continue;
      const Packet& packet = burst_.packets[i];
      count_udp(counters_, flow.target, flow.direction,
                static_cast<std::uint64_t>(packet.length - packet.network));
    }
  }

  [[nodiscard]] Counter& verdicts(Verdict verdict) {
    return counters_.verdicts[static_cast<std::size_t>(verdict)];
  }

  Burst& burst_;
  const Snapshot& snapshot_;
  FlowLedger<Address>& flows_;
  FlowTable<Address>& table_;
  const FlowMeasures& measures_;
  WorkerBlock& counters_;
  Tick now_ = Tick::of(burst_.now);
  Mask done_ = 0;
  std::uint64_t to_target_ = 0;
};

}  // namespace dataplane
