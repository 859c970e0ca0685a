// Any bytes as frames, through the whole path: no crash, no byte written out of place (each frame
// has an exact buffer of its own), every packet decided, the counters' laws kept. The first byte of
// the input chooses the world; then come frames: one byte of how, one of length, and the bytes.
//
// Chance makes no header with a right checksum and no reply to a flow. So a frame may begin as a
// good one (frame_like), which the input then changes; its checksums may be made right afterwards;
// and targets' frames answer what the path sent to them last, whatever it made of it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/contract.h"
#include "tests/support/cpp/rig.h"

namespace tests {
namespace {

using dataplane::Algorithm;
using dataplane::Be16;
using dataplane::Counter;
using dataplane::Family;
using dataplane::IcmpHeader;
using dataplane::Ipv4Header;
using dataplane::Ipv6Header;
using dataplane::Mode;
using dataplane::Protocol;
using dataplane::Verdict;

constexpr unsigned how_port = 1;      // bit 0: which port it arrives at
constexpr unsigned how_template = 2;  // bit 1: the bytes change a good frame instead of being one
constexpr unsigned how_checksum = 4;  // bit 2: IP's and ICMP's checksums are made right afterwards
constexpr unsigned how_burst = 8;     // bit 3: run what has been collected
constexpr unsigned how_silence = 16;  // bit 4: and let time pass before
constexpr unsigned how_dress = 5;     // bits 5 to 7: see frame_like

/// Between whom: as the next frame's sender and receiver see it.
struct Ends {
  std::string source, destination;
};

class World {
 public:
  explicit World(std::uint8_t chosen)
      : family_((chosen & 8) != 0 ? Family::V6 : Family::V4),
        vlan_((chosen & 4) != 0 ? 5 : 0),
        rig_(config_of(chosen, family_), standard_facts(config_of(chosen, family_)), 1,
             (chosen & 16) != 0 ? 2 : 64) {}

  void add(unsigned how, const std::uint8_t* bytes, std::size_t length);
  void run();
  void silence() { rig_.advance(3'000); }

 private:
  static config::Config config_of(std::uint8_t chosen, Family family);
  [[nodiscard]] const char* of(const char* v4, const char* v6) const {
    return family_ == Family::V4 ? v4 : v6;
  }
  [[nodiscard]] Ends ends(unsigned port, bool use_udp, bool second) const;
  [[nodiscard]] Bytes frame_like(unsigned port, unsigned dress, std::uint8_t variant) const;
  [[nodiscard]] Frame error_about(const Frame& frame, unsigned port, std::uint8_t variant) const;
  [[nodiscard]] Bytes who_has(unsigned port, bool local) const;
  void remember(const Outcome& outcome);
  void check_laws();

  Family family_;
  std::uint16_t vlan_;
  Rig rig_;
  std::vector<Input> inputs_;
  Ends answer_tcp_, answer_udp_;  // what a target would send now
};

config::Config World::config_of(std::uint8_t chosen, Family family) {
  const Mode mode = (chosen & 1) != 0 ? Mode::FullNat : Mode::Nat;
  const Algorithm algorithm = (chosen & 2) != 0 ? Algorithm::Maglev : Algorithm::RoundRobin;
  config::Config config = standard_config(2, mode, algorithm, family);
  for (auto& group : config.target_groups) group.maglev_table_size = 251;
  if ((chosen & 4) != 0) config.ports[0].vlan = 5;
  if ((chosen & 32) != 0) {  // ranges, whose targets keep the port
    for (auto& group : config.target_groups) {
      group.port = 0;
      for (auto& target : group.targets) target.port = 0;
    }
    for (auto& listener : config.listeners) {
      listener.port_last = static_cast<std::uint16_t>(listener.port + 100);
    }
  }
  if ((chosen & 64) != 0) {  // two groups by weight, one of them without targets
    config::TargetGroup none = config.target_groups[0];
    none.name = "none";
    none.targets.clear();
    config.target_groups.push_back(none);
    config.listeners[0].target_groups = {{.name = config.listeners[0].target_group, .weight = 3},
                                         {.name = "none"}};
    config.listeners[0].target_group = "";
  }
  const bool crowded = (chosen & 16) != 0;
  if (crowded && mode == Mode::Nat && algorithm == Algorithm::Maglev) {
    for (auto& group : config.target_groups) group.overload = dataplane::Overload::Forward;
  }
  return config;
}

Ends World::ends(unsigned port, bool use_udp, bool second) const {
  const std::string client = second ? of("198.18.0.8:5556", "[2001:db8:c::8]:5556")
                                    : of("198.18.0.7:5555", "[2001:db8:c::7]:5555");
  if (port == 0) {
    return {client, use_udp ? of("203.0.113.10:53", "[2001:db8::10]:53")
                            : of("203.0.113.10:80", "[2001:db8::10]:80")};
  }
  const Ends& answer = use_udp ? answer_udp_ : answer_tcp_;
  if (!answer.source.empty()) return answer;
  return {
      use_udp ? of("10.0.1.11:5353", "[fd00:1::b]:5353") : of("10.0.1.11:8080", "[fd00:1::b]:8080"),
      client};
}

/// ICMP that quotes what the other side has sent: too big, unreachable, too old.
Frame World::error_about(const Frame& frame, unsigned port, std::uint8_t variant) const {
  Frame quoted = frame;
  std::swap(quoted.source, quoted.destination);
  const Bytes packet = quoted.ip_packet();
  Frame error = echo(port == 0 ? of("198.51.100.1", "2001:db8:9::1") : of("10.0.1.11", "fd00:1::b"),
                     to_string(frame.destination.address));
  if (family_ == Family::V4) {
    error.icmp((variant & 1) != 0 ? 11 : 3, (variant & 2) != 0 ? 4 : 1, 1280);
  } else {
    error.icmp(1 + (variant & 3), 0, 1280);
  }
  // At times only as much as must be there.
  return error.payload((variant & 4) != 0 ? Bytes(packet.begin(), packet.begin() + 28) : packet);
}

/// ARP request or neighbour solicitation.
Bytes World::who_has(unsigned port, bool local) const {
  const dataplane::PortId id{static_cast<std::uint8_t>(port)};
  const char* wanted = local ? of("10.0.1.200", "fd00:1::200") : of("203.0.113.10", "2001:db8::10");
  const char* asker = port == 0 ? of("198.51.100.1", "fd00:f::1") : of("10.0.1.11", "fd00:1::b");
  const MacAddress mac = port == 0 ? router_mac() : target_mac(1);
  if (family_ == Family::V4) return arp(1, mac, asker, {}, wanted, port_mac(id));
  return solicitation(asker, wanted, wanted, mac).to_mac(port_mac(id)).bytes();
}

/// `dress`: 0 to 2 plain, 3 options or extension headers, 4 an error about it, 5 a fragment, 6 who
/// has this address, 7 ping. `variant` chooses protocol, client and flags.
Bytes World::frame_like(unsigned port, unsigned dress, std::uint8_t variant) const {
  static constexpr std::uint8_t flags[] = {syn, ack, fin | ack, rst};
  if (dress == 6) return who_has(port, (variant & 1) != 0);
  const bool use_udp = (variant & 2) != 0;
  const Ends between = ends(port, use_udp, (variant & 1) != 0);
  Frame frame =
      use_udp ? udp(between.source, between.destination) : tcp(between.source, between.destination);
  frame.flags(port == 1 && (variant & 12) == 0 ? syn | ack : flags[variant >> 2 & 3]);
  frame.payload("payload");
  if (dress == 3 && family_ == Family::V4) frame.options({1, 1, 1, 0});
  if (dress == 3 && family_ == Family::V6) frame.options({60, 6, 0, 1, 4, 0, 0, 0, 0});
  if (dress == 4) frame = error_about(frame, port, variant >> 4);
  if (dress == 5) frame.fragment(variant >> 4);
  if (dress == 7) {
    frame = echo(to_string(frame.source.address), to_string(frame.destination.address));
  }
  if (port == 0 && vlan_ != 0) frame.vlan(vlan_);
  return frame.to_mac(port_mac(dataplane::PortId{static_cast<std::uint8_t>(port)})).bytes();
}

/// ICMP's, of `size` bytes at `icmp`; `pseudo`: the sum over what IPv6 counts besides.
void make_icmp_right(std::uint8_t* icmp, std::size_t size, std::uint64_t pseudo) {
  if (size < sizeof(IcmpHeader)) return;
  auto& header = *reinterpret_cast<IcmpHeader*>(icmp);
  header.checksum = Be16{0};
  header.checksum = dataplane::checksum_of(pseudo + dataplane::sum_words(icmp, size));
}

/// Where the frame has them at their usual places: behind no IPv6 extension header.
void make_checksums_right(Bytes& frame) {
  if (frame.size() < sizeof(dataplane::EthernetHeader)) return;
  const bool tagged = frame[12] == 0x81 && frame[13] == 0;
  const std::size_t network = sizeof(dataplane::EthernetHeader) + (tagged ? 4u : 0u);
  if (frame.size() >= network + sizeof(Ipv6Header) && frame[network] >> 4 == 6) {
    const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame.data() + network);
    if (ip.next_header != static_cast<std::uint8_t>(Protocol::IcmpV6)) return;
    const std::size_t size =
        std::min<std::size_t>(ip.payload_length.value(), frame.size() - network - sizeof ip);
    make_icmp_right(frame.data() + network + sizeof ip, size,
                    dataplane::sum_pseudo_header(ip.source, ip.destination, ip.next_header,
                                                 static_cast<std::uint16_t>(size)));
    return;
  }
  if (frame.size() < network + sizeof(Ipv4Header)) return;
  auto& ip = *reinterpret_cast<Ipv4Header*>(frame.data() + network);
  if (ip.header_bytes() < sizeof ip || network + ip.header_bytes() > frame.size()) return;
  dataplane::set_header_checksum(ip);
  const std::size_t end = std::min<std::size_t>(network + ip.total_length.value(), frame.size());
  const std::size_t transport = network + ip.header_bytes();
  if (ip.protocol != static_cast<std::uint8_t>(Protocol::Icmp) || end < transport) return;
  make_icmp_right(frame.data() + transport, end - transport, 0);
}

/// The target's answer to a packet that it got: the same, turned around.
template <class Header>
void turn_around(const Outcome& sent, Ends& tcp_answer, Ends& udp_answer) {
  constexpr std::size_t network = sizeof(dataplane::EthernetHeader);
  if (sent.bytes.size() < network + sizeof(Header) + sizeof(dataplane::UdpHeader)) return;
  const auto& ip = *reinterpret_cast<const Header*>(sent.bytes.data() + network);
  std::uint8_t protocol;
  if constexpr (std::is_same_v<Header, Ipv4Header>) {
    if (ip.header_bytes() != sizeof ip) return;
    protocol = ip.protocol;
  } else {
    protocol = ip.next_header;
  }
  const bool is_udp = protocol == static_cast<std::uint8_t>(Protocol::Udp);
  if (!is_udp && protocol != static_cast<std::uint8_t>(Protocol::Tcp)) return;
  const auto& ports =
      *reinterpret_cast<const dataplane::UdpHeader*>(sent.bytes.data() + network + sizeof ip);
  Ends& answer = is_udp ? udp_answer : tcp_answer;
  answer = {with_port(ip.destination, ports.destination_port.value()),
            with_port(ip.source, ports.source_port.value())};
}

void World::remember(const Outcome& outcome) {
  if (outcome.verdict != Verdict::ForwardToTarget) return;
  if (family_ == Family::V4) {
    turn_around<Ipv4Header>(outcome, answer_tcp_, answer_udp_);
  } else {
    turn_around<Ipv6Header>(outcome, answer_tcp_, answer_udp_);
  }
}

void World::check_laws() {
  const dataplane::Totals& totals = rig_.counters().totals;
  std::uint64_t sum = 0;
  for (const Counter& counter : rig_.counters().verdicts) sum += counter.read();
  CHECK(totals.received.read() == sum);
  CHECK(totals.flows_alive.read() ==
        totals.flows_inserted.read() - totals.flows_expired.read() - totals.flows_removed.read());
  CHECK(rig_.core().flows4.size() + rig_.core().flows6.size() == 2 * totals.flows_alive.read());
}

void World::add(unsigned how, const std::uint8_t* bytes, std::size_t length) {
  const unsigned port = how & how_port;
  Bytes frame(bytes, bytes + length);
  if ((how & how_template) != 0) {
    frame = frame_like(port, how >> how_dress, length > 0 ? bytes[0] : std::uint8_t{0});
    for (std::size_t i = 1; i + 1 < length; i += 2) {
      frame[bytes[i] % frame.size()] = bytes[i + 1];
    }
  }
  if ((how & how_checksum) != 0) make_checksums_right(frame);
  inputs_.push_back({std::move(frame), dataplane::PortId{static_cast<std::uint8_t>(port)}});
}

void World::run() {
  for (const Outcome& outcome : rig_.run(inputs_)) remember(outcome);
  inputs_.clear();
  check_laws();
}

void fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  World world(data[0]);
  for (std::size_t at = 1; at + 2 <= size;) {
    const unsigned how = data[at];
    const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
    world.add(how, data + at + 2, length);
    at += 2 + length;
    if ((how & how_burst) == 0) continue;
    if ((how & how_silence) != 0) world.silence();
    world.run();
  }
  world.run();
}

}  // namespace
}  // namespace tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::fuzz(data, size);
  return 0;
}
