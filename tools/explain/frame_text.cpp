#include "tools/explain/frame_text.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "dataplane/packet/headers.h"

namespace explain {
namespace {

using namespace dataplane;

template <class T>
std::optional<T> read_at(std::span<const std::uint8_t> frame, std::size_t offset) {
  if (offset + sizeof(T) > frame.size()) return std::nullopt;
  T value;
  std::memcpy(&value, frame.data() + offset, sizeof value);
  return value;
}

constexpr std::uint8_t tcp = 6, udp = 17;

}  // namespace

std::optional<Ends> ends_of(std::span<const std::uint8_t> frame) {
  const auto ethernet = read_at<EthernetHeader>(frame, 0);
  if (!ethernet) return std::nullopt;
  Ends ends;
  ends.source_mac = ethernet->source;
  ends.destination_mac = ethernet->destination;
  std::size_t offset = sizeof(EthernetHeader);
  Be16 type = ethernet->type;
  if (type == ether_type::vlan) {
    const auto tag = read_at<VlanTag>(frame, offset);
    if (!tag) return std::nullopt;
    type = tag->type;
    offset += sizeof(VlanTag);
  }
  if (type == ether_type::ipv4) {
    const auto ip = read_at<Ipv4Header>(frame, offset);
    if (!ip) return std::nullopt;
    ends.source = ip->source;
    ends.destination = ip->destination;
    ends.ttl = ip->ttl;
    ends.protocol = ip->protocol;
    offset += ip->header_bytes();
    if ((ip->fragment.value() & 0x1fff) != 0) return ends;  // not the first piece: no ports
  } else if (type == ether_type::ipv6) {
    const auto ip = read_at<Ipv6Header>(frame, offset);
    if (!ip) return std::nullopt;
    ends.source = ip->source;
    ends.destination = ip->destination;
    ends.ttl = ip->hop_limit;
    ends.protocol = ip->next_header;
    offset += sizeof(Ipv6Header);
  } else {
    return std::nullopt;
  }
  if (ends.protocol != tcp && ends.protocol != udp) return ends;
  // UDP's ports are where TCP's are.
  const auto ports = read_at<std::array<Be16, 2>>(frame, offset);
  if (!ports) return std::nullopt;
  ends.source_port = (*ports)[0].value();
  ends.destination_port = (*ports)[1].value();
  if (ends.protocol != tcp) return ends;
  if (const auto header = read_at<TcpHeader>(frame, offset)) ends.tcp_flags = header->flags;
  return ends;
}

std::string flags_text(std::uint8_t tcp_flags) {
  static constexpr std::array<std::pair<std::uint8_t, std::string_view>, 5> names{
      {{TcpHeader::syn, "SYN"},
       {TcpHeader::fin, "FIN"},
       {TcpHeader::rst, "RST"},
       {TcpHeader::psh, "PSH"},
       {TcpHeader::ack, "ACK"}}};
  std::string text;
  for (const auto& [bit, name] : names) {
    if ((tcp_flags & bit) == 0) continue;
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text;
}

std::string end_text(const IpAddress& address, std::uint16_t port) {
  return port == 0 ? to_string(address) : with_port(address, port);
}

}  // namespace explain
