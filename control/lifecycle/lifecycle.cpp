#include "control/lifecycle/lifecycle.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <utility>

#include "control/health/network_probes.h"
#include "dataplane/packet/contract.h"

namespace control {

using config::Availability;
using dataplane::ListenerId;
using dataplane::TargetGroupId;
using dataplane::TargetId;

namespace {

/// How often it is asked whether the flows of what left have ended.
constexpr std::chrono::milliseconds release_interval{500};

Moment machine_now() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

Slot slot_of(TargetId id) { return {id.slot, id.incarnation}; }

/// "203.0.113.10:80", "203.0.113.10:8000-8099".
std::string place_of(const config::Listener& listener) {
  const std::string first = with_port(listener.address, listener.port);
  const auto last = ports_of(listener).last;
  return last == listener.port ? first : fmt::format("{}-{}", first, last);
}

template <class Known, class Wanted>
std::optional<std::string> lacks(const char* kind, const Known& known, const Wanted& wanted) {
  std::size_t added = 0;
  for (const auto& name : wanted) added += known.find(name) == nullptr ? 1 : 0;
  if (added <= known.free()) return std::nullopt;
  return fmt::format(
      "too many {}: {} new, but only {} of {} places are free, and {} that left the configuration "
      "still have flows; reload again when these have ended",
      kind, added, known.free(), known.free() + known.size(), known.left());
}

}  // namespace

Lifecycle::Lifecycle(const boost::asio::any_io_executor& executor, Parts parts)
    : parts_(std::move(parts)),
      traffic_([this](Event event) {
        if (parts_.events != nullptr) parts_.events->add(std::move(event));
      }),
      executor_(executor),
      timer_(executor),
      weights_timer_(executor),
      prober_(
          executor,
          {.now = [this] { return parts_.now().steady; },
           .make_probe = [this](const Check& check) { return parts_.make_probe(check); },
           .begun = [this](TargetId id) { begin_checking(id); },
           .report = [this](TargetId id, const ProbeOutcome& outcome) { observe(id, outcome); }}) {
  if (!parts_.now) parts_.now = machine_now;
  if (!parts_.make_probe) parts_.make_probe = network_probes(executor);
  CHECK(parts_.on_change);
  CHECK(parts_.on_records_change);
  CHECK(parts_.flows_left);
  CHECK(parts_.listener_flows_left);
}

// --- configuration ---

struct Lifecycle::Wanted {
  Standing standing;
  Check check;
  WeightRules weight;
  std::optional<std::uint16_t> set_weight;  // the operator's, or the same; nullopt: not known
  std::string zone;
  std::uint32_t max_connections;
  dataplane::Protocols protocol;
};

std::optional<std::string> Lifecycle::apply(const config::Config& config) {
  release_unused();
  if (auto complaint = lacks_slots(config)) return complaint;
  apply_listeners(config);
  apply_groups(config);
  apply_targets(config);
  if (parts_.own_addresses) own_addresses_ = parts_.own_addresses();
  judge_addresses();
  end_drains();
  traffic_.apply(config);
  judge_traffic();
  arm();
  static_cast<void>(settle_weights());
  arm_weights();
  announce_later();
  facts_changed_ = records_changed_ = false;  // the caller knows
  return std::nullopt;
}

std::optional<std::string> Lifecycle::lacks_slots(const config::Config& config) const {
  std::vector<std::string> listeners;
  for (const config::Listener& listener : config.listeners) listeners.push_back(listener.name);
  if (auto complaint = lacks("listeners", listeners_, listeners)) return complaint;
  std::vector<std::string> groups;
  std::vector<TargetKey> targets;
  for (const config::TargetGroup& group : config.target_groups) {
    groups.push_back(group.name);
    for (const config::Target& target : group.targets) {
      targets.push_back({group.name, target.address, target.port});
    }
  }
  if (auto complaint = lacks("target groups", groups_, groups)) return complaint;
  return lacks("targets", targets_, targets);
}

/// A listener that gets another address leaves its slot to the flows of the former one, until these
/// have ended. Returns its entry for the new address; nullptr: there is none yet.
Lifecycle::Listeners::Entry* Lifecycle::moved(Listeners::Entry& listener,
                                              const config::Listener& wanted) {
  if (listener.thing.address == wanted.address || listeners_.free() == 0) return &listener;
  // No listener's own name has a '@' in it.
  const auto former = [&](const dataplane::IpAddress& address) {
    return fmt::format("{}@{}", wanted.name, to_string(address));
  };
  tell(listener, "moved",
       fmt::format("from {} to {}: what it has goes on at the old address",
                   place_of(listener.thing), place_of(wanted)));
  if (listener.registered()) listeners_.leave(listener, told_);
  listeners_.rename(listener, former(listener.thing.address));
  Listeners::Entry* back = listeners_.find(former(wanted.address));
  if (back != nullptr) listeners_.rename(*back, wanted.name);
  return back;
}

void Lifecycle::apply_listeners(const config::Config& config) {
  std::set<std::string> named;
  for (const config::Listener& listener : config.listeners) {
    named.insert(listener.name);
    Listeners::Entry* known = listeners_.find(listener.name);
    const bool is_new = known == nullptr || !known->registered();
    if (known != nullptr) known = moved(*known, listener);
    if (known == nullptr) known = &listeners_.add(listener.name, [&](Slot) { return listener; });
    if (is_new) tell(*known, "added", fmt::format("takes flows at {}", place_of(listener)));
    known->thing = listener;
    if (!known->registered()) listeners_.return_to(*known);
  }
  listeners_.for_each([&](Listeners::Entry& entry) {
    if (!entry.registered() || named.contains(entry.name)) return;
    tell(entry, "removed", "left the configuration: no new flows, those that it has go on");
    listeners_.leave(entry, told_);
  });
}

void Lifecycle::apply_groups(const config::Config& config) {
  std::set<std::string> named;
  for (const config::TargetGroup& group : config.target_groups) {
    named.insert(group.name);
    const Group wanted{
        .delay = group.deregistration_delay,
        .max_connections = group.max_connections,
        .surge_length = surge_length(group),
        .surge_timeout = group.surge_queue.timeout,
        .spillover_silent = group.spillover == dataplane::Spillover::Silent,
    };
    Groups::Entry* known = groups_.find(group.name);
    if (known == nullptr) {
      groups_.add(group.name, [&](Slot) { return wanted; });
      continue;
    }
    known->thing = wanted;
    if (!known->registered()) groups_.return_to(*known);
  }
  groups_.for_each([&](Groups::Entry& entry) {
    if (entry.registered() && !named.contains(entry.name)) groups_.leave(entry, told_);
  });
}

void Lifecycle::apply_targets(const config::Config& config) {
  const Moment now = parts_.now();
  const std::set<std::string> in_use = groups_in_use(config);
  std::set<TargetKey> named;
  for (const config::TargetGroup& group : config.target_groups) {
    const config::HealthCheck& check = group.health_check;
    const Standing standing{.in_use = in_use.contains(group.name),
                            .checked = check.enabled,
                            .thresholds = {check.healthy_threshold, check.unhealthy_threshold},
                            .unhealthy = group.unhealthy,
                            .udp = group.protocol == dataplane::Protocol::Udp,
                            .passive = group.passive_health_check,
                            .has_udp = group.protocol != dataplane::Protocol::Tcp};
    for (const config::Target& target : group.targets) {
      const std::uint16_t port = check.port == 0 ? target.port : check.port;
      const TargetKey name{group.name, target.address, target.port};
      const WeightRules weight{target.configured_weight.value_or(target.weight), group.slow_start,
                               group.algorithm};
      const auto set = target.configured_weight ? std::optional{target.weight} : std::nullopt;
      apply_target(name,
                   {standing,
                    {target.address, port, check, group.name},
                    weight,
                    set,
                    target.zone,
                    target.max_connections,
                    group.protocol},
                   now);
      named.insert(name);
    }
  }
  targets_.for_each([&](Targets::Entry& entry) {
    if (!entry.registered() || named.contains(entry.name)) return;
    targets_.leave(entry, told_);
    update(entry, [&](TargetLife& life) {
      life.drain(TargetLife::Cause::LeftConfiguration, delay_of(entry), now);
    });
  });
}

void Lifecycle::apply_target(const TargetKey& name, const Wanted& wanted, const Moment& now) {
  Targets::Entry* entry = targets_.find(name);
  if (entry == nullptr) {
    entry = &targets_.add(name, [&](Slot) {
      return Target{TargetWeight(wanted.weight), wanted.zone, wanted.check,
                    TargetLife(wanted.standing, now)};
    });
    entry->thing.joins_warm = has_warm_target(*entry);
    const Status& status = entry->thing.life.status();
    spdlog::info("target {} added: {}", to_string(name), to_string(status));
    tell(*entry, {.from = "",
                  .to = std::string(to_string(status.state)),
                  .reason = std::string(to_string(status.reason)),
                  .sentence = status.detail});
  }
  configure_weight(*entry, wanted.weight, wanted.set_weight);
  // What it said of itself counts as long as it is asked.
  if (wanted.check.settings.weight_header.empty()) entry->thing.weight.report(std::nullopt);
  entry->thing.zone = wanted.zone;
  entry->thing.max_connections = wanted.max_connections;
  entry->thing.protocol = wanted.protocol;
  const bool returns = !entry->registered();
  if (returns) targets_.return_to(*entry);
  update(*entry, [&](TargetLife& life) {
    life.stand(wanted.standing, now);
    if (returns) life.undrain(TargetLife::Cause::LeftConfiguration, now);
  });
  watch(*entry, wanted.check);
}

// --- states ---

void Lifecycle::begin_checking(TargetId id) {
  Targets::Entry* target = targets_.find(slot_of(id));
  CHECK(target != nullptr);
  update(*target, [&](TargetLife& life) { life.begin_checking(parts_.now()); });
}

void Lifecycle::observe(TargetId id, const ProbeOutcome& outcome) {
  Targets::Entry* target = targets_.find(slot_of(id));
  CHECK(target != nullptr);
  const bool failed = outcome.finding == Finding::NotAttempted;
  if (failed && !target->thing.attempts_fail) {
    spdlog::warn("target {} stays {}: {}", to_string(target->name),
                 to_string(target->thing.life.status().state), outcome.sentence);
  }
  target->thing.attempts_fail = failed;
  judge(*target, [&](TargetLife& life) { life.observe(outcome, parts_.now()); });
  take_report(*target, outcome);
}

void Lifecycle::update(Targets::Entry& target, const std::function<void(TargetLife&)>& act) {
  TargetLife& life = target.thing.life;
  const Status before = life.status();
  act(life);
  const Status& after = life.status();
  if (after == before) return;
  records_differ();
  if (after.availability != before.availability || after.resets_flows != before.resets_flows ||
      after.moves_udp != before.moves_udp) {
    facts_differ();
  }
  follow_health(target, before.state);
  watch(target, target.thing.check);
  if (after.state == before.state && after.reason == before.reason) return;
  const bool bad = after.state == dataplane::TargetState::Unhealthy ||
                   after.state == dataplane::TargetState::UnhealthyDraining ||
                   after.reason == dataplane::TargetReason::IpUnusable;
  // That a first check begins is no news for people: what it finds comes next.
  const bool expected = after.reason == dataplane::TargetReason::InitialHealthChecking;
  const auto level = bad        ? spdlog::level::warn
                     : expected ? spdlog::level::debug
                                : spdlog::level::info;
  spdlog::log(level, "target {} {} -> {}: {}", to_string(target.name), to_string(before.state),
              to_string(after), after.detail);
  tell(target, {.from = std::string(to_string(before.state)),
                .to = std::string(to_string(after.state)),
                .reason = std::string(to_string(after.reason)),
                .sentence = after.detail});
}

/// The same for what may begin or end an unhealthy.draining, which has a deadline.
void Lifecycle::judge(Targets::Entry& target, const std::function<void(TargetLife&)>& act) {
  const auto before = target.thing.life.deadline();
  update(target, act);
  if (target.thing.life.deadline() != before) arm();
}

/// An event about a target; the rest of it is in `event`.
void Lifecycle::tell(const Targets::Entry& target, Event event) {
  if (parts_.events == nullptr) return;
  event.target_group = target.name.target_group;
  event.target = target_text(target.name.address, target.name.port);
  parts_.events->add(std::move(event));
}

/// An event about a listener, and a line of the log.
void Lifecycle::tell(const Listeners::Entry& listener, const char* to,
                     const std::string& sentence) {
  spdlog::info("listener {} {}: {}", listener.name, to, sentence);
  if (parts_.events == nullptr) return;
  parts_.events->add(
      {.kind = "listener", .listener = listener.name, .to = to, .sentence = sentence});
}

/// Has it probed if its health matters, by `check`; a running probe by the same check goes on.
void Lifecycle::watch(Targets::Entry& entry, const Check& check) {
  Target& target = entry.thing;
  const bool wanted = target.life.probes();
  const bool same = same_probes(target.check, check);
  target.check = check;
  if (wanted && !(target.watched && same)) prober_.watch(target_id(entry.slot), check);
  if (!wanted && target.watched) prober_.forget(target_id(entry.slot));
  target.watched = wanted;
}

const config::DeregistrationDelay& Lifecycle::delay_of(const Targets::Entry& target) const {
  const Groups::Entry* group = groups_.find(target.name.target_group);
  CHECK(group != nullptr);  // a group goes after its targets: release_unused
  return group->thing.delay;
}

// --- time ---

void Lifecycle::tick() {
  prober_.tick();
  end_drains();
  release_unused();
  judge_traffic();
  tick_weights();
  arm();
}

void Lifecycle::end_drains() {
  const Moment now = parts_.now();
  targets_.for_each([&](Targets::Entry& entry) {
    const auto deadline = entry.thing.life.deadline();
    if (!deadline || *deadline > now.steady) return;
    update(entry, [&](TargetLife& life) { life.tick(delay_of(entry), now); });
  });
}

void Lifecycle::release_unused() {
  const auto targets = targets_.release(told_, [this](const Targets::Entry& entry) {
    return parts_.flows_left(target_id(entry.slot)) == 0;
  });
  for (const Targets::Entry& entry : targets) {
    spdlog::info("target {} gone: it left the configuration and has no flows",
                 to_string(entry.name));
    tell(entry, {.from = std::string(to_string(entry.thing.life.status().state)),
                 .to = "",
                 .reason = "",
                 .sentence = "gone: it left the configuration and has no flows"});
  }
  std::set<std::string> needed;
  targets_.for_each([&](const Targets::Entry& entry) { needed.insert(entry.name.target_group); });
  const auto groups = groups_.release(
      told_, [&](const Groups::Entry& entry) { return !needed.contains(entry.name); });
  const auto listeners = listeners_.release(told_, [this](const Listeners::Entry& entry) {
    return parts_.listener_flows_left(ListenerId{entry.slot.number}) == 0;
  });
  for (const Listeners::Entry& entry : listeners) {
    tell(entry, "gone", fmt::format("its last flow at {} has ended", place_of(entry.thing)));
  }
  if (!listeners.empty()) judge_addresses();
  if (!targets.empty() || !groups.empty() || !listeners.empty()) facts_differ();
}

void Lifecycle::arm() {
  const auto now = parts_.now().steady;
  std::optional<std::chrono::steady_clock::time_point> next;
  if (targets_.left() + groups_.left() + listeners_.left() > 0) next = now + release_interval;
  targets_.for_each([&](const Targets::Entry& entry) {
    const auto deadline = entry.thing.life.deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  });
  if (const auto due = traffic_.deadline(); due && (!next || *due < *next)) next = due;
  if (!next) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(*next - now);
  timer_.async_wait(
      [this, alive = std::weak_ptr<const bool>(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        tick();
      });
}

// --- what is known ---

void Lifecycle::facts_differ() {
  facts_changed_ = true;
  announce_later();
}

void Lifecycle::records_differ() {
  records_changed_ = true;
  announce_later();
}

void Lifecycle::announce_later() {
  if (std::exchange(announcing_, true)) return;
  boost::asio::post(executor_, [this, alive = std::weak_ptr<const bool>(alive_)] {
    if (!alive.expired()) announce();
  });
}

void Lifecycle::announce() {
  announcing_ = false;
  ++told_;  // first: what leaves while they are told is told the next time
  judge_traffic();
  const bool facts = std::exchange(facts_changed_, false);
  const bool records = std::exchange(records_changed_, false);
  if (facts) {
    static_cast<void>(settle_weights());
    arm_weights();
    parts_.on_change();
  } else if (records) {
    parts_.on_records_change();
  }
}

}  // namespace control
