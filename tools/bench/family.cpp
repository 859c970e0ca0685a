#include "tools/bench/family.h"

#include <cstring>
#include <type_traits>

#include "dataplane/packet/checksum.h"

namespace tools::bench {
namespace {

using dataplane::Be16;
using dataplane::Be32;
using dataplane::EthernetHeader;
using dataplane::HeaderOf;
using dataplane::Ipv4Address;
using dataplane::Ipv4Header;
using dataplane::Ipv6Address;
using dataplane::Ipv6Header;
using dataplane::Protocol;
using dataplane::sum_words;
using dataplane::TcpHeader;
using dataplane::UdpHeader;

constexpr std::size_t network = sizeof(EthernetHeader);
template <class Address>
constexpr std::size_t transport = network + sizeof(HeaderOf<Address>);

template <class T>
T& header(std::uint8_t* frame, std::size_t offset) {
  return *reinterpret_cast<T*>(frame + offset);
}
template <class T>
const T& header(const std::uint8_t* frame, std::size_t offset) {
  return *reinterpret_cast<const T*>(frame + offset);
}

// --- what the network headers have, each in its own way ---

std::uint8_t protocol_of(const Ipv4Header& ip) { return ip.protocol; }
std::uint8_t protocol_of(const Ipv6Header& ip) { return ip.next_header; }

/// Bytes of the transport header and what follows it.
std::uint16_t payload_of(const Ipv4Header& ip) {
  return static_cast<std::uint16_t>(ip.total_length.value() - sizeof(Ipv4Header));
}
std::uint16_t payload_of(const Ipv6Header& ip) { return ip.payload_length.value(); }

bool header_right(const Ipv4Header& ip) { return dataplane::header_checksum_right(ip); }
bool header_right(const Ipv6Header& ip) { return ip.version() == 6; }  // it has no checksum

void begin(Ipv4Header& ip, Protocol protocol, std::uint16_t payload) {
  ip.version_and_words = 0x45;
  ip.total_length = Be16{static_cast<std::uint16_t>(sizeof ip + payload)};
  ip.fragment = Be16{Ipv4Header::dont_fragment};
  ip.ttl = 64;
  ip.protocol = static_cast<std::uint8_t>(protocol);
}
void begin(Ipv6Header& ip, Protocol protocol, std::uint16_t payload) {
  ip.version_and_flow = Be32{Ipv6Header::version_6};
  ip.payload_length = Be16{payload};
  ip.hop_limit = 64;
  ip.next_header = static_cast<std::uint8_t>(protocol);
}

/// MurmurHash3's finalizer: every input has an output of its own.
std::uint32_t scrambled(std::uint32_t number) {
  number = (number ^ number >> 16) * 0x85eb'ca6bu;
  number = (number ^ number >> 13) * 0xc2b2'ae35u;
  return number ^ number >> 16;
}

/// A client's 32 bits of its own: who, and from which port.
constexpr unsigned client_bits = 17;
std::uint32_t client_of(std::uint32_t word) { return word & ((1u << client_bits) - 1); }
Be16 port_of(std::uint32_t word) {
  return Be16{static_cast<std::uint16_t>(1024 + (word >> client_bits))};
}

}  // namespace

Ipv4::Key Ipv4::to_listener(std::uint32_t number, Protocol protocol) {
  constexpr std::uint32_t clients_first = 0xc612'0000;  // 198.18.0.0/15
  const std::uint32_t word = scrambled(number);
  Key key;
  key.source = {Be32{clients_first + client_of(word)}};
  key.destination = listener();
  key.source_port = port_of(word);
  key.destination_port = Be16{listener_port(protocol)};
  key.protocol = protocol;
  return key;
}

Ipv6::Key Ipv6::to_listener(std::uint32_t number, Protocol protocol) {
  constexpr std::uint64_t clients = 0x2001'0002'0000'0000;  // 2001:2::/48
  const std::uint32_t word = scrambled(number);
  const std::uint64_t client = client_of(word);
  Key key;
  // An odd factor: every client has an identifier of its own.
  key.source = address(clients | (client & 0xffff), (client + 1) * 0x9e37'79b9'7f4a'7c15u);
  key.destination = listener();
  key.source_port = port_of(word);
  key.destination_port = Be16{listener_port(protocol)};
  key.protocol = protocol;
  return key;
}

template <class Address, std::uint16_t bytes>
auto Frames<Address, bytes>::key_of(const std::uint8_t* frame) -> Key {
  const auto& ip = header<HeaderOf<Address>>(frame, network);
  // TCP's ports stand in the same place.
  const auto& ports = header<UdpHeader>(frame, transport<Address>);
  Key key;
  key.source = ip.source;
  key.destination = ip.destination;
  key.source_port = ports.source_port;
  key.destination_port = ports.destination_port;
  key.protocol = static_cast<Protocol>(protocol_of(ip));
  return key;
}

template <class Address, std::uint16_t bytes>
bool Frames<Address, bytes>::checksums_right(const std::uint8_t* frame) {
  const auto& ip = header<HeaderOf<Address>>(frame, network);
  const std::uint16_t payload = payload_of(ip);
  const std::uint64_t sum =
      dataplane::sum_pseudo_header(ip.source, ip.destination, protocol_of(ip), payload) +
      sum_words(frame + transport<Address>, payload);
  return header_right(ip) && dataplane::fold_carries(sum) == 0xffff;
}

template <class Address, std::uint16_t bytes>
Frames<Address, bytes>::Writer::Writer(Protocol protocol, dataplane::MacAddress source,
                                       dataplane::MacAddress destination)
    : tcp_(protocol == Protocol::Tcp) {
  constexpr std::size_t after = transport<Address>;
  constexpr bool is_v4 = std::is_same_v<Address, Ipv4Address>;
  header<EthernetHeader>(template_, 0) = {
      destination, source, is_v4 ? dataplane::ether_type::ipv4 : dataplane::ether_type::ipv6};
  // A TCP segment without data is padded by Ethernet; a datagram brings data that fills it.
  const auto payload = static_cast<std::uint16_t>(tcp_ ? sizeof(TcpHeader) : bytes - after);
  begin(header<HeaderOf<Address>>(template_, network), protocol, payload);
  if (tcp_) {
    auto& tcp = header<TcpHeader>(template_, after);
    tcp.words = 5 << 4;
    tcp.window = Be16{0xffff};
  } else {
    header<UdpHeader>(template_, after).length = Be16{payload};
  }
  if constexpr (is_v4) network_sum_ = sum_words(template_ + network, sizeof(Ipv4Header));
  transport_sum_ = dataplane::sum_pseudo_header(Address{}, Address{},
                                                static_cast<std::uint8_t>(protocol), payload) +
                   sum_words(template_ + after, payload);
}

template <class Address, std::uint16_t bytes>
void Frames<Address, bytes>::Writer::write(std::uint8_t* frame, const Key& key,
                                           std::uint8_t tcp_flags) const {
  std::memcpy(frame, template_, sizeof template_);
  auto& ip = header<HeaderOf<Address>>(frame, network);
  ip.source = key.source;
  ip.destination = key.destination;
  const std::uint64_t addresses = sum_words(key.source) + sum_words(key.destination);
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    ip.checksum = dataplane::checksum_of(network_sum_ + addresses);
  }
  const std::uint64_t sum =
      transport_sum_ + addresses + key.source_port.wire() + key.destination_port.wire();
  if (tcp_) {
    auto& tcp = header<TcpHeader>(frame, transport<Address>);
    tcp.source_port = key.source_port;
    tcp.destination_port = key.destination_port;
    tcp.flags = tcp_flags;
    // The flags are the second byte of their word.
    tcp.checksum = dataplane::checksum_of(sum + Be16{tcp_flags}.wire());
  } else {
    auto& udp = header<UdpHeader>(frame, transport<Address>);
    udp.source_port = key.source_port;
    udp.destination_port = key.destination_port;
    udp.checksum = dataplane::checksum_of(sum);
    if (udp.checksum == Be16{0}) udp.checksum = Be16{0xffff};  // zero would mean none (RFC 768)
  }
}

template struct Frames<Ipv4Address, Ipv4::frame_bytes>;
template struct Frames<Ipv6Address, Ipv6::frame_bytes>;

}  // namespace tools::bench
