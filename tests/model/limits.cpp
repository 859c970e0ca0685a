// Connection limits and the surge queue: the words of docs/surge-queue.md. A line is a vector, its
// first is the oldest; a place is a difference of two numbers.
#include <algorithm>

#include "tests/model/balancer.h"

namespace tests {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Spillover;
using dataplane::Verdict;

namespace {

constexpr std::size_t endless = 1'000'000;

std::uint32_t sequence_in(const Bytes& frame) {
  const std::size_t at = frame[12] == 0x86 ? 58 : 38;
  return std::uint32_t{frame[at]} << 24 | std::uint32_t{frame[at + 1]} << 16 |
         std::uint32_t{frame[at + 2]} << 8 | frame[at + 3];
}

/// The RST that a client's SYN gets.
Bytes reset_of(const Said& said) {
  Frame frame = tcp("0.0.0.0", "0.0.0.0");
  frame.source = said.destination;
  frame.destination = said.source;
  const auto length = static_cast<std::uint32_t>(said.payload.size());
  frame.flags(rst | ack).sequence(0).acknowledgement(said.sequence + 1 + length).window(0);
  frame.identification(0).flow_label(0).from_mac(port_mac(front)).to_mac(router_mac());
  return frame.bytes();
}

std::string judge_reset(const Said& said, const Outcome& outcome) {
  if (!is_reply(outcome.verdict) || !said.tcp) return "";
  if (outcome.port != front) return "RST left by the wrong port";
  return outcome.bytes == reset_of(said) ? "" : "wrong RST:" + dump(outcome.bytes);
}

}  // namespace

// --- places ---

std::uint64_t Balancer::live(std::size_t target) const {
  return static_cast<std::uint64_t>(
      std::count_if(by_client_.begin(), by_client_.end(), [&](const auto& entry) {
        return entry.second.target_number == target && !entry.second.over;
      }));
}

std::uint64_t Balancer::live(const std::string& group) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < rig_.facts.targets.size(); ++i) {
    if (rig_.facts.targets[i].target_group == group) sum += live(i);
  }
  return sum;
}

bool Balancer::gated(const config::TargetGroup& group) const {
  const auto& targets = rig_.facts.targets;
  return group.max_connections != 0 || config::surge_length(group) != 0 ||
         std::any_of(targets.begin(), targets.end(), [&](const config::TargetFact& target) {
           return target.target_group == group.name && target.max_connections != 0;
         });
}

/// By its own limit and its group's.
bool Balancer::has_place(std::size_t number) const {
  const config::TargetFact& target = rig_.facts.targets[number];
  const config::TargetGroup& group = group_named(target.target_group);
  return (target.max_connections == 0 || live(number) < target.max_connections) &&
         (group.max_connections == 0 || live(group.name) < group.max_connections);
}

std::vector<std::size_t> Balancer::with_place(const config::TargetGroup& group) const {
  std::vector<std::size_t> targets = eligible(group.name);
  std::erase_if(targets, [&](std::size_t i) { return !has_place(i); });
  return targets;
}

/// How many more connections the group may get.
std::size_t Balancer::places(const config::TargetGroup& group) const {
  std::size_t sum = 0;
  for (const std::size_t i : with_place(group)) {
    const std::uint32_t limit = rig_.facts.targets[i].max_connections;
    sum += limit == 0 ? endless : limit - live(i);
  }
  if (group.max_connections == 0 || sum == 0) return sum;
  return std::min<std::size_t>(sum, group.max_connections - live(group.name));
}

// --- those who come ---

std::string Balancer::judge_gated(const Said& said, const Outcome& outcome,
                                  const config::TargetGroup& group) {
  Line& line = lines_[group.name];
  const Key key = key_of(said.tcp, said.source, said.destination);
  for (Waiter& waiter : line) {
    if (key_of(waiter.said.tcp, waiter.said.source, waiter.said.destination) != key) continue;
    waiter.said = said;  // the newest copy, in the old one's place
    ++waited_.joined;
    return outcome.verdict == DropWaiting ? "" : wrong("a SYN again", DropWaiting, outcome);
  }
  // Nobody overtakes those who wait.
  const bool may_wait = said.tcp && config::surge_length(group) != 0;
  if (may_wait && !line.empty()) return judge_placeless(said, outcome, group);
  const std::vector<std::size_t> all = eligible(group.name);
  const std::vector<std::size_t> free = with_place(group);
  const std::optional<std::size_t> known = known_target(group.name, said.source, all);
  std::vector<std::size_t> allowed = free;
  if (known && has_place(*known)) {
    allowed = {*known};
  } else if (group.algorithm == Algorithm::RoundRobin && !all.empty()) {
    // The next in turn, if it has a place.
    const std::size_t turn = all[cursors_[{outcome.worker.number, group.name}]++ % all.size()];
    if (has_place(turn)) allowed = {turn};
  }
  if (free.empty()) return judge_placeless(said, outcome, group);
  return judge_place(said, outcome, group, allowed);
}

std::string Balancer::judge_place(const Said& said, const Outcome& outcome,
                                  const config::TargetGroup& group,
                                  std::vector<std::size_t> allowed) {
  if (outcome.verdict != ForwardToTarget) return wrong("a place is free", ForwardToTarget, outcome);
  Connection c = beginning(said, outcome.worker.number);
  if (std::string error = learn(c, outcome, allowed); !error.empty()) return error;
  // One whose target was full goes elsewhere once, and is not moved.
  if (sticky() && !known_target(group.name, said.source, eligible(group.name))) {
    clients_[{group.name, said.source.address}] = c.target_number;
  }
  return judge_forward(enter(c), said, outcome);
}

std::string Balancer::judge_placeless(const Said& said, const Outcome& outcome,
                                      const config::TargetGroup& group) {
  Line& line = lines_[group.name];
  const std::size_t length = said.tcp ? config::surge_length(group) : 0;
  if (line.size() < length && waiting() < queues_capacity_) {
    line.push_back({said, now(), outcome.worker.number});
    ++waited_.entered;
    return outcome.verdict == Wait ? "" : wrong("no place is free", Wait, outcome);
  }
  if (length == 0 && eligible(group.name).empty()) {
    const Verdict expected = said.tcp ? ReplyResetNoTarget : DropNoTarget;
    return outcome.verdict == expected ? "" : wrong("no target", expected, outcome);
  }
  ++waited_.spilled;
  Verdict expected = said.tcp ? ReplyResetSpillover : ReplyProhibited;
  if (group.spillover == Spillover::Silent) expected = DropSpillover;
  if (outcome.verdict != expected) return wrong("neither place nor room", expected, outcome);
  return judge_reset(said, outcome);
}

// --- those who have waited ---

std::size_t Balancer::waiting() const {
  std::size_t sum = 0;
  for (const auto& [group, line] : lines_) sum += line.size();
  return sum;
}

std::vector<Said> Balancer::waiters() const {
  std::vector<Said> all;
  for (const auto& [group, line] : lines_) {
    for (const Waiter& waiter : line) all.push_back(waiter.said);
  }
  return all;
}

bool Balancer::has_waited_too_long(const config::TargetGroup& group, const Waiter& waiter) const {
  return now() - waiter.since >= static_cast<std::uint64_t>(group.surge_queue.timeout.count());
}

std::map<std::uint32_t, Balancer::Fate> Balancer::due() const {
  std::map<std::uint32_t, Fate> fates;
  for (const auto& [name, line] : lines_) {
    const config::TargetGroup& group = group_named(name);
    const bool queues = config::surge_length(group) != 0;
    const std::size_t free = queues ? places(group) : 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::uint32_t number = line[i].said.sequence;
      if (!queues) {
        fates[number] = Fate::Left;
      } else if (i < free) {
        fates[number] = Fate::Admitted;
      } else if (has_waited_too_long(group, line[i])) {
        fates[number] = Fate::TimedOut;
      }
    }
  }
  return fates;
}

/// A reply is known by whom it goes to, anything else by the SYN's sequence number.
std::optional<Balancer::Found> Balancer::find_waiter(const Outcome& released) {
  const bool reply = is_reply(released.verdict);
  for (auto& [name, line] : lines_) {
    for (auto waiter = line.begin(); waiter != line.end(); ++waiter) {
      const Said& said = waiter->said;
      const bool found = reply ? same(said.source, read_endpoint(released.bytes, false)) &&
                                     same(said.destination, read_endpoint(released.bytes, true))
                               : said.sequence == sequence_in(released.bytes);
      if (found) return Found{&group_named(name), waiter};
    }
  }
  return std::nullopt;
}

/// What an outcome says about a waiter; nullopt: nothing that may be.
std::optional<Balancer::Fate> Balancer::fate_of(const Outcome& released, const Found& found) const {
  const bool silent = found.group->spillover == Spillover::Silent;
  if (released.verdict == ForwardToTarget) return Fate::Admitted;
  if (released.verdict == (silent ? DropQueueTimeout : ReplyResetQueueTimeout)) {
    return Fate::TimedOut;
  }
  if (released.verdict == ReplyResetNoTarget) return Fate::Left;
  return std::nullopt;
}

std::string Balancer::admit(const Outcome& released, const Found& found, bool alone) {
  const Said said = found.waiter->said;
  const config::TargetGroup& group = *found.group;
  if (released.worker.number != found.waiter->worker) return "admitted by another worker";
  const auto known = known_target(group.name, said.source, eligible(group.name));
  const std::vector<std::size_t> allowed = with_place(group);
  // Of several, those that come after it may have had that place in hand.
  const bool home = alone && known && has_place(*known);
  lines_[group.name].erase(found.waiter);
  ++waited_.admitted;
  return judge_place(said, released, group, home ? std::vector{*known} : allowed);
}

/// After all has been given that there is.
std::string Balancer::judge_left_waiting() const {
  for (const auto& [name, line] : lines_) {
    if (line.empty()) continue;
    const config::TargetGroup& group = group_named(name);
    if (config::surge_length(group) == 0) return "somebody waits for a group without a queue";
    if (places(group) != 0) return "somebody waits, and a place is free";
    if (has_waited_too_long(group, line.front())) return "somebody has waited for too long";
  }
  return "";
}

std::string Balancer::serve(const std::vector<Outcome>& released, bool certain) {
  std::map<std::uint32_t, Fate> expected = due();
  for (const Outcome& outcome : released) {
    const std::optional<Found> found = find_waiter(outcome);
    const std::string verdict(to_string(outcome.verdict));
    if (!found) return "came out of a queue, but was not in it: " + verdict;
    const Waiter waiter = *found->waiter;
    const std::string who = "waiter " + text(waiter.said.source) + ": ";
    const std::optional<Fate> fate = fate_of(outcome, *found);
    if (!fate) return who + "left the queue with " + verdict;
    if (certain) {
      const auto wanted = expected.find(waiter.said.sequence);
      if (wanted == expected.end()) return who + "was to wait on, but " + verdict;
      if (wanted->second != *fate) return who + "was to have another fate than " + verdict;
      expected.erase(wanted);
    }
    if (*fate == Fate::Admitted) {
      const std::string error = admit(outcome, *found, certain && released.size() == 1);
      if (!error.empty()) return who + error;
      continue;
    }
    const bool late = has_waited_too_long(*found->group, waiter);
    if (*fate == Fate::TimedOut && !late) return who + "was refused before its time";
    const bool queues = config::surge_length(*found->group) != 0;
    if (*fate == Fate::Left && queues) return who + "was sent away";
    ++(*fate == Fate::Left ? waited_.left : waited_.timed_out);
    lines_[found->group->name].erase(found->waiter);
    if (std::string error = judge_reset(waiter.said, outcome); !error.empty()) return who + error;
  }
  if (certain && !expected.empty()) {
    return std::to_string(expected.size()) + " wait on, though their waiting is over";
  }
  return judge_left_waiting();
}

}  // namespace tests
