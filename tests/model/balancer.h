// Balancer: what Spillway should do, written the obvious way: std::map, one packet at a time, no
// bursts, no hashing, no incremental checksums. The oracle of model_test.
//
// Where the real path has a free choice (which local port; which target Maglev's table names), the
// model learns it from the outcome, checks that it was allowed, and from then on insists on it.
//
//   balancer.cpp  connections: which packet belongs to which, what becomes of it, byte by byte
//   routing.cpp   who may get a new flow: zones, thresholds, standbys, weights of target groups
//   limits.cpp    who gets a place, who waits for one in which order, who is refused
#pragma once

#include <limits>
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
  std::uint32_t sequence = 1000;  // TCP's
  std::string payload;

  [[nodiscard]] Frame frame() const;
  [[nodiscard]] Input input(MacAddress sender) const;
};

/// "address:port"
[[nodiscard]] std::string text(const SocketAddress& at);
[[nodiscard]] std::string wrong(const char* what, dataplane::Verdict expected,
                                const Outcome& outcome);
[[nodiscard]] bool same(const SocketAddress& a, const SocketAddress& b);
/// Where a target gets the flows that clients send to port `asked`.
[[nodiscard]] SocketAddress at(const config::TargetFact& target, std::uint16_t asked);
/// Of a frame without VLAN tag, options and extension headers.
[[nodiscard]] SocketAddress read_endpoint(const Bytes& frame, bool source);

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
  bool over = false;  // and takes no place: both ends said FIN, or the target RST
  int worker = 0;     // that has it in its table
};

class Balancer {
 public:
  /// The rig's config and facts are the truth; its outcomes are what is judged. `flows_per_worker`:
  /// for how many its tables are made.
  explicit Balancer(const Rig& rig, std::size_t flows_per_worker = SIZE_MAX)
      : rig_(rig),
        flows_per_worker_(flows_per_worker),
        queues_capacity_(config::surge_capacity(rig.config)) {}

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

  // --- weights of target groups ---

  /// How many flows of listeners with several groups each group should have got, and got.
  struct Share {
    double expected = 0, variance = 0;
    std::uint64_t got = 0;
  };
  [[nodiscard]] const std::map<std::string, Share>& shares() const { return shares_; }

  // --- limits ---

  /// Checks what became of waiters: Rig::give_places()'s outcomes, after any change; "" or what is
  /// wrong. `certain`: nothing but what the model knows decided who got which place; else (a place
  /// was handed out, and gone before its waiter had seen it) only what must hold all the same.
  [[nodiscard]] std::string serve(const std::vector<Outcome>& released, bool certain = true);
  /// How many connections a target of that number, or a group, has that are not over.
  [[nodiscard]] std::uint64_t live(std::size_t target) const;
  [[nodiscard]] std::uint64_t live(const std::string& group) const;
  struct Waited {
    std::uint64_t entered = 0, joined = 0, admitted = 0, timed_out = 0, left = 0, spilled = 0;
  };
  [[nodiscard]] const Waited& waited() const { return waited_; }
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::vector<Said> waiters() const;  // their SYNs

 private:
  using Map = std::map<Key, Connection>;
  [[nodiscard]] std::uint64_t now() const { return rig_.now.nanoseconds / 1'000'000; }
  [[nodiscard]] std::uint64_t limit(const Connection& connection) const;
  [[nodiscard]] Map::iterator find(const Said& said);
  void end(Map::iterator connection);
  [[nodiscard]] bool claim(const config::TargetFact& target, const Said& said);
  void track(Connection& connection, const Said& said) const;
  [[nodiscard]] Connection beginning(const Said& said, int worker) const;
  Connection& enter(const Connection& connection);

  // --- routing.cpp ---

  [[nodiscard]] const config::TargetGroup& group_named(const std::string& name) const;
  /// Of a group: who gets its new flows, and whether since too few are healthy.
  struct Route {
    std::vector<std::size_t> eligible;  // in facts.targets
    bool fails_open = false;
  };
  [[nodiscard]] Route route(const std::string& group) const;
  [[nodiscard]] std::vector<std::size_t> eligible(const std::string& group) const {
    return route(group).eligible;
  }
  /// The group, or its standby.
  [[nodiscard]] const std::string& serving(const std::string& group) const;
  /// What is known of one flow's way through a listener's groups: of two groups' waiting times the
  /// first as a multiple of the second's (decision 26). The weights by which a group has won over
  /// another one bound it, and no other weights may ever contradict.
  struct Lot {
    struct Bounds {
      double low = 0, high = std::numeric_limits<double>::infinity();
    };
    std::map<std::pair<std::string, std::string>, Bounds> bounds;
    using Groups = std::vector<config::WeightedGroup>;
    [[nodiscard]] bool may_fall_to(const config::WeightedGroup& one, const Groups& groups);
    void fell_to(const config::WeightedGroup& one, const Groups& groups);
  };
  [[nodiscard]] Lot& lot_of(const Said& said, bool& is_new);
  [[nodiscard]] std::string fall_to(const Said& said, const Outcome& outcome,
                                    std::size_t listener_number, std::string& group);
  void count_shares(const Lot::Groups& groups, const std::string& winner);
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

  // --- limits.cpp ---

  struct Waiter {
    Said said;
    std::uint64_t since = 0;  // milliseconds
    int worker = 0;
  };
  using Line = std::vector<Waiter>;  // of one group, in the order of arrival
  enum class Fate { Admitted, TimedOut, Left };
  struct Found {
    const config::TargetGroup* group = nullptr;
    Line::iterator waiter;
  };
  [[nodiscard]] bool gated(const config::TargetGroup& group) const;
  [[nodiscard]] bool has_place(std::size_t target) const;
  [[nodiscard]] std::vector<std::size_t> with_place(const config::TargetGroup& group) const;
  [[nodiscard]] std::size_t places(const config::TargetGroup& group) const;
  [[nodiscard]] bool has_waited_too_long(const config::TargetGroup& group,
                                         const Waiter& waiter) const;
  [[nodiscard]] std::string judge_gated(const Said& said, const Outcome& outcome,
                                        const config::TargetGroup& group);
  [[nodiscard]] std::string judge_placeless(const Said& said, const Outcome& outcome,
                                            const config::TargetGroup& group);
  [[nodiscard]] std::string judge_place(const Said& said, const Outcome& outcome,
                                        const config::TargetGroup& group,
                                        std::vector<std::size_t> allowed);
  /// Whose waiting must be over now, by sequence number.
  [[nodiscard]] std::map<std::uint32_t, Fate> due() const;
  [[nodiscard]] std::optional<Found> find_waiter(const Outcome& released);
  [[nodiscard]] std::optional<Fate> fate_of(const Outcome& released, const Found& found) const;
  [[nodiscard]] std::string admit(const Outcome& released, const Found& found, bool alone);
  [[nodiscard]] std::string judge_left_waiting() const;

  std::string judge_forward(Connection& connection, const Said& said, const Outcome& outcome);
  [[nodiscard]] std::string learn(Connection& connection, const Outcome& outcome,
                                  const std::vector<std::size_t>& allowed);

  const Rig& rig_;
  std::size_t flows_per_worker_;
  std::size_t queues_capacity_;
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
  std::map<Key, Lot> lots_;
  std::map<std::string, Share> shares_;
  std::map<std::string, Line> lines_;
  Waited waited_;
};

}  // namespace tests
