// Any bytes as frames, through the whole path: no crash, no byte written out of place (each frame
// has an exact buffer of its own), every packet decided, the counters' laws kept. The first byte of
// the input chooses the world; then come frames: one byte of how, one of length, and the bytes.
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
using dataplane::Counter;
using dataplane::Mode;

constexpr unsigned how_port = 1;      // bit 0: which port it arrives at
constexpr unsigned how_template = 2;  // bit 1: the bytes change a good frame instead of being one
constexpr unsigned how_checksum = 4;  // bit 2: the IP header's checksum is made right afterwards
constexpr unsigned how_burst = 8;     // bit 3: run what has been collected
constexpr unsigned how_silence = 16;  // bit 4: and let time pass before

Bytes good_frame(unsigned port, std::uint8_t variant) {
  static const char* const clients[] = {"198.18.0.7:5555", "198.18.0.8:5556"};
  const char* client = clients[variant & 1];
  const bool use_udp = (variant & 2) != 0;
  Frame frame;
  if (port == 0) {
    frame = use_udp ? udp(client, "203.0.113.10:53") : tcp(client, "203.0.113.10:80");
  } else {
    frame = use_udp ? udp("10.0.1.11:5353", client) : tcp("10.0.1.11:8080", client);
  }
  static constexpr std::uint8_t flags[] = {syn, ack, fin | ack, rst};
  frame.flags(port == 1 && (variant & 12) == 0 ? syn | ack : flags[variant >> 2 & 3]);
  return frame.to_mac(port_mac(dataplane::PortId{static_cast<std::uint8_t>(port)}))
      .payload("payload")
      .bytes();
}

void make_checksum_right(Bytes& frame) {
  if (frame.size() < 34) return;
  auto& ip = *reinterpret_cast<dataplane::Ipv4Header*>(frame.data() + 14);
  if (ip.header_bytes() < 20 || 14 + ip.header_bytes() > frame.size()) return;
  dataplane::set_header_checksum(ip);
}

void check_laws(Rig& rig) {
  const dataplane::Totals& totals = rig.counters().totals;
  std::uint64_t sum = 0;
  for (const Counter& counter : rig.counters().verdicts) sum += counter.read();
  CHECK(totals.received.read() == sum);
  CHECK(totals.flows_alive.read() ==
        totals.flows_inserted.read() - totals.flows_expired.read() - totals.flows_removed.read());
  CHECK(rig.core().flows4.size() + rig.core().flows6.size() == 2 * totals.flows_alive.read());
}

void fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const Mode mode = (data[0] & 1) != 0 ? Mode::FullNat : Mode::Nat;
  const Algorithm algorithm = (data[0] & 2) != 0 ? Algorithm::Maglev : Algorithm::RoundRobin;
  config::Config config = standard_config(2, mode, algorithm);
  for (auto& group : config.target_groups) group.maglev_table_size = 251;
  if ((data[0] & 4) != 0) config.ports[0].vlan = 5;
  const bool crowded = (data[0] & 8) != 0;
  if (crowded && mode == Mode::Nat && algorithm == Algorithm::Maglev) {
    for (auto& group : config.target_groups) group.overload = dataplane::Overload::Forward;
  }
  Rig rig(config, standard_facts(config), 1, crowded ? 2 : 64);
  std::vector<Input> inputs;
  const auto run = [&] {
    rig.run(inputs);
    inputs.clear();
    check_laws(rig);
  };
  for (std::size_t at = 1; at + 2 <= size;) {
    const unsigned how = data[at];
    const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
    const std::uint8_t* bytes = data + at + 2;
    at += 2 + length;
    const unsigned port = how & how_port;
    Bytes frame(bytes, bytes + length);
    if ((how & how_template) != 0) {
      frame =
          good_frame(port, static_cast<std::uint8_t>(how >> 5 | (length > 0 ? bytes[0] & 8 : 0)));
      for (std::size_t i = 1; i + 1 < length; i += 2) {
        frame[bytes[i] % frame.size()] = bytes[i + 1];
      }
    }
    if ((how & how_checksum) != 0) make_checksum_right(frame);
    inputs.push_back({std::move(frame), dataplane::PortId{static_cast<std::uint8_t>(port)}});
    if ((how & how_burst) == 0) continue;
    if ((how & how_silence) != 0) rig.advance(3'000);
    run();
  }
  run();
}

}  // namespace
}  // namespace tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::fuzz(data, size);
  return 0;
}
