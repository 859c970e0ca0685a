// Lifecycle: who exists, under which id, in which state. Turns configurations, probes, drains and
// the end of flows into the facts that compile() needs and the records that the tools show.
//
// A listener, target group or target keeps its id from the first configuration that names it until
// it has left the configuration and none of its flows is left; only then may its slot be used
// again. Names are: a listener's name, a group's name, a target's group, address and port. Bounded
// by the limits of dataplane/table/ids.h. All of it runs on the control thread; every change of
// state is one log line.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/facts.h"
#include "config/target_name.h"
#include "control/events.h"
#include "control/health/prober.h"
#include "control/lifecycle/registry.h"
#include "control/lifecycle/target_life.h"
#include "control/lifecycle/target_weight.h"
#include "control/lifecycle/traffic.h"
#include "control/segment.h"
#include "dataplane/segment.h"
#include "dataplane/table/ids.h"

namespace control {

[[nodiscard]] inline dataplane::TargetId target_id(Slot slot) {
  return {slot.number, slot.incarnation};
}

using TargetKey = config::TargetName;

/// Why the lifecycle did not do what the operator asked for.
struct Refusal {
  enum class Kind : std::uint8_t { NotFound, Conflict };
  Kind kind = Kind::Conflict;
  std::string sentence;
};

/// What the segment's tables hold.
struct Records {
  std::vector<ListenerEntry> listeners;
  std::vector<dataplane::TargetRecord> targets;
  std::vector<TargetGroupEntry> target_groups;
  std::vector<dataplane::ZoneRecord> zones;
};

class Lifecycle {
 public:
  struct Parts {
    /// Called from the event loop, at most once a turn: facts() differs, and records() with it.
    std::function<void()> on_change;
    /// The same when only records() differs: a reason, a sentence, a state that packets do not
    /// notice.
    std::function<void()> on_records_change;
    /// Flows on a target, over all workers. Must not say 0 before every worker uses the newest
    /// facts: a worker that still has older ones may start a flow on a target that has left.
    std::function<std::uint64_t(dataplane::TargetId)> flows_left;
    std::function<std::uint64_t(dataplane::ListenerId)> listener_flows_left;
    /// How handshakes with a target have ended so far, over all workers; empty: not known.
    std::function<Handshakes(dataplane::TargetId)> handshakes = {};
    Events* events = nullptr;  // everything that changes goes there
    /// Addresses that this balancer's own kernel answers for on its ports, beside those of the
    /// configuration; empty: none are.
    std::function<std::set<dataplane::IpAddress>()> own_addresses = {};
    std::function<Moment()> now;  // empty: the machine's clocks
    ProbeFactory make_probe;      // empty: network_probes()
  };

  Lifecycle(const boost::asio::any_io_executor& executor, Parts parts);
  Lifecycle(const Lifecycle&) = delete;
  Lifecycle& operator=(const Lifecycle&) = delete;

  /// Takes over a checked configuration, at start and at every reload: what stays keeps id, state
  /// and health, what is new begins, what is gone drains. Changes all, or nothing: then it says
  /// why.
  [[nodiscard]] std::optional<std::string> apply(const config::Config& config);

  /// listeners, target_groups (with those that left and still have targets) and targets; the rest
  /// is for others to fill.
  [[nodiscard]] config::Facts facts() const;
  [[nodiscard]] Records records() const;

  /// No new flows for this target, until undrain() or until it leaves the configuration and comes
  /// back. `began`: before a restart, and its delay counts from then. nullopt: done.
  [[nodiscard]] std::optional<Refusal> drain(
      const TargetKey& name, std::optional<std::chrono::system_clock::time_point> began = {});
  [[nodiscard]] std::optional<Refusal> undrain(const TargetKey& name);
  /// That weight for this target, until it leaves or the file has another one than now. Returns the
  /// one before.
  [[nodiscard]] std::variant<std::uint16_t, Refusal> set_weight(const TargetKey& name,
                                                                std::uint16_t weight);
  /// Why a target's weight does not do what one would think; "" if it does.
  [[nodiscard]] std::string weight_note(const TargetKey& name) const;

  /// No new flows for the targets of a zone until it expires; a second shift replaces the first.
  /// The zone must be this balancer's or a target's.
  [[nodiscard]] std::optional<Refusal> shift(const ZonalShift& shift);
  [[nodiscard]] std::optional<Refusal> unshift(const std::string& zone);
  /// The shifts that hold now, for whoever keeps them over a restart; restore() takes them back,
  /// but for those that have expired since, and says which.
  [[nodiscard]] std::vector<ZonalShift> shifts() const { return traffic_.shifts().all(); }
  void restore(const std::vector<ZonalShift>& shifts);

  /// Does what is due by now: probes, ends of drains, release of what is empty. Own timers call it;
  /// tests with their own clock do too.
  void tick();
  /// Looks at what clients met since it was called last: passive checks. To be called once a
  /// second.
  void look_at_handshakes();
  /// Looks whether targets' addresses have become our own, or have ceased to be. To be called once
  /// a second.
  void look_at_addresses();

 private:
  struct Group {
    config::DeregistrationDelay delay;
    std::uint32_t max_connections = 0;  // 0: no limit
    std::uint32_t surge_length = 0;     // 0: no queue
    std::chrono::milliseconds surge_timeout{0};
    bool spillover_silent = false;
  };
  struct Target {
    TargetWeight weight;
    std::string zone;
    Check check;
    TargetLife life;
    std::uint8_t percent = 100;         // of the weight, as last passed on
    std::uint32_t max_connections = 0;  // the configuration's; 0: no limit
    dataplane::Protocols protocol{};    // its group's, also when that is gone
    std::uint32_t limit = 0;            // of it, in slow start a part; as last passed on
    bool joins_warm = false;            // when it became Initial, its group had a warm target
    bool watched = false;               // by the prober
    bool attempts_fail = false;         // the last probe could not be made
    std::optional<Handshakes> handshakes = {};  // up to the last look; nullopt: not looked at
    std::unique_ptr<Probe> confirmation = {};   // running because the target is suspected
  };
  struct Wanted;  // a target of a configuration, with what follows from its group
  using Listeners = Registry<std::string, config::Listener>;
  using Groups = Registry<std::string, Group>;
  using Targets = Registry<TargetKey, Target>;

  [[nodiscard]] std::optional<std::string> lacks_slots(const config::Config& config) const;
  void apply_listeners(const config::Config& config);
  [[nodiscard]] Listeners::Entry* moved(Listeners::Entry& listener, const config::Listener& wanted);
  void apply_groups(const config::Config& config);
  void apply_targets(const config::Config& config);
  void apply_target(const TargetKey& name, const Wanted& wanted, const Moment& now);
  void begin_checking(dataplane::TargetId id);
  void observe(dataplane::TargetId id, const ProbeOutcome& outcome);
  /// Why packets for that address would not reach a target; "": they would.
  [[nodiscard]] std::string unusable(const dataplane::IpAddress& address) const;
  void judge_addresses();
  void look_at_handshakes(Targets::Entry& target);
  void confirm_suspicion(Targets::Entry& target);
  void tell(const Targets::Entry& target, Event event);
  void tell(const Listeners::Entry& listener, const char* to, const std::string& sentence);
  /// Lets `act` change the target's life, and sees to everything that follows.
  void update(Targets::Entry& target, const std::function<void(TargetLife&)>& act);
  void judge(Targets::Entry& target, const std::function<void(TargetLife&)>& act);
  void watch(Targets::Entry& target, const Check& check);
  [[nodiscard]] const config::DeregistrationDelay& delay_of(const Targets::Entry& target) const;
  [[nodiscard]] Refusal unknown(const TargetKey& name) const;

  /// All targets, as traffic_ wants to see them, in the order of targets_.
  [[nodiscard]] std::vector<Member> members() const;
  void judge_traffic();
  void shifts_differ();
  void tell_of_zone(const std::string& zone, const char* to, const std::string& sentence);
  /// This balancer's, those of registered targets and those that are shifted.
  [[nodiscard]] std::set<std::string> zones() const;
  void add_target_groups(Records& records, const TrafficByGroup& traffic) const;
  void add_zones(Records& records, const TrafficByGroup& traffic) const;

  // --- weights.cpp ---
  void configure_weight(Targets::Entry& target, const WeightRules& rules,
                        std::optional<std::uint16_t> set);
  void follow_health(Targets::Entry& target, dataplane::TargetState before);
  [[nodiscard]] bool has_warm_target(const Targets::Entry& target) const;
  void take_report(Targets::Entry& target, const ProbeOutcome& outcome);
  [[nodiscard]] bool settle_weights();
  void tick_weights();
  [[nodiscard]] std::optional<TargetWeight::Time> weights_due() const;
  void arm_weights();

  void end_drains();
  void release_unused();
  void arm();
  void facts_differ();
  void records_differ();
  void announce_later();
  void announce();

  Parts parts_;
  Listeners listeners_{dataplane::listeners_max};
  Groups groups_{dataplane::target_groups_max};
  Targets targets_{dataplane::targets_max};
  Traffic traffic_;
  std::set<dataplane::IpAddress> own_addresses_;

  std::uint64_t told_ = 0;  // how often the facts were passed on; who left when is counted in it
  bool facts_changed_ = false;
  bool records_changed_ = false;
  bool announcing_ = false;  // announce() is on its way

  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer weights_timer_;
  TargetWeight::Time weights_settled_{};  // when last
  bool weights_differ_ = false;           // some target has said something new since
  Prober prober_;
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);  // for handlers that come late
};

}  // namespace control
