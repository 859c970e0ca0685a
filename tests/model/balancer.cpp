#include "tests/model/balancer.h"

#include <algorithm>

namespace tests {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Mode;
using dataplane::Verdict;

namespace {

using Reset = Connection::Reset;

constexpr std::uint64_t sweep = 1'100;  // an idle flow is gone at the latest so much after its time

}  // namespace

std::string text(const SocketAddress& at) {
  return to_string(at.address) + ":" + std::to_string(at.port);
}

std::string wrong(const char* what, Verdict expected, const Outcome& outcome) {
  return std::string(what) + ": expected " + std::string(to_string(expected)) + ", was " +
         std::string(to_string(outcome.verdict));
}

bool same(const SocketAddress& a, const SocketAddress& b) {
  return a.address == b.address && a.port == b.port;
}

SocketAddress at(const config::TargetFact& target, std::uint16_t asked) {
  return {target.address, target.port == 0 ? asked : target.port};
}

SocketAddress read_endpoint(const Bytes& frame, bool source) {
  const bool v6 = frame[12] == 0x86;
  const auto* addresses = frame.data() + (v6 ? 22 : 26);
  const std::size_t size = v6 ? 16 : 4;
  const auto* ports = addresses + 2 * size;
  const auto& port = *reinterpret_cast<const Be16*>(ports + (source ? 0 : 2));
  const auto* address = addresses + (source ? 0 : size);
  if (v6) return {*reinterpret_cast<const dataplane::Ipv6Address*>(address), port.value()};
  return {*reinterpret_cast<const dataplane::Ipv4Address*>(address), port.value()};
}

Frame Said::frame() const {
  Frame frame = tcp ? tests::tcp("0.0.0.0", "0.0.0.0") : tests::udp("0.0.0.0", "0.0.0.0");
  frame.source = source;
  frame.destination = destination;
  frame.flags(flags).ttl(ttl).sequence(sequence).payload(payload);
  return frame;
}

Input Said::input(MacAddress sender) const {
  const auto port = from_client ? front : back;
  return {frame().from_mac(sender).to_mac(port_mac(port)).bytes(), port};
}

Key key_of(bool tcp, const SocketAddress& source, const SocketAddress& destination) {
  return {tcp, source.address, source.port, destination.address, destination.port};
}

std::uint64_t Balancer::limit(const Connection& c) const {
  if (!c.tcp) return 120'000;
  if (c.reset != Reset::None) return 2'000;
  if (c.client_fin && c.target_fin) return 10'000;
  if (c.client_fin || c.target_fin) return 120'000;
  return c.established ? 350'000 : 30'000;
}

bool Balancer::settle() {
  bool certain = true;
  for (auto c = by_client_.begin(); c != by_client_.end();) {
    const std::uint64_t idle = now() - c->second.last_seen;
    // A packet that is not forwarded (TTL, target gone) may shorten the limit: then a sweep is due.
    const bool swept = now() - c->second.last_judged >= sweep;
    const auto here = c++;
    if (idle >= limit(here->second) + sweep && swept) {
      end(here);
    } else if (idle + 20 >= limit(here->second)) {
      certain = false;
    }
  }
  return certain;
}

Balancer::Map::iterator Balancer::find(const Said& said) {
  const Key key = key_of(said.tcp, said.source, said.destination);
  if (const auto found = by_client_.find(key); found != by_client_.end()) return found;
  const auto reply = by_target_.find(key);
  return reply == by_target_.end() ? by_client_.end() : by_client_.find(reply->second);
}

void Balancer::end(Map::iterator c) {
  by_target_.erase(key_of(c->second.tcp, c->second.target, c->second.seen_by_target));
  by_client_.erase(c);
}

void Balancer::track(Connection& c, const Said& said) const {
  if (!c.tcp) return;
  const Reset sender = said.from_client ? Reset::Client : Reset::Target;
  if ((said.flags & rst) != 0) {
    c.reset = sender;
    // A client's may not be believed by the target.
    if (sender == Reset::Target) c.over = true;
    return;
  }
  if (c.reset == sender && (said.flags & syn) == 0) {
    // It goes on talking: the RST was not its own.
    c.reset = Reset::None;
    c.over = false;
    c.answered = c.established = true;
    c.client_fin = c.target_fin = false;
  }
  if (c.reset != Reset::None) return;
  if (!c.answered) {
    c.answered = !said.from_client && (said.flags & (syn | ack)) == (syn | ack);
    return;
  }
  if (said.from_client && (said.flags & ack) != 0) c.established = true;
  if ((said.flags & fin) != 0) (said.from_client ? c.client_fin : c.target_fin) = true;
  if (c.client_fin && c.target_fin) c.over = true;
}

std::string Balancer::judge(const Said& said, const Outcome& outcome) {
  auto found = find(said);
  if (found != by_client_.end()) {
    Connection& c = found->second;
    c.last_judged = now();
    const config::TargetFact& target = rig_.facts.targets[c.target_number];
    const bool gone = terminated(c.target_number);
    const auto now_eligible = eligible(target.target_group);
    const bool out =
        std::find(now_eligible.begin(), now_eligible.end(), c.target_number) == now_eligible.end();
    const bool opens = said.from_client && (said.flags & (syn | ack | rst)) == syn && said.tcp;
    const bool over = c.reset != Reset::None || (c.client_fin && c.target_fin);
    const bool anew = said.tcp ? opens && (over || (!c.answered && c.reset == Reset::None && out))
                               : said.from_client && gone;
    if (!anew && gone) {
      if (said.tcp) c.reset = Reset::Target;
      const Verdict expected =
          said.tcp && (said.flags & rst) == 0 ? ReplyResetTargetGone : DropTargetGone;
      return outcome.verdict == expected ? "" : wrong("target gone", expected, outcome);
    }
    if (!anew) {
      track(c, said);
      return judge_forward(c, said, outcome);
    }
    end(found);
  }
  return judge_unknown(said, outcome);
}

std::string Balancer::judge_unknown(const Said& said, const Outcome& outcome) {
  if (const auto i = listener_of(said)) {
    const bool opens = !said.tcp || (said.flags & (syn | ack | rst | fin)) == syn;
    if (opens) return judge_new(said, outcome, *i);
    if (forwards() && (said.flags & rst) != 0) {
      return judge_stateless(said, outcome, *i, DropUnknownFlow);
    }
    if (forwards() && (said.flags & syn) == 0) return judge_new(said, outcome, *i);
    const Verdict expected = (said.flags & rst) != 0 ? DropUnknownFlow : ReplyResetUnknownFlow;
    return outcome.verdict == expected ? "" : wrong("mid-stream", expected, outcome);
  }
  if (forwards()) return judge_unknown_reply(said, outcome);
  // A target's packet of no connection. Without pick-up it goes nowhere.
  const bool opens = said.tcp && (said.flags & (syn | ack | rst | fin)) == syn;
  Verdict expected = ReplyResetUnknownFlow;
  if (opens) {
    expected = DropNotOurs;
  } else if (!said.tcp || (said.flags & rst) != 0) {
    expected = DropUnknownFlow;
  }
  return outcome.verdict == expected ? "" : wrong("target's, unknown", expected, outcome);
}

bool Balancer::forwards() const {
  return rig_.config.target_groups[0].overload == dataplane::Overload::Forward;
}

bool Balancer::sticky() const {
  return rig_.config.target_groups[0].stickiness.type != dataplane::Stickiness::None;
}

std::optional<std::size_t> Balancer::known_target(const std::string& group,
                                                  const SocketAddress& client,
                                                  const std::vector<std::size_t>& all) const {
  const auto known = clients_.find({group, client.address});
  if (!sticky() || known == clients_.end()) return std::nullopt;
  if (std::find(all.begin(), all.end(), known->second) == all.end()) return std::nullopt;
  return known->second;
}

Verdict Balancer::overload(int worker) {
  std::size_t flows = 0;
  for (const auto& [key, c] : by_client_) flows += c.worker == worker ? 1 : 0;
  if (flows >= flows_per_worker_) return DropTableFull;
  const std::uint64_t rate = rig_.config.flows.new_per_second;
  if (rate == 0) return Pending;
  constexpr std::uint64_t second = 1'000'000'000;
  const std::uint64_t most = std::max<std::uint64_t>(rate / 10, 32) * second;
  Tokens& tokens = tokens_[worker];
  if (!tokens.used) tokens = {rig_.now.nanoseconds, most, true};
  const std::uint64_t passed = std::min(rig_.now.nanoseconds - tokens.last, second);
  tokens.last = rig_.now.nanoseconds;
  tokens.level = std::min(tokens.level + passed * rate, most);
  if (tokens.level < second) return DropFlowRate;
  tokens.level -= second;
  return Pending;
}

/// A target's packet of no flow, in groups that forward without flows.
std::string Balancer::judge_unknown_reply(const Said& said, const Outcome& outcome) {
  const auto& config = rig_.config;
  const std::size_t number = said.tcp ? 0 : 1;  // of the group and of its listener
  const config::Listener& listener = config.listeners[number];
  const bool keeps = config.target_groups[number].port == 0;
  Connection c{.tcp = said.tcp,
               .client = said.destination,
               .listener = {listener.address, keeps ? said.source.port : listener.port},
               .target = said.source,
               .seen_by_target = said.destination,
               .last_seen = now(),
               .last_judged = now(),
               .answered = true,
               .established = true,
               .target_fin = said.tcp && (said.flags & fin) != 0,
               .worker = outcome.worker.number};
  for (std::size_t i = 0; i < rig_.facts.targets.size(); ++i) {
    const config::TargetFact& target = rig_.facts.targets[i];
    if (target.target_group != config.target_groups[number].name) continue;
    if (same(said.source, at(target, c.listener.port))) c.target_number = i;
  }
  Verdict expected = ForwardToClient;
  const Key client_key = key_of(c.tcp, c.client, c.listener);
  if (terminated(c.target_number)) {
    expected = DropTargetGone;
  } else if (by_client_.contains(client_key)) {
    expected = DropUnknownFlow;  // the client is with another target
  }
  if (outcome.verdict != expected) return wrong("target's, unknown", expected, outcome);
  if (expected != ForwardToClient) return "";
  const bool enters = !said.tcp || ((said.flags & rst) == 0 && (said.flags & syn) == 0);
  if (!enters || overload(c.worker) != Pending) {
    ++stateless_;
    return judge_forward(c, said, outcome);
  }
  Connection& entered = enter(c);
  // Its client is known from now on, unless it is known to be with another one.
  const std::string& group = config.target_groups[number].name;
  const std::vector<std::size_t> all = eligible(group);
  const bool takes = std::find(all.begin(), all.end(), c.target_number) != all.end();
  if (sticky() && takes && !known_target(group, c.client, all)) {
    clients_[{group, c.client.address}] = c.target_number;
  }
  return judge_forward(entered, said, outcome);
}

/// A client's packet that goes on, or not, without a flow.
std::string Balancer::judge_stateless(const Said& said, const Outcome& outcome, std::size_t number,
                                      Verdict refusal) {
  const config::TargetGroup& group = rig_.config.target_groups[number];
  if (eligible(group.name).empty()) {
    return outcome.verdict == refusal ? "" : wrong("stateless, no target", refusal, outcome);
  }
  if (outcome.verdict != ForwardToTarget) return wrong("stateless", ForwardToTarget, outcome);
  ++stateless_;
  Connection c{.tcp = said.tcp,
               .client = said.source,
               .listener = said.destination,
               .target = {},
               .seen_by_target = said.source};
  if (std::string error = learn(c, outcome, eligible(group.name)); !error.empty()) return error;
  if (std::string error = come_home(c, group); !error.empty()) return error;
  return judge_forward(c, said, outcome);
}

std::string Balancer::come_home(const Connection& c, const config::TargetGroup& group) {
  Key key = key_of(c.tcp, c.client, c.listener);
  if (group.algorithm == Algorithm::SourceIp || sticky()) std::get<2>(key) = 0;
  Home& home = homes_[key];
  const std::vector<std::size_t> now_eligible = eligible(group.name);
  const bool known = home.eligible == now_eligible;
  if (known && home.target != c.target_number) {
    return "went to " + text(c.target) + ", which is not where its packets go";
  }
  home = {now_eligible, c.target_number, c.tcp, c.client};
  return "";
}

/// Whether the target may have a flow with that client's address and port; one that is over ends.
bool Balancer::claim(const config::TargetFact& target, const Said& said) {
  const auto other =
      by_target_.find(key_of(said.tcp, at(target, said.destination.port), said.source));
  if (other == by_target_.end()) return true;
  const auto old = by_client_.find(other->second);
  const Connection& o = old->second;
  if (!o.tcp || !(o.reset != Reset::None || (o.client_fin && o.target_fin))) return false;
  end(old);
  return true;
}

std::string Balancer::judge_new(const Said& said, const Outcome& outcome, std::size_t number) {
  std::string name;
  if (std::string error = fall_to(said, outcome, number, name); !error.empty()) return error;
  const config::TargetGroup& group = group_named(name);
  const std::vector<std::size_t> all = eligible(group.name);
  if (gated(group)) return judge_gated(said, outcome, group);
  if (all.empty()) {
    const Verdict expected = said.tcp ? ReplyResetNoTarget : DropNoTarget;
    return outcome.verdict == expected ? "" : wrong("no target", expected, outcome);
  }
  if (const Verdict full = overload(outcome.worker.number); full != Pending) {
    if (forwards()) return judge_stateless(said, outcome, number, full);
    return outcome.verdict == full ? "" : wrong("overload", full, outcome);
  }
  std::vector<std::size_t> allowed = all;
  const std::optional<std::size_t> known = known_target(group.name, said.source, all);
  if (known) allowed = {*known};
  const bool mid_stream = said.tcp && (said.flags & syn) == 0;
  Connection c = beginning(said, outcome.worker.number);
  c.answered = c.established = mid_stream;
  c.client_fin = mid_stream && (said.flags & fin) != 0;
  if (known) {
    const bool free = group.mode != Mode::Nat || claim(rig_.facts.targets[*known], said);
    if (!free) {
      return outcome.verdict == DropFlowCollision
                 ? ""
                 : wrong("known client's collision", DropFlowCollision, outcome);
    }
  } else if (group.algorithm == Algorithm::RoundRobin) {
    // The next in turn; where it has a flow with that client's address and port, the one after it.
    bool free = false;
    for (int turn = 0; turn < 4 && !free; ++turn) {
      allowed = {all[cursors_[{outcome.worker.number, group.name}]++ % all.size()]};
      free = group.mode != Mode::Nat || claim(rig_.facts.targets[allowed[0]], said);
    }
    if (sticky()) clients_[{group.name, said.source.address}] = allowed[0];
    if (!free) {
      return outcome.verdict == DropFlowCollision ? ""
                                                  : wrong("collision", DropFlowCollision, outcome);
    }
  }
  if (said.ttl <= 1) {
    // The flow is entered all the same; with one candidate we know which.
    if (outcome.verdict != DropTtl) return wrong("TTL", DropTtl, outcome);
    return "unpredictable: the generator opens flows with a TTL that arrives";
  }
  if (outcome.verdict != ForwardToTarget) return wrong("new flow", ForwardToTarget, outcome);
  if (std::string error = learn(c, outcome, allowed); !error.empty()) {
    return error;
  }
  if (forwards()) {
    if (std::string error = come_home(c, group); !error.empty()) return error;
  }
  if (sticky()) clients_[{group.name, said.source.address}] = c.target_number;
  return judge_forward(enter(c), said, outcome);
}

/// A connection with its client's first packet.
Connection Balancer::beginning(const Said& said, int worker) const {
  return {.tcp = said.tcp,
          .client = said.source,
          .listener = said.destination,
          .target = {},
          .seen_by_target = said.source,
          .last_seen = now(),
          .last_judged = now(),
          .worker = worker};
}

Connection& Balancer::enter(const Connection& c) {
  const Key client_key = key_of(c.tcp, c.client, c.listener);
  by_target_[key_of(c.tcp, c.target, c.seen_by_target)] = client_key;
  return by_client_[client_key] = c;
}

std::string Balancer::learn(Connection& c, const Outcome& outcome,
                            const std::vector<std::size_t>& allowed) {
  const SocketAddress source = read_endpoint(outcome.bytes, true);
  c.target = read_endpoint(outcome.bytes, false);
  bool found = false;
  for (const std::size_t number : allowed) {
    const config::TargetFact& target = rig_.facts.targets[number];
    if (!same(c.target, at(target, c.listener.port))) continue;
    c.target_number = number;
    found = true;
  }
  if (!found) return "sent to " + text(c.target) + ", whose turn it was not";
  if (rig_.config.target_groups[0].mode == Mode::FullNat) {
    const auto& locals = rig_.config.ports[1].local_addresses;
    if (std::find(locals.begin(), locals.end(), source.address) == locals.end()) {
      return "source " + text(source) + " is no local address";
    }
    c.seen_by_target = source;
  }
  if (by_target_.contains(key_of(c.tcp, c.target, c.seen_by_target))) {
    return "source " + text(c.seen_by_target) + " is in use towards that target";
  }
  return "";
}

std::string Balancer::judge_forward(Connection& c, const Said& said, const Outcome& outcome) {
  const Verdict expected = said.ttl <= 1      ? DropTtl
                           : said.from_client ? ForwardToTarget
                                              : ForwardToClient;
  if (outcome.verdict != expected) return wrong("known flow", expected, outcome);
  if (said.ttl <= 1) return "";
  c.last_seen = now();
  Frame frame = said.frame();
  frame.ttl(static_cast<std::uint8_t>(said.ttl - 1));
  frame.source = said.from_client ? c.seen_by_target : c.listener;
  frame.destination = said.from_client ? c.target : c.client;
  const auto out = said.from_client ? back : front;
  const int last = c.target.address.v6().bytes[15] - 10;
  frame.from_mac(port_mac(out)).to_mac(said.from_client ? target_mac(last) : router_mac());
  if (outcome.port != out) return "left by the wrong port";
  if (outcome.bytes == frame.bytes()) return "";
  return "wrong bytes:" + dump(outcome.bytes) + "\nexpected:" + dump(frame.bytes());
}

}  // namespace tests
