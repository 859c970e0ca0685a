#include "config/eligibility.h"

#include <algorithm>
#include <cstddef>
#include <map>

namespace config {

using dataplane::Exclusion;

namespace {

/// Neither draining nor gone. Whatever else is not Serving gets flows when the group fails open.
bool takes_part(const Candidate& candidate) {
  return candidate.weight != 0 && candidate.availability != Availability::Draining &&
         candidate.availability != Availability::Terminated;
}

bool is_healthy(const Candidate& candidate) {
  return candidate.availability == Availability::Serving;
}

bool belongs(const Candidate& candidate, std::string_view zone) {
  return candidate.zone.empty() || zone.empty() || candidate.zone == zone;
}

bool is_shifted(const Situation& situation, std::string_view zone) {
  return !zone.empty() && std::find(situation.shifted_zones.begin(), situation.shifted_zones.end(),
                                    zone) != situation.shifted_zones.end();
}

bool in_scope(const Situation& situation, const Candidate& candidate) {
  return takes_part(candidate) && (situation.cross_zone || belongs(candidate, situation.zone));
}

void count(Tally& tally, const Candidate& candidate) {
  ++tally.registered;
  if (is_healthy(candidate)) ++tally.healthy;
}

void add(Tally& sum, Tally part) {
  sum.registered += part.registered;
  sum.healthy += part.healthy;
}

/// What follows for a group from how many targets there are.
struct Judgement {
  Tally judged;
  bool shift_ignored = false;
  bool failing_open = false;
};

/// `kept` are those in scope that are in no zone that is shifted away.
Judgement judge(const Situation& situation, Tally scope, Tally kept) {
  Judgement judgement;
  judgement.shift_ignored =
      kept != scope && (kept.registered == 0 || (kept.healthy == 0 && scope.healthy != 0));
  judgement.judged = judgement.shift_ignored ? scope : kept;
  judgement.failing_open = judgement.judged.registered != 0 && !situation.on_standby &&
                           !suffices(judgement.judged, situation.health.unhealthy_state_routing);
  return judgement;
}

}  // namespace

Situation situation_of(const Zoning& zoning, const RoutingRules& rules, const Decided& decided,
                       std::span<const std::string> shifted_zones) {
  const bool cross_zone = crosses_zones(zoning, rules.cross_zone);
  return {.health = rules.target_group_health,
          .cross_zone = cross_zone,
          .prefers_local = rules.zonal_affinity.has_value() && cross_zone && !zoning.zone.empty() &&
                           !decided.spills,
          .on_standby = decided.on_standby,
          .zone = zoning.zone,
          .shifted_zones = shifted_zones};
}

bool suffices(Tally tally, const HealthyTargets& wanted) {
  return tally.healthy >= wanted.count &&
         std::uint64_t{100} * tally.healthy >= std::uint64_t{wanted.percentage} * tally.registered;
}

Eligibility eligibility(const Situation& situation, std::span<const Candidate> candidates) {
  Eligibility result;
  result.eligible.resize(candidates.size());
  result.exclusions.resize(candidates.size(), Exclusion::None);
  Tally scope;
  Tally near, near_kept;  // of the own zone
  for (const Candidate& candidate : candidates) {
    if (!in_scope(situation, candidate)) continue;
    const bool local = belongs(candidate, situation.zone);
    count(scope, candidate);
    if (local) count(near, candidate);
    if (is_shifted(situation, candidate.zone)) continue;
    count(result.kept, candidate);
    if (local) count(near_kept, candidate);
  }
  const Judgement judgement = judge(situation, scope, result.kept);
  result.judged = judgement.judged;
  result.shift_ignored = judgement.shift_ignored;
  result.failing_open = judgement.failing_open;
  if (!result.shift_ignored) near = near_kept;
  const bool stays = situation.prefers_local && !result.failing_open && near.healthy != 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (!takes_part(candidate)) continue;
    if (situation.on_standby) {
      result.exclusions[i] = Exclusion::OnStandby;
    } else if (!in_scope(situation, candidate)) {
      result.exclusions[i] = Exclusion::CrossZoneOff;
    } else if (!result.shift_ignored && is_shifted(situation, candidate.zone)) {
      result.exclusions[i] = Exclusion::ZonalShift;
    } else if (stays && !belongs(candidate, situation.zone)) {
      result.exclusions[i] = Exclusion::ZonalAffinity;
    } else {
      result.eligible[i] = result.failing_open || is_healthy(candidate);
    }
  }
  return result;
}

std::vector<GroupZone> zones_of(const Situation& situation, std::span<const Candidate> candidates) {
  std::map<std::string_view, Tally> own;  // of those that belong to that zone alone; "": to every
  if (!situation.zone.empty()) own[situation.zone];
  for (const Candidate& candidate : candidates) {
    if (takes_part(candidate)) count(own[candidate.zone], candidate);
  }
  const Tally everywhere = own[""];
  if (own.size() > 1) own.erase("");
  Tally all = everywhere, all_kept = everywhere;
  for (const auto& [name, tally] : own) {
    if (name.empty()) continue;
    add(all, tally);
    if (!is_shifted(situation, name)) add(all_kept, tally);
  }
  std::vector<GroupZone> zones;
  bool none = true;  // is healthy
  for (const auto& [name, tally] : own) {
    GroupZone& zone = zones.emplace_back();
    zone.zone = name;
    zone.shifted = is_shifted(situation, name);
    zone.tally = everywhere;
    if (!name.empty()) add(zone.tally, tally);
    const Judgement there =
        situation.cross_zone ? judge(situation, all, all_kept)
                             : judge(situation, zone.tally, zone.shifted ? everywhere : zone.tally);
    zone.failing_open = there.failing_open;
    zone.healthy = !zone.shifted && suffices(there.judged, situation.health.dns_failover);
    none = none && !zone.healthy;
  }
  for (GroupZone& zone : zones) zone.announced = zone.healthy || none;
  return zones;
}

std::uint32_t local_capacity(const Situation& situation, std::span<const Candidate> candidates) {
  std::uint64_t registered = 0, healthy = 0;
  for (const Candidate& candidate : candidates) {
    if (!takes_part(candidate) || !belongs(candidate, situation.zone)) continue;
    registered += candidate.weight;
    if (is_healthy(candidate) && !is_shifted(situation, candidate.zone)) {
      healthy += candidate.weight;
    }
  }
  return registered == 0 ? 0 : static_cast<std::uint32_t>(100 * healthy / registered);
}

}  // namespace config
