#include "dataplane/path/watch.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "dataplane/packet/headers.h"

namespace dataplane {
namespace {

constexpr std::size_t head_max = Capture::Kept::head_max;
constexpr std::uint64_t changing =
    verdicts::replies | verdicts::mask(Verdict::ForwardToTarget, Verdict::ForwardToClient);

/// TCP or UDP over IPv4, without tag or options: 64 bytes have all of its headers that may change.
bool is_plain_v4(const std::uint8_t* data) {
  EthernetHeader ethernet;
  std::memcpy(&ethernet, data, sizeof ethernet);
  const std::uint8_t* const ip = data + sizeof ethernet;
  constexpr std::size_t protocol = offsetof(Ipv4Header, protocol);
  return ethernet.type == ether_type::ipv4 && ip[0] == 0x45 &&
         ip[protocol] != static_cast<std::uint8_t>(Protocol::Icmp);
}

/// Heads where the path may write over them: a packet that is dropped stays as it is.
void keep(const Burst& burst, std::uint64_t wanted, Capture::Kept& kept) {
  for (std::size_t i = 0; i < burst.size; ++i) {
    kept.data[i] = burst.packets[i].data;
    kept.lengths[i] = burst.packets[i].length;
  }
  if ((wanted & changing) == 0) return;
  constexpr std::uint16_t half = head_max / 2;
  for (std::size_t i = 0; i < burst.size; ++i) {
    const Packet& packet = burst.packets[i];
    std::uint8_t* const head = kept.heads[i].data();
    const int room = packet.length + packet.tailroom;
    // Sizes that the compiler knows, and no line that the path would not touch.
    if (room >= half && (packet.length <= half || is_plain_v4(packet.data))) {
      std::memcpy(head, packet.data, half);
      kept.head_lengths[i] = std::min(packet.length, half);
      continue;
    }
    kept.head_lengths[i] = std::min<std::uint16_t>(packet.length, head_max);
    if (room >= int{head_max}) {
      std::memcpy(head, packet.data, head_max);
    } else {
      std::memcpy(head, packet.data, kept.head_lengths[i]);
    }
  }
}

/// A frame as it came, in two pieces: its first `head_length` bytes are at `head`, byte x behind
/// them at rest[x], up to `known`.
struct Arrived {
  const std::uint8_t* head;
  std::size_t head_length;
  const std::uint8_t* rest;
  std::size_t known;
  std::uint16_t length;  // of the whole frame
};

/// Where the headers that a rewrite changes end, as offset in the frame that came.
std::size_t rewritten_until(const Burst& burst, std::size_t i, const std::uint8_t* came_at) {
  const Packet& packet = burst.packets[i];
  const std::uint8_t* end = packet.data + packet.transport + sizeof(TcpHeader);
  if (burst.kinds[i] == Kind::IcmpError) {
    end += sizeof(IcmpHeader);
    const std::size_t quoted = packet.transport + sizeof(IcmpHeader);
    end += (burst.v6 >> i & 1) != 0 ? sizeof(Ipv6Header)
                                    : packet.header<Ipv4Header>(quoted).header_bytes();
  }
  return static_cast<std::size_t>(end - came_at);
}

Arrived arrived(const Burst& burst, std::size_t i, const Capture::Kept& kept) {
  const Verdict verdict = burst.verdicts[i];
  const std::uint8_t* const data = kept.data[i];
  const std::uint16_t length = kept.lengths[i];
  if ((changing >> static_cast<unsigned>(verdict) & 1) == 0) {
    return {data, length, data, length, length};
  }
  const std::size_t head = kept.head_lengths[i];
  Arrived frame{kept.heads[i].data(), head, data, length, length};
  const Packet& packet = burst.packets[i];
  if (verdict == Verdict::ReplyTooBig || verdict == Verdict::ReplyProhibited) {
    // The frame has moved behind the headers of the ICMP error that quotes it: so much is there.
    const std::size_t moved = packet.transport + sizeof(IcmpHeader) - packet.network;
    frame.rest = packet.data + moved;
    frame.known = std::min<std::size_t>(length, std::max(head, packet.length - moved));
  } else if (is_forward(verdict) && rewritten_until(burst, i, data) > head) {
    frame.known = head;
  }
  return frame;
}

void copy(const Arrived& frame, PortId port, std::uint16_t most, CapturedFrame& to) {
  to.port = port;
  to.length = frame.length;
  to.captured = static_cast<std::uint16_t>(std::min<std::size_t>(frame.known, most));
  const std::size_t head = std::min<std::size_t>(to.captured, frame.head_length);
  if (head != 0) std::memcpy(to.bytes.data(), frame.head, head);
  if (to.captured == head) return;
  std::memcpy(to.bytes.data() + head, frame.rest + head, to.captured - head);
}

struct Ends {
  IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;
};

template <class T>
std::optional<T> read_at(const std::uint8_t* bytes, std::size_t size, std::size_t offset) {
  if (offset + sizeof(T) > size) return std::nullopt;
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

/// Of a frame of which the first `size` bytes are at `bytes`; nullopt: it is not IP. Knows no IPv6
/// extensions: what has a key is not asked for here.
std::optional<Ends> ends_in(const std::uint8_t* bytes, std::size_t size) {
  std::size_t offset = sizeof(EthernetHeader);
  const auto ethernet = read_at<EthernetHeader>(bytes, size, 0);
  if (!ethernet) return std::nullopt;
  Be16 type = ethernet->type;
  if (type == ether_type::vlan) {
    const auto tag = read_at<VlanTag>(bytes, size, offset);
    if (!tag) return std::nullopt;
    type = tag->type;
    offset += sizeof(VlanTag);
  }
  Ends ends;
  if (type == ether_type::ipv4) {
    const auto ip = read_at<Ipv4Header>(bytes, size, offset);
    if (!ip) return std::nullopt;
    ends = {ip->source, ip->destination, 0, 0, ip->protocol};
    offset += ip->header_bytes();
    if ((ip->fragment.value() & 0x1fff) != 0) return ends;  // has no ports
  } else if (type == ether_type::ipv6) {
    const auto ip = read_at<Ipv6Header>(bytes, size, offset);
    if (!ip) return std::nullopt;
    ends = {ip->source, ip->destination, 0, 0, ip->next_header};
    offset += sizeof *ip;
  } else {
    return std::nullopt;
  }
  const bool ported = ends.protocol == static_cast<std::uint8_t>(Protocol::Tcp) ||
                      ends.protocol == static_cast<std::uint8_t>(Protocol::Udp);
  if (!ported) return ends;
  const auto ports = read_at<std::array<Be16, 2>>(bytes, size, offset);  // UDP's are TCP's
  if (!ports) return ends;
  ends.source_port = (*ports)[0].value();
  ends.destination_port = (*ports)[1].value();
  return ends;
}

bool is_protocol(std::uint8_t number, Protocol wanted) {
  return number == static_cast<std::uint8_t>(wanted) ||
         (wanted == Protocol::Icmp && number == static_cast<std::uint8_t>(Protocol::IcmpV6));
}

/// A packet of TCP or UDP: what it was is in its key, what it is in its headers.
template <class Address>
bool key_fits(const CaptureFilter& filter, const Burst& burst, std::size_t i) {
  const FlowKey<Address>& key = burst.key<Address>(i);
  if (filter.protocol && key.protocol != *filter.protocol) return false;
  if (!filter.from.fits(key.source, key.source_port)) return false;
  if (!filter.to.fits(key.destination, key.destination_port)) return false;
  if (filter.client.fits(key.source, key.source_port)) return true;
  if (burst.verdicts[i] != Verdict::ForwardToClient) return false;
  const Packet& packet = burst.packets[i];
  return filter.client.fits(packet.header<HeaderOf<Address>>(packet.network).destination,
                            packet.header<UdpHeader>(packet.transport).destination_port);
}

/// Any other. An ICMP error's key is of the packet that it is about.
bool frame_fits(const CaptureFilter& filter, const Burst& burst, std::size_t i,
                const Capture::Kept& kept) {
  const Arrived frame = arrived(burst, i, kept);
  const auto ends = ends_in(frame.head, std::min(frame.head_length, frame.known));
  if (!ends) return false;
  if (filter.protocol && !is_protocol(ends->protocol, *filter.protocol)) return false;
  if (!filter.from.fits(ends->source, ends->source_port)) return false;
  if (!filter.to.fits(ends->destination, ends->destination_port)) return false;
  if (filter.client.fits(ends->source, ends->source_port)) return true;
  if (burst.verdicts[i] != Verdict::ForwardToClient) return false;
  const Packet& packet = burst.packets[i];
  const auto sent = ends_in(packet.data, packet.length);
  return sent && filter.client.fits(sent->destination, sent->destination_port);
}

bool ends_fit(const CaptureFilter& filter, const Burst& burst, std::size_t i,
              const Capture::Kept& kept) {
  const bool keyed = (burst.keyed >> i & 1) != 0 && burst.kinds[i] <= Kind::Udp;
  if (!keyed) return frame_fits(filter, burst, i, kept);
  return (burst.v6 >> i & 1) != 0 ? key_fits<Ipv6Address>(filter, burst, i)
                                  : key_fits<Ipv4Address>(filter, burst, i);
}

/// What a packet belongs to, as far as it is known.
struct Whose {
  ListenerId listener;
  TargetGroupId group;
  TargetId target;
};

template <class Address>
void look_at_flow(const Burst& burst, std::size_t i, const FlowTable<Address>& flows,
                  Whose& whose) {
  const Flow<Address>& flow = flows[burst.flows[i]];
  if (!(flow.key == burst.key<Address>(i))) return;  // ended by a later packet of the burst
  whose.target = flow.target;
  whose.listener = flow.listener();
}

Whose whose_is(const Burst& burst, std::size_t i, const Snapshot& snapshot, const Core& core) {
  Whose whose{burst.listeners[i], {}, burst.targets[i]};
  const bool matched = whose.listener != no_listener;
  if (burst.flows[i] != no_flow) {
    if ((burst.v6 >> i & 1) != 0) {
      look_at_flow(burst, i, core.flows6, whose);
    } else {
      look_at_flow(burst, i, core.flows4, whose);
    }
  }
  if (const Target* target = snapshot.target(whose.target)) {
    whose.group = target->target_group;
  } else if (matched && whose.target == no_target) {
    whose.group = burst.groups[i];
  }
  return whose;
}

bool whose_fits(const CaptureFilter& filter, const Whose& whose, const Snapshot& snapshot) {
  if (filter.listener != no_listener && whose.listener != filter.listener) return false;
  if (filter.group != TargetGroupId{} && whose.group != filter.group) return false;
  if (!filter.target) return true;
  const Target* target = snapshot.target(whose.target);
  return target != nullptr && target->address == *filter.target &&
         (filter.target_port == 0 || target->port.value() == filter.target_port);
}

void hand_over(const Burst& burst, std::size_t i, const Whose& whose, Capture& capture) {
  CapturedPacket* const place = capture.place();
  if (place == nullptr) return;
  const Packet& packet = burst.packets[i];
  const std::uint16_t most = capture.request().snap_length;
  place->at = burst.now;
  place->lost = capture.lost();
  place->verdict = burst.verdicts[i];
  place->handed_off = packet.handed_off;
  place->waited = (burst.released >> i & 1) != 0;
  place->listener = whose.listener;
  place->group = whose.group;
  place->target = whose.target;
  copy(arrived(burst, i, capture.kept()), packet.ingress, most, place->before);
  if (is_forward(place->verdict) || is_reply(place->verdict)) {
    copy({packet.data, packet.length, packet.data, packet.length, packet.length}, packet.egress,
         most, place->after);
  } else {
    place->after.port = no_port;
    place->after.length = place->after.captured = 0;
  }
  capture.give();
}

Mask with_verdicts(const Burst& burst, std::uint64_t wanted) {
  Mask mask = 0;
  for (std::size_t i = 0; i < burst.size; ++i) {
    mask |= (wanted >> static_cast<unsigned>(burst.verdicts[i]) & 1) << i;
  }
  return mask;
}

}  // namespace

void run_watched(Burst& burst, const Snapshot& snapshot, Core& core) {
  Capture& capture = core.capture;
  const CaptureFilter& filter = capture.request().filter;
  keep(burst, filter.verdicts, capture.kept());
  run(burst, snapshot, core);
  for (std::size_t i : bits(with_verdicts(burst, filter.verdicts))) {
    if (capture.has_enough()) return;
    if (filter.asks_for_ends() && !ends_fit(filter, burst, i, capture.kept())) continue;
    const Whose whose = whose_is(burst, i, snapshot, core);
    if (filter.asks_for_owner() && !whose_fits(filter, whose, snapshot)) continue;
    hand_over(burst, i, whose, capture);
  }
}

}  // namespace dataplane
