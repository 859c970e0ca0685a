// Family: all that differs between address families, so that every case is a template of it. A
// family has a name, its flow key, the addresses of the bench's world, and a writer of frames.
//
// The world: clients ── router ── [0 front] spillway [1 back] ── targets. The listener has TCP port
// 80 and UDP port 53; targets have 8080 and 5353.
#pragma once

#include <cstdint>
#include <string_view>

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

/// Every frame fits into one cache line: 60 bytes are the 64 of Ethernet's minimum without its
/// check sequence.
inline constexpr std::uint16_t frame_bytes = 60;

[[nodiscard]] constexpr std::uint16_t listener_port(dataplane::Protocol protocol) {
  return protocol == dataplane::Protocol::Tcp ? 80 : 53;
}
[[nodiscard]] constexpr std::uint16_t target_port(dataplane::Protocol protocol) {
  return protocol == dataplane::Protocol::Tcp ? 8080 : 5353;
}

struct Ipv4 {
  using Address = dataplane::Ipv4Address;
  using Key = dataplane::FlowKey4;
  static constexpr std::string_view name = "v4";

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

  /// The key of a frame that a Writer has written, after whatever has become of it since.
  [[nodiscard]] static Key key_of(const std::uint8_t* frame);
  /// Both checksums of such a frame are right.
  [[nodiscard]] static bool checksums_right(const std::uint8_t* frame);

  /// Writes frames of frame_bytes, true in every checksum, from one MAC address to another.
  class Writer {
   public:
    Writer(dataplane::Protocol protocol, dataplane::MacAddress source,
           dataplane::MacAddress destination);
    /// At `frame`, which has room for a cache line and is aligned to 64.
    void write(std::uint8_t* frame, const Key& key, std::uint8_t tcp_flags) const;

   private:
    alignas(64) std::uint8_t template_[64] = {};
    bool tcp_;
    std::uint64_t network_sum_;    // of the template's own words
    std::uint64_t transport_sum_;  // of the template's own words and the pseudo header's rest
  };

 private:
  static constexpr std::uint32_t target_first = 0x0a00'0100;  // 10.0.1.0
  static constexpr std::uint32_t local_first = 0x0a00'8000;   // 10.0.128.0
  [[nodiscard]] static constexpr Address address(unsigned a, unsigned b, unsigned c, unsigned d) {
    return {dataplane::Be32{a << 24 | b << 16 | c << 8 | d}};
  }
};

}  // namespace tools::bench
