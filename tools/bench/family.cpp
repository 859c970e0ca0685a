#include "tools/bench/family.h"

#include <cstring>

#include "dataplane/packet/checksum.h"

namespace tools::bench {
namespace {

using dataplane::Be16;
using dataplane::EthernetHeader;
using dataplane::Ipv4Header;
using dataplane::Protocol;
using dataplane::sum_words;
using dataplane::TcpHeader;
using dataplane::UdpHeader;

constexpr std::size_t network = sizeof(EthernetHeader);
constexpr std::size_t transport = network + sizeof(Ipv4Header);

template <class T>
T& header(std::uint8_t* frame, std::size_t offset) {
  return *reinterpret_cast<T*>(frame + offset);
}
template <class T>
const T& header(const std::uint8_t* frame, std::size_t offset) {
  return *reinterpret_cast<const T*>(frame + offset);
}

/// MurmurHash3's finalizer: every input has an output of its own.
std::uint32_t scrambled(std::uint32_t number) {
  number = (number ^ number >> 16) * 0x85eb'ca6bu;
  number = (number ^ number >> 13) * 0xc2b2'ae35u;
  return number ^ number >> 16;
}

}  // namespace

Ipv4::Key Ipv4::to_listener(std::uint32_t number, Protocol protocol) {
  constexpr std::uint32_t clients_first = 0xc612'0000;  // 198.18.0.0/15
  constexpr unsigned client_bits = 17;
  const std::uint32_t word = scrambled(number);
  Key key;
  key.source = {dataplane::Be32{clients_first + (word & ((1u << client_bits) - 1))}};
  key.destination = listener();
  key.source_port = Be16{static_cast<std::uint16_t>(1024 + (word >> client_bits))};
  key.destination_port = Be16{listener_port(protocol)};
  key.protocol = protocol;
  return key;
}

Ipv4::Key Ipv4::key_of(const std::uint8_t* frame) {
  const auto& ip = header<Ipv4Header>(frame, network);
  const auto& ports = header<UdpHeader>(frame, transport);  // TCP's stand in the same place
  Key key;
  key.source = ip.source;
  key.destination = ip.destination;
  key.source_port = ports.source_port;
  key.destination_port = ports.destination_port;
  key.protocol = static_cast<Protocol>(ip.protocol);
  return key;
}

bool Ipv4::checksums_right(const std::uint8_t* frame) {
  const auto& ip = header<Ipv4Header>(frame, network);
  const auto bytes = static_cast<std::uint16_t>(ip.total_length.value() - sizeof(Ipv4Header));
  const std::uint64_t sum =
      dataplane::sum_pseudo_header(ip.source, ip.destination, ip.protocol, bytes) +
      sum_words(frame + transport, bytes);
  return dataplane::header_checksum_right(ip) && dataplane::fold_carries(sum) == 0xffff;
}

Ipv4::Writer::Writer(Protocol protocol, dataplane::MacAddress source,
                     dataplane::MacAddress destination)
    : tcp_(protocol == Protocol::Tcp) {
  header<EthernetHeader>(template_, 0) = {destination, source, dataplane::ether_type::ipv4};
  auto& ip = header<Ipv4Header>(template_, network);
  // A TCP segment without data is padded by Ethernet; a datagram brings data that fills it.
  constexpr std::uint16_t udp_bytes = frame_bytes - network;
  constexpr std::uint16_t tcp_bytes = sizeof(Ipv4Header) + sizeof(TcpHeader);
  const std::uint16_t bytes = tcp_ ? tcp_bytes : udp_bytes;
  const auto behind = static_cast<std::uint16_t>(bytes - sizeof(Ipv4Header));
  ip.version_and_words = 0x45;
  ip.total_length = Be16{bytes};
  ip.fragment = Be16{Ipv4Header::dont_fragment};
  ip.ttl = 64;
  ip.protocol = static_cast<std::uint8_t>(protocol);
  if (tcp_) {
    auto& tcp = header<TcpHeader>(template_, transport);
    tcp.words = 5 << 4;
    tcp.window = Be16{0xffff};
  } else {
    header<UdpHeader>(template_, transport).length = Be16{behind};
  }
  network_sum_ = sum_words(template_ + network, sizeof(Ipv4Header));
  transport_sum_ =
      dataplane::sum_pseudo_header<dataplane::Ipv4Address>({}, {}, ip.protocol, behind) +
      sum_words(template_ + transport, behind);
}

void Ipv4::Writer::write(std::uint8_t* frame, const Key& key, std::uint8_t tcp_flags) const {
  std::memcpy(frame, template_, sizeof template_);
  auto& ip = header<Ipv4Header>(frame, network);
  ip.source = key.source;
  ip.destination = key.destination;
  const std::uint64_t addresses = sum_words(key.source) + sum_words(key.destination);
  ip.checksum = dataplane::checksum_of(network_sum_ + addresses);
  const std::uint64_t sum =
      transport_sum_ + addresses + key.source_port.wire() + key.destination_port.wire();
  if (tcp_) {
    auto& tcp = header<TcpHeader>(frame, transport);
    tcp.source_port = key.source_port;
    tcp.destination_port = key.destination_port;
    tcp.flags = tcp_flags;
    // The flags are the second byte of their word.
    tcp.checksum = dataplane::checksum_of(sum + Be16{tcp_flags}.wire());
  } else {
    auto& udp = header<UdpHeader>(frame, transport);
    udp.source_port = key.source_port;
    udp.destination_port = key.destination_port;
    udp.checksum = dataplane::checksum_of(sum);
    if (udp.checksum == Be16{0}) udp.checksum = Be16{0xffff};  // zero would mean none (RFC 768)
  }
}

}  // namespace tools::bench
