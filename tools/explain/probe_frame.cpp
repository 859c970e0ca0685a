#include "tools/explain/probe_frame.h"

#include <cstddef>
#include <cstring>

#include "dataplane/packet/checksum.h"

namespace explain {
namespace {

using namespace dataplane;

constexpr std::uint8_t ttl = 64;
constexpr MacAddress some_router{{0x02, 0, 0, 0xff, 0xff, 0xfe}};  // nobody looks at it

template <class T>
void append(std::vector<std::uint8_t>& bytes, const T& value) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

/// TCP or UDP header without payload; its checksum covers the addresses, too.
template <class Address>
void append_transport(std::vector<std::uint8_t>& bytes, const ProbeFrame& probe) {
  const std::size_t start = bytes.size();
  const Be16 from{probe.from.port}, to{probe.to.port};
  if (probe.protocol == Protocol::Tcp) {
    TcpHeader tcp{};
    tcp.source_port = from;
    tcp.destination_port = to;
    tcp.words = 5 << 4;
    tcp.flags = probe.tcp_flags;
    tcp.window = Be16{65'535};
    append(bytes, tcp);
  } else {
    append(bytes, UdpHeader{from, to, Be16{sizeof(UdpHeader)}, Be16{0}});
  }
  const auto size = static_cast<std::uint16_t>(bytes.size() - start);
  const std::uint64_t sum =
      sum_pseudo_header(probe.from.address.as<Address>(), probe.to.address.as<Address>(),
                        static_cast<std::uint8_t>(probe.protocol), size) +
      sum_words(bytes.data() + start, size);
  const Be16 checksum = checksum_of(sum);
  const std::size_t place = probe.protocol == Protocol::Tcp ? offsetof(TcpHeader, checksum)
                                                            : offsetof(UdpHeader, checksum);
  std::memcpy(bytes.data() + start + place, &checksum, sizeof checksum);
}

void append_v4(std::vector<std::uint8_t>& bytes, const ProbeFrame& probe) {
  const std::size_t transport =
      probe.protocol == Protocol::Tcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  Ipv4Header ip{};
  ip.version_and_words = 0x45;
  ip.total_length = Be16{static_cast<std::uint16_t>(sizeof ip + transport)};
  ip.fragment = Be16{Ipv4Header::dont_fragment};
  ip.ttl = ttl;
  ip.protocol = static_cast<std::uint8_t>(probe.protocol);
  ip.source = probe.from.address.v4();
  ip.destination = probe.to.address.v4();
  set_header_checksum(ip);
  append(bytes, ip);
  append_transport<Ipv4Address>(bytes, probe);
}

void append_v6(std::vector<std::uint8_t>& bytes, const ProbeFrame& probe) {
  const std::size_t transport =
      probe.protocol == Protocol::Tcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  Ipv6Header ip{};
  ip.version_and_flow = Be32{Ipv6Header::version_6};
  ip.payload_length = Be16{static_cast<std::uint16_t>(transport)};
  ip.next_header = static_cast<std::uint8_t>(probe.protocol);
  ip.hop_limit = ttl;
  ip.source = probe.from.address.v6();
  ip.destination = probe.to.address.v6();
  append(bytes, ip);
  append_transport<Ipv6Address>(bytes, probe);
}

}  // namespace

std::vector<std::uint8_t> bytes_of(const ProbeFrame& probe, const Port& port) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(128);  // as much as there may be; and GCC 12 sees no overflow where none is
  const bool v4 = probe.from.address.is_v4();
  const Be16 type = v4 ? ether_type::ipv4 : ether_type::ipv6;
  append(bytes, EthernetHeader{port.mac, some_router, port.vlan == 0 ? type : ether_type::vlan});
  if (port.vlan != 0) append(bytes, VlanTag{Be16{port.vlan}, type});
  v4 ? append_v4(bytes, probe) : append_v6(bytes, probe);
  return bytes;
}

}  // namespace explain
