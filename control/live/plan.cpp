#include "control/live/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "config/compile.h"
#include "dataplane/table/maglev.h"

namespace control {
namespace {

using config::Availability;
using config::Config;
using config::Facts;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;
using report::Json;

/// Slots that nothing has, from the highest down: they are seldom used.
class FreeSlots {
 public:
  explicit FreeSlots(std::size_t count) : next_(count) {}
  void taken(std::uint16_t slot) { taken_.insert(slot); }
  std::optional<std::uint16_t> take() {
    while (next_ > 0) {
      const auto slot = static_cast<std::uint16_t>(--next_);
      if (!taken_.contains(slot)) return slot;
    }
    return std::nullopt;
  }

 private:
  std::size_t next_;
  std::set<std::uint16_t> taken_;
};

using KnownTargets = std::map<TargetName, config::TargetFact>;

KnownTargets known_targets(const Facts& facts) {
  KnownTargets known;
  for (const config::TargetFact& target : facts.targets) {
    known.emplace(TargetName{target.target_group, target.address, target.port}, target);
  }
  return known;
}

void plan_listeners(const Config& wanted, const Facts& now, Facts& planned) {
  FreeSlots slots(dataplane::listeners_max);
  std::map<std::string, config::ListenerFact> known;
  for (const config::ListenerFact& listener : now.listeners) {
    slots.taken(listener.id.slot);
    known.emplace(listener.name, listener);
  }
  planned.listeners.clear();
  for (const config::Listener& listener : wanted.listeners) {
    const auto found = known.find(listener.name);
    const auto slot = found == known.end() ? slots.take() : std::nullopt;
    if (found != known.end()) planned.listeners.push_back(found->second);
    if (slot) planned.listeners.push_back({listener.name, dataplane::ListenerId{*slot}, 0});
  }
}

void plan_groups(const Config& wanted, const Facts& now, Facts& planned) {
  FreeSlots slots(dataplane::target_groups_max);
  std::set<std::string> known;
  for (const config::TargetGroupFact& group : now.target_groups) {
    slots.taken(group.id.slot);
    known.insert(group.name);
  }
  // Who is on a standby stays there, unless it has that standby no more.
  for (config::TargetGroupFact& fact : planned.target_groups) {
    const auto group =
        std::find_if(wanted.target_groups.begin(), wanted.target_groups.end(),
                     [&](const config::TargetGroup& one) { return one.name == fact.name; });
    const bool has_standby = group != wanted.target_groups.end() && group->routing.failover &&
                             group->routing.failover->target_group == fact.standby;
    if (!has_standby) fact.standby.clear();
  }
  for (const config::TargetGroup& group : wanted.target_groups) {
    if (known.contains(group.name)) continue;
    if (const auto slot = slots.take()) {
      planned.target_groups.push_back({group.name, TargetGroupId{*slot}});
    }
  }
}

std::map<std::string, std::size_t> group_indices(const Config& config) {
  std::map<std::string, std::size_t> indices;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    indices.emplace(config.target_groups[i].name, i);
  }
  return indices;
}

const dataplane::TargetGroup* group_named(const Snapshot& snapshot, const Facts& facts,
                                          const std::string& name) {
  for (const config::TargetGroupFact& fact : facts.target_groups) {
    if (fact.name == name) return snapshot.target_group(fact.id);
  }
  return nullptr;
}

MovedShare compare(const std::string& name, const dataplane::MaglevTable& before,
                   const dataplane::MaglevTable& after) {
  const std::set<TargetId> remaining(after.slots().begin(), after.slots().end());
  // Tables of one size are compared whole; of two sizes, at so many places all over the hash space
  // that what is between them does not matter.
  const bool same_size = before.slots().size() == after.slots().size();
  const std::size_t larger = std::max(before.slots().size(), after.slots().size());
  const std::size_t places = same_size ? larger : 8 * larger;
  const std::uint64_t step = same_size ? 1 : 0x9e37'79b9'7f4a'7c15;
  std::size_t moved = 0, moved_stays = 0;
  for (std::size_t i = 0; i < places; ++i) {
    const TargetId was = before.pick(i * step);
    if (was == after.pick(i * step)) continue;
    ++moved;
    moved_stays += remaining.contains(was) ? 1 : 0;
  }
  const auto share = [places](std::size_t part) {
    return static_cast<double>(part) / static_cast<double>(places);
  };
  return {name, share(moved), share(moved_stays)};
}

Json loss_documents(const std::vector<Loss>& losses) {
  Json documents = Json::array();
  for (const Loss& loss : losses) {
    documents.push_back({{"target_group", loss.target_group},
                         {"healthy_before", loss.healthy_before},
                         {"healthy_after", loss.healthy_after}});
  }
  return documents;
}

Json sentences(const config::Errors& errors) {
  Json texts = Json::array();
  for (const config::Error& error : errors) texts.push_back(to_string(error));
  return texts;
}

/// Flows on what a difference takes away: a target that drains, a listener that goes.
class FlowsConcerned {
 public:
  explicit FlowsConcerned(const Present& present)
      : present_(present), targets_(known_targets(present.facts)) {}

  std::uint64_t of(const config::Difference& difference) {
    if (difference.kind == "target" && difference.action == config::Difference::Action::Remove) {
      const auto endpoint = dataplane::parse_target(difference.name);
      if (!endpoint) return 0;
      const auto found =
          targets_.find({difference.target_group, endpoint->address, endpoint->port});
      if (found == targets_.end()) return 0;
      const std::uint64_t flows = present_.target_flows(found->second.id);
      draining_ += flows;
      return flows;
    }
    if (difference.kind != "listener" || !ends(difference)) return 0;
    for (const config::ListenerFact& listener : present_.facts.listeners) {
      if (listener.name != difference.name) continue;
      const std::uint64_t flows = present_.listener_flows(listener.id);
      listeners_ += flows;
      return flows;
    }
    return 0;
  }
  [[nodiscard]] Json document() const {
    return {{"draining", draining_}, {"listeners", listeners_}};
  }

 private:
  /// It goes, or moves to another address or port: its flows remain, new ones do not come.
  static bool ends(const config::Difference& difference) {
    if (difference.action == config::Difference::Action::Remove) return true;
    return difference.action == config::Difference::Action::Change &&
           std::any_of(difference.attributes.begin(), difference.attributes.end(),
                       [](const config::AttributeDifference& attribute) {
                         return attribute.name == "address" || attribute.name == "port" ||
                                attribute.name == "ports";
                       });
  }

  const Present& present_;
  KnownTargets targets_;
  std::uint64_t draining_ = 0;
  std::uint64_t listeners_ = 0;
};

Json difference_document(const config::Difference& difference, FlowsConcerned& flows) {
  Json attributes = Json::array();
  for (const config::AttributeDifference& attribute : difference.attributes) {
    attributes.push_back(
        {{"name", attribute.name}, {"before", attribute.before}, {"after", attribute.after}});
  }
  return {{"action", to_string(difference.action)},  {"kind", difference.kind},
          {"target_group", difference.target_group}, {"name", difference.name},
          {"attributes", std::move(attributes)},     {"flows", flows.of(difference)}};
}

}  // namespace

Facts planned_facts(const Config& wanted, const std::set<TargetName>& drained, const Facts& now) {
  Facts planned = now;
  plan_listeners(wanted, now, planned);
  plan_groups(wanted, now, planned);
  planned.targets.clear();
  FreeSlots slots(dataplane::targets_max);
  KnownTargets known = known_targets(now);
  for (const auto& [name, target] : known) slots.taken(target.id.slot);
  for (const config::TargetGroup& group : wanted.target_groups) {
    for (const config::Target& target : group.targets) {
      const TargetName name{group.name, target.address, target.port};
      const auto found = known.find(name);
      const auto slot = found == known.end() ? slots.take() : std::nullopt;
      if (found == known.end() && !slot) continue;
      config::TargetFact fact = found == known.end() ? config::TargetFact{} : found->second;
      if (slot) {
        fact.id = TargetId{*slot, 0};
        fact.target_group = group.name;
        fact.address = target.address;
        fact.port = target.port;
        fact.availability = Availability::Serving;
      }
      fact.weight = target.weight;
      fact.zone = target.zone;
      if (drained.contains(name)) fact.availability = Availability::Draining;
      planned.targets.push_back(std::move(fact));
      if (found != known.end()) known.erase(found);
    }
  }
  for (auto& [name, target] : known) {
    if (target.availability != Availability::Terminated) {
      target.availability = Availability::Draining;
    }
    planned.targets.push_back(target);
  }
  return planned;
}

std::vector<MovedShare> moved_shares(const Present& present, const Proposal& proposal) {
  const Facts facts =
      planned_facts(proposal.effective, proposal.changes.kept.drained, present.facts);
  if (facts.listeners.size() != proposal.effective.listeners.size()) return {};
  for (const auto& [name, index] : group_indices(proposal.effective)) {
    const bool has_fact =
        std::any_of(facts.target_groups.begin(), facts.target_groups.end(),
                    [&name = name](const auto& fact) { return fact.name == name; });
    if (!has_fact) return {};  // more than fit: the plan says that it would be refused
  }
  const auto after = config::compile(proposal.effective, facts, present.snapshot.get());
  std::vector<MovedShare> shares;
  for (const auto& [name, index] : group_indices(proposal.effective)) {
    const auto* was = group_named(*present.snapshot, present.facts, name);
    const auto* is = group_named(*after, facts, name);
    if (was == nullptr || is == nullptr || was->maglev == is->maglev) continue;
    const auto has_targets = [](const dataplane::TargetGroup& group) {
      return dataplane::is_consistent(group.algorithm) && !group.maglev->slots().empty();
    };
    if (has_targets(*was) && has_targets(*is)) {
      shares.push_back(compare(name, *was->maglev, *is->maglev));
    }
  }
  return shares;
}

Json plan_document(const Present& present, const Proposal& proposal) {
  const auto differences = config::differences(present.running, proposal.effective);
  FlowsConcerned flows(present);
  Json changes = Json::array();
  for (const config::Difference& difference : differences) {
    changes.push_back(difference_document(difference, flows));
  }
  Json moved = Json::array();
  if (proposal.wrong.empty() && proposal.needs_restart.empty()) {
    for (const MovedShare& share : moved_shares(present, proposal)) {
      moved.push_back({{"target_group", share.target_group},
                       {"moved", share.moved},
                       {"moved_though_target_stays", share.moved_stays}});
    }
  }
  const std::string refusal = proposal.refusal(true);
  return {{"instance", present.running.instance},
          {"file", proposal.file.file},
          {"differs", !differences.empty() || !proposal.changes.reasons.empty()},
          {"refused", refusal.empty() ? Json() : Json(refusal)},
          {"needs_force", refusal.empty() && !proposal.losses.empty()},
          {"errors", sentences(proposal.wrong)},
          {"restart_needed", sentences(proposal.needs_restart)},
          {"changes", std::move(changes)},
          {"moved", std::move(moved)},
          {"losses", loss_documents(proposal.losses)},
          {"dropped_changes", proposal.changes.reasons},
          {"flows", flows.document()}};
}

}  // namespace control
