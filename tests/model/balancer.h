// Balancer: what Spillway should do, written the obvious way: std::map, one packet at a time, no
// bursts, no hashing, no incremental checksums. The oracle of model_test.
//
// Where the real path has a free choice (which local port; which target Maglev's table names), the
// model learns it from the outcome, checks that it was allowed, and from then on insists on it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/cpp/rig.h"

namespace tests {

/// A TCP or UDP packet as the generator thinks of it.
struct Said {
  bool from_client = true;
  bool tcp = true;
  SocketAddress source;
  SocketAddress destination;
  std::uint8_t flags = 0;
  std::uint8_t ttl = 64;
  std::string payload;

  [[nodiscard]] Frame frame() const;
  [[nodiscard]] Input input(MacAddress sender) const;
};

using Key = std::tuple<bool, IpAddress, std::uint16_t, IpAddress, std::uint16_t>;
[[nodiscard]] Key key_of(bool tcp, const SocketAddress& source, const SocketAddress& destination);

struct Connection {
  bool tcp = true;
  SocketAddress client;
  SocketAddress listener;
  SocketAddress target;
  SocketAddress seen_by_target;   // client's, or a local address and port
  std::size_t target_number = 0;  // in facts.targets
  std::uint64_t last_seen = 0;    // milliseconds; last forwarded
  std::uint64_t last_judged = 0;  // milliseconds; last packet of any fate
  bool answered = false;          // SYN-ACK came
  bool established = false;
  bool client_fin = false;
  bool target_fin = false;
  enum class Reset { None, Client, Target } reset = Reset::None;  // whose RST was seen last
  int worker = 0;                                                 // that has it in its table
};

class Balancer {
 public:
  /// The rig's config and facts are the truth; its outcomes are what is judged. `flows_per_worker`:
  /// for how many its tables are made.
  explicit Balancer(const Rig& rig, std::size_t flows_per_worker = SIZE_MAX)
      : rig_(rig), flows_per_worker_(flows_per_worker) {}

  /// Checks one packet's outcome; "" or what is wrong.
  [[nodiscard]] std::string judge(const Said& said, const Outcome& outcome);
  /// Forgets what is idle for certain. False if some connection might or might not be gone.
  [[nodiscard]] bool settle();

  [[nodiscard]] const std::map<Key, Connection>& connections() const { return by_client_; }

  /// Where packets of a flow that is not entered go: where they went first, as long as the eligible
  /// targets are the same.
  struct Home {
    std::vector<std::size_t> eligible;
    std::size_t target = 0;  // in facts.targets
    bool tcp = true;
    SocketAddress client;
  };
  [[nodiscard]] const std::map<Key, Home>& homes() const { return homes_; }
  [[nodiscard]] std::uint64_t stateless() const { return stateless_; }

 private:
  using Map = std::map<Key, Connection>;
  [[nodiscard]] std::uint64_t now() const { return rig_.now.nanoseconds / 1'000'000; }
  [[nodiscard]] std::uint64_t limit(const Connection& connection) const;
  [[nodiscard]] Map::iterator find(const Said& said);
  void end(Map::iterator connection);
  [[nodiscard]] bool claim(const config::TargetFact& target, const Said& said);
  void track(Connection& connection, const Said& said) const;
  [[nodiscard]] std::vector<std::size_t> eligible(const std::string& group) const;
  /// Packets of that target's flows are answered with RST; its UDP flows move.
  [[nodiscard]] bool terminated(std::size_t number) const;

  /// What a new flow meets first: Pending, or why it cannot be entered.
  [[nodiscard]] dataplane::Verdict overload(int worker);
  [[nodiscard]] bool forwards() const;
  [[nodiscard]] bool sticky() const;
  /// The target that the client must go to: where it went last, if that takes new flows.
  [[nodiscard]] std::optional<std::size_t> known_target(const std::string& group,
                                                        const SocketAddress& client,
                                                        const std::vector<std::size_t>& all) const;

  [[nodiscard]] std::optional<std::size_t> listener_of(const Said& said) const;
  std::string judge_unknown(const Said& said, const Outcome& outcome);
  std::string judge_unknown_reply(const Said& said, const Outcome& outcome);
  std::string judge_new(const Said& said, const Outcome& outcome, std::size_t listener_number);
  std::string judge_stateless(const Said& said, const Outcome& outcome, std::size_t listener_number,
                              dataplane::Verdict refusal);
  [[nodiscard]] std::string come_home(const Connection& connection,
                                      const config::TargetGroup& group);
  std::string judge_forward(Connection& connection, const Said& said, const Outcome& outcome);
  [[nodiscard]] std::string learn(Connection& connection, const Outcome& outcome,
                                  const std::vector<std::size_t>& allowed);

  const Rig& rig_;
  std::size_t flows_per_worker_;
  struct Tokens {
    std::uint64_t last = 0;   // nanoseconds
    std::uint64_t level = 0;  // nanoseconds × rate
    bool used = false;
  };
  std::map<int, Tokens> tokens_;  // by worker
  std::map<Key, Home> homes_;     // key: as the client sends; source_ip: port 0
  std::uint64_t stateless_ = 0;
  Map by_client_;                 // key: as the client sends
  std::map<Key, Key> by_target_;  // key: as the target sends → key in by_client_
  std::map<std::pair<std::string, IpAddress>, std::size_t> clients_;  // where each went last
  std::map<std::pair<int, std::string>, std::uint64_t> cursors_;  // (worker, group) → turns taken
};

}  // namespace tests
