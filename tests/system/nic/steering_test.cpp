// The real path on ports of several queues whose NIC is the test: it hashes each frame with DPDK's
// rte_softrss and the port's key, and puts it on the queue that its redirection table says. (No
// virtual device of DPDK 22.11 does RSS: net_null takes key and table, and does nothing with them.)
#include <gtest/gtest.h>
#include <rte_thash.h>

#include <array>
#include <cstring>
#include <map>
#include <set>

#include "config/compile.h"
#include "config/steering.h"
#include "tests/support/cpp/rig.h"
#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Mode;
using dataplane::RssFields;
using dataplane::Totals;
using dataplane::Verdict;
using tests::Bytes;

constexpr std::size_t source_at = 26, destination_at = 30, source_port_at = 34,
                      destination_port_at = 36;  // in an untagged IPv4 frame

/// A NIC on rings.
class Nic {
 public:
  Nic(RingPort& port, PortId id, RssFields fields, const MbufPool& pool)
      : port_(port), fields_(fields), key_(tests::nic_key(id, fields)), pool_(pool) {}

  void receive(const Bytes& frame) {
    rte_mbuf* packet = nullptr;
    EXPECT_TRUE(eventually([&] { return (packet = rte_pktmbuf_alloc(pool_.get())) != nullptr; }));
    std::memcpy(rte_pktmbuf_append(packet, static_cast<std::uint16_t>(frame.size())), frame.data(),
                frame.size());
    port_.give((hash(frame) % 128 % runtime().workers() + skew) % runtime().workers(), packet);
  }
  std::vector<Bytes> sent() {
    std::vector<Bytes> frames;
    for (rte_mbuf* packet : port_.sent()) {
      const auto* data = rte_pktmbuf_mtod(packet, const std::uint8_t*);
      frames.emplace_back(data, data + packet->data_len);
      rte_pktmbuf_free(packet);
    }
    return frames;
  }

  std::size_t skew = 0;  // how far its real table is off the one that it tells

 private:
  [[nodiscard]] std::uint32_t hash(const Bytes& frame) const {
    Bytes input;
    const auto add = [&](std::size_t offset, std::size_t size) {
      input.insert(input.end(), frame.begin() + static_cast<std::ptrdiff_t>(offset),
                   frame.begin() + static_cast<std::ptrdiff_t>(offset + size));
    };
    if (fields_ != RssFields::Destination) add(source_at, 4);
    if (fields_ != RssFields::Source) add(destination_at, 4);
    if (fields_ != RssFields::Destination) add(source_port_at, 2);
    if (fields_ != RssFields::Source) add(destination_port_at, 2);
    input.resize((input.size() + 3) / 4 * 4);  // zeros add nothing
    std::array<std::uint32_t, 3> words{};
    std::memcpy(words.data(), input.data(), input.size());
    for (std::uint32_t& word : words) word = __builtin_bswap32(word);
    return rte_softrss(words.data(), static_cast<std::uint32_t>(input.size() / 4), key_.data());
  }

  RingPort& port_;
  RssFields fields_;
  Bytes key_;
  const MbufPool& pool_;
};

std::string text_of(const Bytes& frame, std::size_t address_at, std::size_t port_at) {
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) {
    text += (i == 0 ? "" : ".") + std::to_string(frame[address_at + i]);
  }
  return text + ":" + std::to_string(frame[port_at] << 8 | frame[port_at + 1]);
}

class SteeringTest : public testing::TestWithParam<Mode> {
 protected:
  static constexpr int connections = 6000;
  static constexpr int batch = 128;  // under way at a time: no ring runs over

  void SetUp() override {
    config_ = tests::standard_config(3, GetParam(), dataplane::Algorithm::RoundRobin);
    config_.workers = static_cast<std::uint32_t>(runtime().workers());
    for (config::Port& port : config_.ports) port.kernel_path = false;
    ASSERT_NE(rig_.forwarder, nullptr) << rig_.failure;
    config::Facts facts = tests::facts_with_rss(config_, static_cast<int>(runtime().workers()));
    for (std::size_t i = 0; i < 2; ++i) facts.ports[i].mac = rig_.forwarder->ports()[i]->mac();
    auto snapshot = config::compile(config_, facts, nullptr);
    for (const dataplane::Port& port : snapshot->ports) {
      ASSERT_EQ(port.steering, dataplane::Steering::Rss);
    }
    publication_.emplace(runtime().workers(), std::move(snapshot));
    const MbufPool& pool = rig_.forwarder->ports()[0]->pool();
    const std::vector<RssFields> fields = config::rss_fields(config_);
    front_nic_.emplace(front_, tests::front, fields[0], pool);
    back_nic_.emplace(back_, tests::back, fields[1], pool);
    rig_.forwarder->start(*publication_);
  }

  [[nodiscard]] Bytes from_client(int number, std::uint8_t flags) const {
    const std::string client = "198.18." + std::to_string(number / 200) + "." +
                               std::to_string(number % 200 + 1) + ":" +
                               std::to_string(1024 + number * 7919 % 60'000);
    return tests::tcp(client, "203.0.113.10:80")
        .flags(flags)
        .from_mac(tests::router_mac())
        .to_mac(rig_.forwarder->ports()[0]->mac())
        .bytes();
  }
  /// The target's answer to a frame that has come to it.
  [[nodiscard]] Bytes answer(const Bytes& frame, std::uint8_t flags) const {
    return tests::tcp(text_of(frame, destination_at, destination_port_at),
                      text_of(frame, source_at, source_port_at))
        .flags(flags)
        .to_mac(rig_.forwarder->ports()[1]->mac())
        .bytes();
  }
  /// All that comes out of the port, as many as went in.
  static std::vector<Bytes> wait_for(Nic& nic, std::size_t count) {
    std::vector<Bytes> frames;
    EXPECT_TRUE(eventually([&] {
      for (Bytes& frame : nic.sent()) frames.push_back(std::move(frame));
      return frames.size() >= count;
    })) << frames.size()
        << " of " << count;
    return frames;
  }
  /// Handshake and some data, from the first connection to the last, many at a time.
  void talk() {
    std::set<std::string> locals;
    for (int first = 0; first < connections && !HasFailure(); first += batch) {
      const int last = std::min(first + batch, connections);
      const auto count = static_cast<std::size_t>(last - first);
      std::vector<Bytes> at_target;
      for (const std::uint8_t flags : {tests::syn, tests::ack, tests::ack}) {
        for (int i = first; i < last; ++i) front_nic_->receive(from_client(i, flags));
        at_target = wait_for(*back_nic_, count);
        const auto answering =
            flags == tests::syn ? static_cast<std::uint8_t>(tests::syn | tests::ack) : tests::ack;
        for (const Bytes& frame : at_target) back_nic_->receive(answer(frame, answering));
        std::set<std::string> clients;
        for (const Bytes& frame : wait_for(*front_nic_, count)) {
          EXPECT_EQ(text_of(frame, source_at, source_port_at), "203.0.113.10:80");
          clients.insert(text_of(frame, destination_at, destination_port_at));
        }
        EXPECT_EQ(clients.size(), count) << "each client got its own";
      }
      for (const Bytes& frame : at_target) locals.insert(text_of(frame, source_at, source_port_at));
    }
    // So many of full_nat's to three targets; in mode nat the clients' own.
    EXPECT_GT(locals.size(), connections / 4u);
  }
  [[nodiscard]] std::uint64_t verdicts(Verdict verdict) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < rig_.blocks.size(); ++i) sum += rig_.verdicts(i, verdict);
    return sum;
  }

  RingPort front_{"front", runtime().workers()}, back_{"back", runtime().workers()};
  Rig rig_{{front_.options(), back_.options()}, Idle::Yield, connections};
  config::Config config_;
  std::optional<dataplane::Publication> publication_;
  std::optional<Nic> front_nic_, back_nic_;
};

TEST_P(SteeringTest, EveryPacketArrivesAtItsOwner) {
  talk();
  rig_.stop_and_check();
  EXPECT_EQ(verdicts(Verdict::ForwardToTarget), 3u * connections);
  EXPECT_EQ(verdicts(Verdict::ForwardToClient), 3u * connections);
  EXPECT_EQ(verdicts(Verdict::HandOff), 0u);
  EXPECT_EQ(rig_.sum(&Totals::wrong_core), 0u);
  for (std::size_t i = 0; i < runtime().workers(); ++i) {
    EXPECT_GT(rig_.totals(i).flows_inserted.read(), connections / runtime().workers() / 2) << i;
  }
}

TEST_P(SteeringTest, ANicThatDoesOtherwiseCostsHandOffsAndNoFlow) {
  back_nic_->skew = 1;
  talk();
  rig_.stop_and_check();
  EXPECT_EQ(verdicts(Verdict::ForwardToTarget), 3u * connections);
  EXPECT_EQ(verdicts(Verdict::ForwardToClient), 3u * connections);
  EXPECT_EQ(verdicts(Verdict::HandOff), 3u * connections) << "all replies";
  EXPECT_EQ(rig_.sum(&Totals::wrong_core), 3u * connections);
}

INSTANTIATE_TEST_SUITE_P(Modes, SteeringTest, testing::Values(Mode::Nat, Mode::FullNat),
                         [](const auto& one) {
                           return one.param == Mode::Nat ? "nat" : "full_nat";
                         });

// What a device says of itself is read back: net_null keeps the table that it is told, and tells a
// key of its own.
TEST(RssOfADevice, IsReadBack) {
  Bytes key(64);
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(i * i + 3 * i + 7);
  PortOptions port{.name = "front", .device = "net_null0", .kernel_path = false};
  port.rss = {.use = UseRss::Always, .fields = RssFields::Tuple, .key = key};
  Rig rig({port});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  const auto& state = rig.forwarder->ports()[0]->rss().state;
  ASSERT_TRUE(state);
  EXPECT_EQ(state->fields, RssFields::Tuple);
  EXPECT_EQ(state->key.size(), 40u);
  EXPECT_NE(state->key, Bytes(40, 0));
  ASSERT_EQ(state->queues.size(), 128u);
  for (std::size_t i = 0; i < 128; ++i) EXPECT_EQ(state->queues[i], i % runtime().workers());
  const auto rss = rig.forwarder->rss(PortId{0});
  ASSERT_NE(rss, nullptr);
  for (std::uint32_t hash = 0; hash < 200; ++hash) {
    EXPECT_EQ(rss->worker_of_hash(hash).number, hash % 128 % runtime().workers());
  }
}

TEST(RssOfADevice, IsNotBelievedOfAVirtualOne) {
  Rig rig({{.name = "front", .device = "net_null0", .kernel_path = false}});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_EQ(rig.forwarder->rss(PortId{0}), nullptr);
  EXPECT_NE(rig.forwarder->ports()[0]->rss().lacks.find("virtual"), std::string::npos);
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, false); }
