// Who gets new flows, case by case, and against a plain model over random groups.
#include "config/eligibility.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace config {
namespace {

/// "h" healthy, "u" not; "d" draining, "t" terminated; then the zone, then "0" if without weight:
/// "ha ub0 d".
struct Group {
  explicit Group(const std::string& text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      Candidate candidate;
      candidate.availability = word[0] == 'h'   ? Availability::Serving
                               : word[0] == 'u' ? Availability::FailOpen
                               : word[0] == 'd' ? Availability::Draining
                                                : Availability::Terminated;
      if (word.back() == '0') {
        candidate.weight = 0;
        word.pop_back();
      }
      zones.push_back(word.substr(1));
      candidates.push_back(candidate);
    }
    for (std::size_t i = 0; i < zones.size(); ++i) candidates[i].zone = zones[i];
  }
  std::vector<std::string> zones;
  std::vector<Candidate> candidates;
};

struct EligibilityCase {
  const char* why;
  const char* group;
  const char* eligible;  // "1" or "0" for each
  bool failing_open = false;
  HealthyTargets routing = {};
  const char* zone = "";
  bool cross_zone = false;
  std::vector<std::string> shifted = {};
  bool shift_ignored = false;
  bool prefers_local = false;
};

void PrintTo(const EligibilityCase& one, std::ostream* out) { *out << one.why; }

Situation situation(const EligibilityCase& one) {
  return {.health = {.unhealthy_state_routing = one.routing, .dns_failover = one.routing},
          .cross_zone = one.cross_zone || *one.zone == '\0',
          .prefers_local = one.prefers_local,
          .zone = one.zone,
          .shifted_zones = one.shifted};
}

std::string text(const std::vector<bool>& flags) {
  std::string result;
  for (const bool flag : flags) result += flag ? '1' : '0';
  return result;
}

class EligibilityTable : public testing::TestWithParam<EligibilityCase> {};

TEST_P(EligibilityTable, Holds) {
  const Group group(GetParam().group);
  const Eligibility found = eligibility(situation(GetParam()), group.candidates);
  EXPECT_EQ(text(found.eligible), GetParam().eligible);
  EXPECT_EQ(found.failing_open, GetParam().failing_open);
  EXPECT_EQ(found.shift_ignored, GetParam().shift_ignored);
}

const HealthyTargets two{.count = 2, .percentage = 0};
const HealthyTargets half{.count = 1, .percentage = 50};

INSTANTIATE_TEST_SUITE_P(
    Health, EligibilityTable,
    testing::Values(
        EligibilityCase{"the healthy ones", "h u h", "101"}, EligibilityCase{"nobody", "", ""},
        EligibilityCase{"none is healthy: all", "u u", "11", true},
        EligibilityCase{"draining and weight 0 never", "u d u0 t", "1000", true},
        EligibilityCase{"a healthy one without weight is none", "h0 u", "01", true},
        EligibilityCase{"only draining ones: nobody, and that is no fail-open", "d t", "00"},
        EligibilityCase{"at the count", "h h u", "110", false, two},
        EligibilityCase{"below the count all, also the healthy one", "h u u", "111", true, two},
        EligibilityCase{"fewer registered than the count", "h", "1", true, two},
        EligibilityCase{"at the percentage", "h u", "10", false, half},
        EligibilityCase{"below the percentage", "h u u", "111", true, half},
        EligibilityCase{"draining and weightless ones count for no percentage", "h u d d u0",
                        "10000", false, half},
        EligibilityCase{
            "either breach acts", "h h u u u", "11111", true, {.count = 1, .percentage = 50}},
        EligibilityCase{
            "either breach acts: count", "h", "1", true, {.count = 2, .percentage = 50}}));

INSTANTIATE_TEST_SUITE_P(
    Zones, EligibilityTable,
    testing::Values(
        EligibilityCase{"without a zone of its own all zones", "ha hb", "11"},
        EligibilityCase{"only the own zone", "ha hb", "10", false, {}, "a"},
        EligibilityCase{"no zone is every zone", "ha h hb", "110", false, {}, "a"},
        EligibilityCase{"cross_zone: all", "ha hb", "11", false, {}, "a", true},
        EligibilityCase{"the zone fails open alone", "ua ua hb", "110", true, {}, "a"},
        EligibilityCase{
            "cross_zone: the others are healthy", "ua ua hb", "001", false, {}, "a", true},
        EligibilityCase{"per zone when off", "ha ua hb hb", "1100", true, two, "a"},
        EligibilityCase{"over all zones when on", "ha ua hb hb", "1011", false, two, "a", true},
        EligibilityCase{"nobody in the own zone: nobody", "hb", "0", false, {}, "a"}));

INSTANTIATE_TEST_SUITE_P(
    Shifts, EligibilityTable,
    testing::Values(
        EligibilityCase{"a shifted zone gets none", "ha hb", "01", false, {}, "a", true, {"a"}},
        EligibilityCase{
            "also without a zone of the balancer's", "ha hb h", "011", false, {}, "", true, {"a"}},
        EligibilityCase{
            "thresholds are about the rest", "ha ha hb ub", "0011", true, two, "c", true, {"a"}},
        EligibilityCase{
            "it would leave nothing: ignored", "ha ha", "11", false, {}, "c", true, {"a"}, true},
        EligibilityCase{
            "the rest is down: ignored", "ha ub", "10", false, {}, "c", true, {"a"}, true},
        EligibilityCase{"all are down: it holds", "ua ub", "01", true, {}, "c", true, {"a"}},
        EligibilityCase{
            "all zones shifted: ignored", "ha hb", "11", false, {}, "c", true, {"a", "b"}, true},
        EligibilityCase{"the own zone, alone in scope: ignored",
                        "ha hb",
                        "10",
                        false,
                        {},
                        "a",
                        false,
                        {"a"},
                        true},
        EligibilityCase{"another zone, out of scope: nothing to ignore",
                        "ha hb",
                        "10",
                        false,
                        {},
                        "a",
                        false,
                        {"b"}}));

INSTANTIATE_TEST_SUITE_P(
    Affinity, EligibilityTable,
    testing::Values(
        EligibilityCase{"stays", "ha ua hb", "100", false, {}, "a", true, {}, false, true},
        EligibilityCase{"no zone is the own", "h hb", "10", false, {}, "a", true, {}, false, true},
        EligibilityCase{
            "nobody healthy to stay with", "ua hb", "01", false, {}, "a", true, {}, false, true},
        EligibilityCase{
            "failing open is for all", "ha ub", "11", true, two, "a", true, {}, false, true},
        EligibilityCase{
            "the own zone is shifted", "ha hb", "01", false, {}, "a", true, {"a"}, false, true}));

TEST(Eligibility, SaysWhyAZoneGetsNothing) {
  using dataplane::Exclusion;
  const auto exclusions = [](const EligibilityCase& one) {
    return eligibility(situation(one), Group(one.group).candidates).exclusions;
  };
  EXPECT_EQ(exclusions({"", "ha hb db", "", false, {}, "a"}),
            (std::vector{Exclusion::None, Exclusion::CrossZoneOff, Exclusion::None}));
  EXPECT_EQ(exclusions({"", "ha hb", "", false, {}, "a", true, {"b"}}),
            (std::vector{Exclusion::None, Exclusion::ZonalShift}));
  EXPECT_EQ(exclusions({"", "ha hb", "", false, {}, "a", true, {}, false, true}),
            (std::vector{Exclusion::None, Exclusion::ZonalAffinity}));
  EXPECT_EQ(exclusions({"", "ha ub", "", false, {}, "c", true, {"a"}}),
            (std::vector{Exclusion::None, Exclusion::None}))
      << "ignored";
  EXPECT_EQ(to_string(Exclusion::ZonalShift), "zonal_shift");
}

TEST(Eligibility, NobodyIsEligibleWhileTheStandbyServes) {
  for (const char* text : {"h u d", "u u d"}) {
    const Group group(text);
    Situation asked = situation({"", text, ""});
    asked.on_standby = true;
    const Eligibility found = eligibility(asked, group.candidates);
    EXPECT_EQ(found.eligible, std::vector<bool>(3));
    EXPECT_FALSE(found.failing_open);
    EXPECT_EQ(found.exclusions[0], dataplane::Exclusion::OnStandby);
    EXPECT_EQ(found.exclusions[2], dataplane::Exclusion::None) << "it drains";
    EXPECT_EQ(found.kept.registered, 2u) << "recovery is judged by it";
  }
}

TEST(Situation, CrossZoneIsTheGroupsOrTheBalancers) {
  const auto crosses = [](const char* zone, bool balancer, CrossZone group) {
    RoutingRules rules;
    rules.cross_zone = group;
    const Zoning zoning{zone, balancer};
    return situation_of(zoning, rules, {}, {}).cross_zone;
  };
  EXPECT_FALSE(crosses("a", false, CrossZone::UseLoadBalancerConfiguration));
  EXPECT_TRUE(crosses("a", true, CrossZone::UseLoadBalancerConfiguration));
  EXPECT_TRUE(crosses("a", false, CrossZone::On));
  EXPECT_FALSE(crosses("a", true, CrossZone::Off));
  EXPECT_TRUE(crosses("", false, CrossZone::UseLoadBalancerConfiguration)) << "knows no zones";
}

TEST(Situation, AffinityNeedsAZoneAndCapacity) {
  RoutingRules rules;
  const auto prefers = [&](const Zoning& zoning, bool spills) {
    return situation_of(zoning, rules, {.spills = spills, .on_standby = false}, {}).prefers_local;
  };
  EXPECT_FALSE(prefers({"a", true}, false));
  rules.zonal_affinity.emplace();
  EXPECT_TRUE(prefers({"a", true}, false));
  EXPECT_FALSE(prefers({"a", true}, true));
  EXPECT_FALSE(prefers({"a", false}, false));
  EXPECT_FALSE(prefers({"", true}, false));
}

// --- zones, for announcing ---

std::string zones_text(const EligibilityCase& one, const HealthyTargets& announcing) {
  const Group group(one.group);
  Situation asked = situation(one);
  asked.health.dns_failover = announcing;
  std::string result;
  for (const GroupZone& zone : zones_of(asked, group.candidates)) {
    result += (result.empty() ? "" : ", ") + zone.zone + " " + std::to_string(zone.tally.healthy) +
              "/" + std::to_string(zone.tally.registered) + (zone.shifted ? " shifted" : "") +
              (zone.failing_open ? " open" : "") + (zone.healthy ? " healthy" : "") +
              (zone.announced ? " announced" : "");
  }
  return result;
}

TEST(Zones, AreAnnouncedWhileEnoughIsHealthy) {
  EXPECT_EQ(zones_text({"", "h u", ""}, {}), " 1/2 healthy announced");
  EXPECT_EQ(zones_text({"", "ha ua hb hb", "", false, {}, "a"}, two),
            "a 1/2, b 2/2 healthy announced");
  EXPECT_EQ(zones_text({"", "ha ua hb hb", "", false, {}, "a", true}, two),
            "a 1/2 healthy announced, b 2/2 healthy announced")
      << "over all zones when cross_zone is on";
  EXPECT_EQ(zones_text({"", "hb", "", false, {}, "a"}, {}), "a 0/0, b 1/1 healthy announced");
}

TEST(Zones, OfWhichNoneIsHealthyAreAllAnnounced) {
  EXPECT_EQ(zones_text({"", "u", ""}, {}), " 0/1 open announced");
  EXPECT_EQ(zones_text({"", "ua ub", "", false, {}, "a"}, {}),
            "a 0/1 open announced, b 0/1 open announced");
}

TEST(Zones, ThatAreShiftedAreNotAnnounced) {
  EXPECT_EQ(zones_text({"", "ha hb", "", false, {}, "a", true, {"a"}}, {}),
            "a 1/1 shifted, b 1/1 healthy announced");
}

TEST(Zones, WithTheThresholdOffAreAlwaysAnnounced) {
  EXPECT_EQ(zones_text({"", "ua hb", "", false, {}, "a"}, {.count = 0, .percentage = 0}),
            "a 0/1 open healthy announced, b 1/1 healthy announced");
}

TEST(LocalCapacity, IsTheHealthyShareOfTheWeight) {
  Group group("ha ua hb h");
  group.candidates[0].weight = 3;
  const auto capacity = [&](std::vector<std::string> shifted) {
    return local_capacity({.health = {},
                           .cross_zone = true,
                           .prefers_local = true,
                           .zone = "a",
                           .shifted_zones = shifted},
                          group.candidates);
  };
  EXPECT_EQ(capacity({}), 80u);  // 4 of 5
  EXPECT_EQ(capacity({"b"}), 80u);
  EXPECT_EQ(capacity({"a"}), 20u) << "only what belongs to every zone";
  group.candidates.clear();
  EXPECT_EQ(capacity({}), 0u);
}

// --- against a plain model ---

/// Written from docs/fail-open.md and docs/zones.md, set by set.
std::set<std::size_t> plain(const Situation& s, const std::vector<Candidate>& all) {
  std::set<std::size_t> scope, kept, healthy;
  const auto local = [&](std::size_t i) {
    return all[i].zone.empty() || s.zone.empty() || all[i].zone == s.zone;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool draining = all[i].availability == Availability::Draining ||
                          all[i].availability == Availability::Terminated;
    if (draining || all[i].weight == 0 || (!s.cross_zone && !local(i))) continue;
    scope.insert(i);
    const bool shifted =
        std::count(s.shifted_zones.begin(), s.shifted_zones.end(), std::string(all[i].zone)) != 0 &&
        !all[i].zone.empty();
    if (!shifted) kept.insert(i);
    if (all[i].availability == Availability::Serving) healthy.insert(i);
  }
  const auto healthy_of = [&](const std::set<std::size_t>& some) {
    std::set<std::size_t> both;
    std::set_intersection(some.begin(), some.end(), healthy.begin(), healthy.end(),
                          std::inserter(both, both.end()));
    return both;
  };
  if (kept.empty() || (healthy_of(kept).empty() && !healthy.empty())) kept = scope;
  std::set<std::size_t> good = healthy_of(kept);
  const HealthyTargets& minimum = s.health.unhealthy_state_routing;
  const double percent =
      kept.empty() ? 100
                   : 100.0 * static_cast<double>(good.size()) / static_cast<double>(kept.size());
  if (good.size() < minimum.count || percent < minimum.percentage) return kept;
  if (!s.prefers_local) return good;
  std::set<std::size_t> near;
  for (const std::size_t i : good) {
    if (local(i)) near.insert(i);
  }
  return near.empty() ? good : near;
}

TEST(Eligibility, IsThatOfThePlainModel) {
  std::mt19937 random(20260102);
  const auto below = [&](std::uint32_t end) {
    return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
  };
  const std::vector<std::string> zones = {"", "a", "b", "c"};
  int open = 0, ignored = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Candidate> candidates(below(9));
    for (Candidate& candidate : candidates) {
      candidate = {static_cast<Availability>(below(4)), static_cast<std::uint16_t>(below(4)),
                   zones[below(4)]};
    }
    std::vector<std::string> shifted;
    for (const char* zone : {"a", "b", "c"}) {
      if (below(4) == 0) shifted.emplace_back(zone);
    }
    const std::string& zone = zones[below(4)];
    const bool cross_zone = zone.empty() || below(2) == 0;
    const Situation asked{
        .health = {.unhealthy_state_routing = {1 + below(3), 20 * below(6)}, .dns_failover = {}},
        .cross_zone = cross_zone,
        .prefers_local = cross_zone && !zone.empty() && below(2) == 0,
        .zone = zone,
        .shifted_zones = shifted};
    const Eligibility found = eligibility(asked, candidates);
    std::set<std::size_t> eligible;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (found.eligible[i]) eligible.insert(i);
      ASSERT_FALSE(found.eligible[i] && found.exclusions[i] != dataplane::Exclusion::None);
    }
    ASSERT_EQ(eligible, plain(asked, candidates)) << "round " << round;
    for (const GroupZone& seen : zones_of(asked, candidates)) {
      Situation there = asked;  // as a balancer in that zone would judge
      there.zone = seen.zone;
      const Eligibility theirs = eligibility(there, candidates);
      ASSERT_EQ(seen.failing_open, theirs.failing_open) << "round " << round;
      ASSERT_EQ(seen.healthy, !seen.shifted && suffices(theirs.judged, asked.health.dns_failover))
          << "round " << round;
    }
    open += found.failing_open ? 1 : 0;
    ignored += found.shift_ignored ? 1 : 0;
  }
  EXPECT_GT(open, 1'000);
  EXPECT_GT(ignored, 500);
}

}  // namespace
}  // namespace config
