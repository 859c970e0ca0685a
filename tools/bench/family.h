// Family: all that differs between address families, so that every case is a template of it. A
// family has a name, its flow key, the addresses of the bench's world, and a writer of frames.
//
// The world: clients ── router ── [0 front] spillway [1 back] ── targets. The listener has TCP port
// 80 and UDP port 53; targets have 8080 and 5353.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/core.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/headers.h"
#include "dataplane/table/ids.h"

namespace tools::bench {

inline constexpr dataplane::PortId front{0};
inline constexpr dataplane::PortId back{1};
/// MAC addresses: the ports' own, the clients' router's, the targets' (all of them the same).
inline constexpr dataplane::MacAddress front_mac{{2, 0, 0, 0, 0, 0}};
inline constexpr dataplane::MacAddress back_mac{{2, 0, 0, 0, 0, 1}};
inline constexpr dataplane::MacAddress router_mac{{2, 0, 0, 0, 0xcc, 1}};
inline constexpr dataplane::MacAddress target_mac{{2, 0, 0, 0, 1, 1}};

[[nodiscard]] constexpr std::uint16_t listener_port(dataplane::Protocol protocol) {
  return protocol == dataplane::Protocol::Tcp ? 80 : 53;
}
[[nodiscard]] constexpr std::uint16_t target_port(dataplane::Protocol protocol) {
  return protocol == dataplane::Protocol::Tcp ? 8080 : 5353;
}

/// What frames of a family look like, which all are `bytes` long: no more than a TCP segment
/// without data needs, and Ethernet's minimum.
template <class AddressType, std::uint16_t bytes>
struct Frames {
  using Address = AddressType;
  using Key = dataplane::FlowKey<Address>;
  static constexpr std::uint16_t frame_bytes = bytes;
  /// In whole cache lines: what a place for a frame must have.
  static constexpr std::size_t frame_room = (std::size_t{bytes} + 63) / 64 * 64;

  /// The key of a frame that a Writer has written, after whatever has become of it since.
  [[nodiscard]] static Key key_of(const std::uint8_t* frame);
  /// All checksums of such a frame are right.
  [[nodiscard]] static bool checksums_right(const std::uint8_t* frame);

  /// Writes frames, true in every checksum, from one MAC address to another.
  class Writer {
   public:
    Writer(dataplane::Protocol protocol, dataplane::MacAddress source,
           dataplane::MacAddress destination);
    /// At `frame`, which has frame_room and is aligned to 64.
    void write(std::uint8_t* frame, const Key& key, std::uint8_t tcp_flags) const;

   private:
    alignas(64) std::uint8_t template_[frame_room] = {};
    bool tcp_;
    std::uint64_t network_sum_ = 0;    // of the template's own words, where the header has a sum
    std::uint64_t transport_sum_ = 0;  // of the template's own words and the pseudo header's rest
  };
};

/// 60 bytes: the 64 of Ethernet's minimum without its check sequence, in one cache line.
struct Ipv4 : Frames<dataplane::Ipv4Address, 60> {
  static constexpr std::string_view name = "v4";
  /// No case has more flows.
  static constexpr std::uint32_t flows_max = UINT32_MAX;
  static constexpr std::string_view front_network = "198.51.100.2/24";
  static constexpr std::string_view back_network = "10.0.0.2/16";

  [[nodiscard]] static constexpr Address listener() { return address(203, 0, 113, 10); }
  [[nodiscard]] static constexpr Address gateway() { return address(198, 51, 100, 1); }
  [[nodiscard]] static constexpr Address target(std::uint32_t number) {
    return {dataplane::Be32{target_first + number}};
  }
  [[nodiscard]] static constexpr Address local(std::uint32_t number) {
    return {dataplane::Be32{local_first + number}};
  }
  [[nodiscard]] static constexpr std::uint32_t target_number(Address address) {
    return address.bits.value() - target_first;
  }
  [[nodiscard]] static constexpr std::uint32_t local_number(Address address) {
    return address.bits.value() - local_first;
  }
  /// What client `number` sends to the listener. All 2^32 differ; neighbours have nothing in
  /// common, as RFC 4814 asks for. From 198.18.0.0/15 (RFC 2544), ports 1024 to 33,791.
  [[nodiscard]] static Key to_listener(std::uint32_t number, dataplane::Protocol protocol);

  /// Room for that many flows, all of them of this family; and the table that has it.
  [[nodiscard]] static constexpr dataplane::FlowCapacity capacity(std::size_t flows) {
    return {.v4 = flows, .v6 = 0};
  }
  [[nodiscard]] static const dataplane::FlowTable4& table(const dataplane::Core& core) {
    return core.flows4;
  }

 private:
  static constexpr std::uint32_t target_first = 0x0a00'0100;  // 10.0.1.0
  static constexpr std::uint32_t local_first = 0x0a00'8000;   // 10.0.128.0
  [[nodiscard]] static constexpr Address address(unsigned a, unsigned b, unsigned c, unsigned d) {
    return {dataplane::Be32{a << 24 | b << 16 | c << 8 | d}};
  }
};

/// 74 bytes, CSIT's 78 without the check sequence: its TCP header ends in the second cache line.
struct Ipv6 : Frames<dataplane::Ipv6Address, 74> {
  static constexpr std::string_view name = "v6";
  static constexpr std::uint32_t flows_max = 4'128'768;
  static constexpr std::string_view front_network = "2001:db8:1::2/64";
  static constexpr std::string_view back_network = "fd00::2/64";

  [[nodiscard]] static constexpr Address listener() { return address(0x2001'0db8'000a'0000, 10); }
  [[nodiscard]] static constexpr Address gateway() { return address(0x2001'0db8'0001'0000, 1); }
  [[nodiscard]] static constexpr Address target(std::uint32_t number) {
    return address(inside, target_first + number);
  }
  [[nodiscard]] static constexpr Address local(std::uint32_t number) {
    return address(inside, local_first + number);
  }
  [[nodiscard]] static constexpr std::uint32_t target_number(const Address& address) {
    return last_word(address) - target_first;
  }
  [[nodiscard]] static constexpr std::uint32_t local_number(const Address& address) {
    return last_word(address) - local_first;
  }
  /// As Ipv4's. From 2001:2::/48 (RFC 5180), in 65,536 networks, with interface identifiers that
  /// look drawn by lot, as RFC 8981 has them.
  [[nodiscard]] static Key to_listener(std::uint32_t number, dataplane::Protocol protocol);

  [[nodiscard]] static constexpr dataplane::FlowCapacity capacity(std::size_t flows) {
    return {.v4 = 0, .v6 = flows};
  }
  [[nodiscard]] static const dataplane::FlowTable6& table(const dataplane::Core& core) {
    return core.flows6;
  }

 private:
  static constexpr std::uint64_t inside = 0xfd00'0000'0000'0000;
  static constexpr std::uint32_t target_first = 0x0001'0000;  // fd00::1:0
  static constexpr std::uint32_t local_first = 0x0080'0000;   // fd00::80:0
  [[nodiscard]] static constexpr Address address(std::uint64_t network, std::uint64_t interface) {
    Address address;
    for (unsigned i = 0; i < 8; ++i) {
      address.bytes[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
      address.bytes[8 + i] = static_cast<std::uint8_t>(interface >> (56 - 8 * i));
    }
    return address;
  }
  [[nodiscard]] static constexpr std::uint32_t last_word(const Address& address) {
    std::uint32_t word = 0;
    for (unsigned i = 12; i < 16; ++i) word = word << 8 | address.bytes[i];
    return word;
  }
};

}  // namespace tools::bench
