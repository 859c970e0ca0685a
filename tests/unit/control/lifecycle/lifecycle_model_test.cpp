// The lifecycle and an obvious model of it live through the same random reloads, drains, probes,
// flows and waits; after each step they must agree on who exists, under which id, and who may get
// packets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using config::Availability;
using dataplane::TargetId;
using std::chrono::seconds;

constexpr int hosts_per_group = 3;
const std::vector<std::string> group_names = {"api", "web"};

struct PlainTarget {
  enum class Drain { None, Running, Ended, Terminated };
  std::optional<TargetId> id;  // once it was seen
  bool registered = true;
  bool told = false;  // that it left
  bool in_use = true;
  bool checked = true;
  bool udp = false;
  config::Unhealthy rule;
  std::optional<std::chrono::steady_clock::time_point> failed;  // when it was healthy last
  Drain drain = Drain::None;
  std::chrono::steady_clock::time_point drain_ends;
  char health = 'i';        // initial, healthy, unhealthy
  int streak = 0;           // of what speaks against the health
  bool checking = false;    // a check has begun
  bool lost_flows = false;  // when it was drained

  [[nodiscard]] bool probes() const { return drain == Drain::None && in_use && checked; }
  [[nodiscard]] Availability availability() const {
    if (drain == Drain::Terminated) return Availability::Terminated;
    if (drain != Drain::None || !in_use) return Availability::Draining;
    return !checked || health == 'h' ? Availability::Serving : Availability::FailOpen;
  }
  [[nodiscard]] bool drains_unhealthy(std::chrono::steady_clock::time_point now) const {
    const bool keeps = udp || !rule.connection_termination;
    return keeps && failed && now < *failed + rule.draining_interval;
  }
  [[nodiscard]] bool resets_flows(std::chrono::steady_clock::time_point now) const {
    if (drain != Drain::None) return lost_flows;
    if (!probes() || health != 'u' || drains_unhealthy(now)) return false;
    return udp || rule.connection_termination;
  }
  void start_over() {
    health = 'i';
    streak = 0;
    checking = false;
    failed.reset();
  }
  void find(bool pass, std::chrono::steady_clock::time_point now) {
    const char before = health;
    checking = true;
    count(pass);
    if (before == 'h' && health == 'u') failed = now;
    if (health != 'u') failed.reset();
  }
  void count(bool pass) {
    const bool confirms = pass ? health == 'h' : health == 'u';
    const int needed = !pass ? 2 : health == 'i' ? 1 : 3;
    // A pass and a failure both speak against "initial"; the pass wins at once, so only failures
    // count.
    streak = confirms ? 0 : streak + 1;
    if (streak < needed) return;
    health = pass ? 'h' : 'u';
    streak = 0;
  }
};

class LifecycleModel : public LifecycleRig {
 protected:
  void play(std::uint32_t seed, int steps) {
    random_.seed(seed);
    for (int step = 0; step < steps && !HasFailure(); ++step) {
      const std::string did = act();
      compare();
      if (HasFailure()) std::cerr << "seed " << seed << " step " << step << ": " << did << "\n";
    }
  }

 private:
  std::uint32_t below(std::uint32_t end) {
    return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random_);
  }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  TargetKey any_key() {
    const auto group = below(2);
    return key(static_cast<int>(group * hosts_per_group + below(hosts_per_group)),
               group_names[group]);
  }
  static int host_of(const TargetKey& one) { return int{one.address.v6().bytes[15]}; }

  std::string act() {
    switch (below(12)) {
      case 0:
      case 1: return reload_randomly();
      case 2: return drain_something();
      case 3: return undrain_something();
      case 4: return change_flows();
      case 5: return turn_loop();
      case 6: return wait(seconds(below(40)));
      case 7: return wait(seconds(0));
      default: return answer_probes();
    }
  }

  // --- the same to both ---

  std::string reload_randomly() {
    config::Config config;
    for (std::uint32_t group = 0; group < 2; ++group) {
      if (chance(15)) continue;
      std::vector<int> hosts;
      for (int i = 0; i < hosts_per_group; ++i) {
        if (chance(70)) hosts.push_back(static_cast<int>(group) * hosts_per_group + i);
      }
      add_group(config, group_names[group], hosts);
      if (chance(15)) config.listeners.pop_back();
      config::TargetGroup& added = config.target_groups.back();
      added.health_check.enabled = chance(80);
      added.deregistration_delay = {seconds(std::vector<int>{0, 5, 30}[below(3)]), chance(50)};
      added.unhealthy = {chance(40), seconds(std::vector<int>{0, 15, 60}[below(3)])};
      if (chance(30)) added.protocol = dataplane::Protocol::Udp;
    }
    apply(config);
    model_apply(config);
    return "reload";
  }

  std::string drain_something() {
    const TargetKey one = any_key();
    const bool done = !lifecycle_.drain(one).has_value();
    const auto found = model_.find(one);
    const bool should = found != model_.end() && found->second.registered &&
                        found->second.drain == PlainTarget::Drain::None;
    EXPECT_EQ(done, should);
    if (should) model_drain(one, found->second);
    model_end_drains();
    return "drain " + to_string(one);
  }

  std::string undrain_something() {
    const TargetKey one = any_key();
    const bool done = !lifecycle_.undrain(one).has_value();
    const auto found = model_.find(one);
    const bool should = found != model_.end() && found->second.registered &&
                        found->second.drain != PlainTarget::Drain::None;
    EXPECT_EQ(done, should);
    if (should) {
      found->second.drain = PlainTarget::Drain::None;
      found->second.start_over();
    }
    return "undrain " + to_string(one);
  }

  std::string change_flows() {
    for (const auto& [one, target] : model_) {
      if (target.id && chance(50)) flows_[*target.id] = below(2);
    }
    return "flows";
  }

  /// What left is told now. The loop may run a timer that is due by the machine's clock too, so
  /// tick.
  std::string turn_loop() {
    turn();
    for (auto& [one, target] : model_) target.told = !target.registered;
    return "turn, " + wait(seconds(0));
  }

  std::string wait(std::chrono::seconds by) {
    advance(by);
    model_end_drains();
    model_release();
    return "wait " + std::to_string(by.count());
  }

  std::string answer_probes() {
    for (const auto& whom : probes_.all()) {
      const auto host = int{whom.first.v6().bytes[15]};
      const TargetKey one = key(host, group_names[static_cast<std::size_t>(host / 3)]);
      EXPECT_TRUE(model_.contains(one) && model_[one].probes()) << to_string(one);
      if (chance(20)) continue;
      const bool pass = chance(60);
      probes_.finish(whom, pass ? passed : refused);
      model_[one].find(pass, now_.steady);
    }
    return "probes";
  }

  // --- the model ---

  void model_apply(const config::Config& config) {
    model_release();
    std::set<std::string> used;
    for (const auto& listener : config.listeners) used.insert(listener.target_group);
    std::set<TargetKey> named;
    for (const auto& group : config.target_groups) {
      delays_[group.name] = group.deregistration_delay;
      for (const auto& target : group.targets) {
        const TargetKey one{group.name, target.address, target.port};
        named.insert(one);
        model_[one].rule = group.unhealthy;
        model_[one].udp = group.protocol == dataplane::Protocol::Udp;
        model_place(model_[one], used.contains(group.name), group.health_check.enabled);
      }
    }
    for (auto& [one, target] : model_) {
      if (!target.registered || named.contains(one)) continue;
      target.registered = false;
      target.told = false;
      if (target.drain == PlainTarget::Drain::None) model_drain(one, target);
    }
    model_end_drains();
  }

  static void model_place(PlainTarget& target, bool in_use, bool checked) {
    if (target.in_use != in_use || target.checked != checked) target.start_over();
    target.in_use = in_use;
    target.checked = checked;
    if (target.registered) return;
    target.registered = true;
    target.drain = PlainTarget::Drain::None;
    target.start_over();
  }

  void model_drain(const TargetKey& one, PlainTarget& target) {
    target.lost_flows = target.resets_flows(now_.steady);
    target.drain = PlainTarget::Drain::Running;
    target.drain_ends = now_.steady + delays_[one.target_group].timeout;
  }

  void model_end_drains() {
    for (auto& [one, target] : model_) {
      if (target.drain != PlainTarget::Drain::Running || target.drain_ends > now_.steady) continue;
      target.drain = delays_[one.target_group].connection_termination
                         ? PlainTarget::Drain::Terminated
                         : PlainTarget::Drain::Ended;
    }
  }

  void model_release() {
    std::erase_if(model_, [this](const auto& entry) {
      const PlainTarget& target = entry.second;
      if (target.registered || !target.told || flows_[*target.id] != 0) return false;
      ids_gone_.insert(*target.id);
      return true;
    });
  }

  // --- do they agree? ---

  void compare() {
    const Records records = lifecycle_.records();
    std::map<TargetId, bool> resets;
    const config::Facts facts = lifecycle_.facts();
    for (const auto& one : facts.targets) resets[one.id] = one.resets_flows;
    ASSERT_EQ(records.targets.size(), model_.size());
    for (const auto& record : records.targets) {
      const TargetKey one{std::string(record.target_group.view()),
                          *dataplane::parse_address(record.address.view()), record.port};
      ASSERT_TRUE(model_.contains(one)) << to_string(one);
      PlainTarget& target = model_[one];
      EXPECT_FALSE(ids_gone_.contains(record.id)) << "an id came back: " << to_string(one);
      if (!target.id) target.id = record.id;
      EXPECT_EQ(record.id, *target.id) << to_string(one);
      if (target.probes() && probes_.running(whom(host_of(one)))) target.checking = true;
      EXPECT_EQ(record.takes_new_flows, takes_new_flows(one)) << to_string(one);
      EXPECT_EQ(shown(record), shown(target)) << to_string(one);
      EXPECT_EQ(resets[record.id], target.resets_flows(now_.steady)) << to_string(one);
      if (!target.probes()) {
        EXPECT_FALSE(probes_.running(whom(host_of(one)))) << to_string(one);
      }
    }
    EXPECT_EQ(probes_.overlaps, 0u);
  }

  [[nodiscard]] bool takes_new_flows(const TargetKey& one) const {
    const bool serving = std::any_of(model_.begin(), model_.end(), [&](const auto& entry) {
      return entry.first.target_group == one.target_group &&
             entry.second.availability() == Availability::Serving;
    });
    const auto best = serving ? Availability::Serving : Availability::FailOpen;
    return model_.at(one).availability() == best;
  }

  static std::string shown(const dataplane::TargetRecord& record) {
    return std::string(to_string(record.state)) + " " + std::string(to_string(record.reason));
  }
  [[nodiscard]] std::string shown(const PlainTarget& target) const {
    switch (target.drain) {
      case PlainTarget::Drain::Running: return "draining Target.DeregistrationInProgress";
      case PlainTarget::Drain::Ended:
      case PlainTarget::Drain::Terminated: return "unused Target.NotRegistered";
      case PlainTarget::Drain::None: break;
    }
    if (!target.in_use) return "unused Target.NotInUse";
    if (!target.checked) return "unavailable Target.HealthCheckDisabled";
    if (target.health == 'h') return "healthy ";
    if (target.health == 'i' && !target.checking) return "initial Elb.RegistrationInProgress";
    if (target.health == 'i') return "initial Elb.InitialHealthChecking";
    return std::string(target.drains_unhealthy(now_.steady) ? "unhealthy.draining" : "unhealthy") +
           " Target.FailedHealthChecks";
  }

  std::mt19937 random_;
  std::map<TargetKey, PlainTarget> model_;
  std::map<std::string, config::DeregistrationDelay> delays_;
  std::set<TargetId> ids_gone_;
};

TEST_F(LifecycleModel, AgreesOverRandomLives) {
  const char* wanted = std::getenv("SPILLWAY_SEED");
  const auto seed = wanted == nullptr ? 7u : static_cast<std::uint32_t>(std::atoi(wanted));
  play(seed, 20'000);
}

}  // namespace
}  // namespace control
