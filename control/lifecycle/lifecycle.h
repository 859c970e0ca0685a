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
#include <vector>

#include "config/config.h"
#include "config/facts.h"
#include "config/target_name.h"
#include "control/health/prober.h"
#include "control/lifecycle/registry.h"
#include "control/lifecycle/target_life.h"
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
  /// back. nullopt: done.
  [[nodiscard]] std::optional<Refusal> drain(const TargetKey& name);
  [[nodiscard]] std::optional<Refusal> undrain(const TargetKey& name);

  /// Does what is due by now: probes, ends of drains, release of what is empty. Own timers call it;
  /// tests with their own clock do too.
  void tick();

 private:
  struct Group {
    config::DeregistrationDelay delay;
  };
  struct Target {
    std::uint16_t weight;
    std::string zone;
    Check check;
    TargetLife life;
    bool watched = false;        // by the prober
    bool attempts_fail = false;  // the last probe could not be made
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
  void observe(dataplane::TargetId id, const ProbeOutcome& outcome);
  /// Lets `act` change the target's life, and sees to everything that follows.
  void update(Targets::Entry& target, const std::function<void(TargetLife&)>& act);
  void watch(Targets::Entry& target, const Check& check);
  [[nodiscard]] const config::DeregistrationDelay& delay_of(const Targets::Entry& target) const;
  [[nodiscard]] Refusal unknown(const TargetKey& name) const;

  void end_drains();
  void release_unused();
  void arm();
  void facts_differ();
  void records_differ();
  void announce_later();
  void announce();
  [[nodiscard]] std::set<std::string> groups_serving() const;

  Parts parts_;
  Listeners listeners_{dataplane::listeners_max};
  Groups groups_{dataplane::target_groups_max};
  Targets targets_{dataplane::targets_max};

  std::uint64_t told_ = 0;  // how often the facts were passed on; who left when is counted in it
  bool facts_changed_ = false;
  bool records_changed_ = false;
  bool announcing_ = false;  // announce() is on its way

  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer timer_;
  Prober prober_;
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);  // for handlers that come late
};

}  // namespace control
