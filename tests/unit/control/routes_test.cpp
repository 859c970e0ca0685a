#include "control/routes.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace control {
namespace {

/// Commands that note what they were asked for.
class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    commands_.version = [this] { return note("version"); };
    commands_.status = [this] { return note("status"); };
    commands_.listeners = [this] { return note("listeners"); };
    commands_.targets = [this] { return note("targets"); };
    commands_.target_groups = [this] { return note("target_groups"); };
    commands_.zones = [this] { return note("zones"); };
    commands_.shift = [this](const ShiftWanted& wanted, const Done& done) {
      shift_ = wanted;
      done({200, note("shift")});
    };
    commands_.unshift = [this](const std::string& zone, const Done& done) {
      shift_.zone = zone;
      done({200, note("unshift")});
    };
    commands_.flows = [this](const FlowsWanted& wanted, const Done& done) {
      flows_ = wanted;
      done({200, note("flows")});
    };
    commands_.capture = [this](const CaptureWanted& wanted, const Done& done) {
      capture_ = wanted;
      done({200, note("capture")});
    };
    commands_.events = [this](const EventsWanted& wanted) {
      events_ = wanted;
      return note("events");
    };
    commands_.reload = [this](const ReloadWanted& wanted, const Done& done) {
      reload_ = wanted;
      done({200, note("reload")});
    };
    commands_.rollback = [this](bool force, const Done& done) {
      force_ = force;
      done({200, note("rollback")});
    };
    commands_.plan = [this](const PlanWanted& wanted, const Done& done) {
      plan_ = wanted;
      done({200, note("plan")});
    };
    commands_.changes = [this] { return note("changes"); };
    commands_.discard = [this](const std::string& group, bool force, const Done& done) {
      targets_.target_group = group;
      force_ = force;
      done({200, note("discard")});
    };
    commands_.add_targets = [this](const TargetsWanted& wanted, const Done& done) {
      targets_ = wanted;
      done({200, note("register")});
    };
    commands_.remove_targets = [this](const TargetsWanted& wanted, const Done& done) {
      targets_ = wanted;
      done({200, note("deregister")});
    };
    commands_.drain = [this](const DrainWanted& target, const Done& done) {
      target_ = target;
      force_ = target.force;
      done({200, note("drain")});
    };
    commands_.undrain = [this](const TargetName& target, const Done& done) {
      target_ = target;
      done(refused(409, note("undrain").dump()));
    };
    commands_.weight = [this](const TargetName& target, std::uint16_t weight, const Done& done) {
      target_ = target;
      weight_ = weight;
      done({200, note("weight")});
    };
  }

  std::uint16_t weight_ = 0;
  report::Json note(const char* command) {
    called_.emplace_back(command);
    return {{"command", command}};
  }
  Outcome request(std::string_view method, std::string_view target, std::string_view body = {}) {
    std::optional<Outcome> result;
    answer(method, target, body, commands_, [&](Outcome outcome) {
      EXPECT_FALSE(result) << "answered twice";
      result = std::move(outcome);
    });
    EXPECT_TRUE(result) << "not answered";
    return result.value_or(Outcome{});
  }
  void expect_error(std::string_view method, std::string_view target, unsigned status,
                    const std::string& words, std::string_view body = {}) {
    const Outcome outcome = request(method, target, body);
    EXPECT_EQ(outcome.status, status) << target;
    const std::string error = outcome.document.value("error", "");
    EXPECT_NE(error.find(words), std::string::npos) << target << ": " << error;
    EXPECT_TRUE(called_.empty()) << target << " called " << called_.front();
  }

  Commands commands_;
  std::vector<std::string> called_;
  FlowsWanted flows_;
  EventsWanted events_;
  CaptureWanted capture_;
  ShiftWanted shift_;
  TargetName target_;
  ReloadWanted reload_;
  PlanWanted plan_;
  TargetsWanted targets_;
  bool force_ = false;
};

TEST_F(RoutesTest, EachPathCallsItsCommand) {
  for (const char* name : {"version", "status", "listeners", "targets", "flows"}) {
    const Outcome outcome = request("GET", std::string("/v1/") + name);
    EXPECT_EQ(outcome.status, 200u);
    EXPECT_EQ(outcome.document, (report::Json{{"command", name}}));
  }
  EXPECT_EQ(request("POST", "/v1/reload").status, 200u);
  EXPECT_EQ(called_, (std::vector<std::string>{"version", "status", "listeners", "targets", "flows",
                                               "reload"}));
}

TEST_F(RoutesTest, DrainAndUndrainNameATarget) {
  EXPECT_EQ(request("POST", "/v1/target_groups/web/targets/10.0.1.11:8080/drain").status, 200u);
  EXPECT_EQ(target_.target_group, "web");
  EXPECT_EQ(to_string(target_.address), "10.0.1.11");
  EXPECT_EQ(target_.port, 8080);
  EXPECT_EQ(request("POST", "/v1/target_groups/we%62%20b/targets/10.0.1.12%3A81/undrain").status,
            409u);
  EXPECT_EQ(target_.target_group, "web b");
  EXPECT_EQ(target_.port, 81);
  EXPECT_EQ(called_, (std::vector<std::string>{"drain", "undrain"}));
}

TEST_F(RoutesTest, BodiesSayWhatIsWanted) {
  request("POST", "/v1/reload", "{\"force\": true, \"discard_changes\": true}");
  EXPECT_TRUE(reload_.force);
  EXPECT_TRUE(reload_.discard_changes);
  request("POST", "/v1/reload");
  EXPECT_FALSE(reload_.force);
  request("POST", "/v1/rollback", "{\"force\": true}");
  EXPECT_TRUE(force_);
  request("POST", "/v1/target_groups/we%62/register", R"({"targets": [{"address": "10.0.1.20"}]})");
  EXPECT_EQ(targets_.target_group, "web");
  EXPECT_EQ(targets_.targets.size(), 1u);
  request("POST", "/v1/target_groups/web/deregister", R"({"targets": [], "force": true})");
  EXPECT_TRUE(targets_.force);
  request("POST", "/v1/changes/discard", R"({"target_group": "api"})");
  EXPECT_EQ(targets_.target_group, "api");
  EXPECT_FALSE(force_);
  request("POST", "/v1/plan", R"({"source": {"text": ""}})");
  EXPECT_TRUE(plan_.source.is_object());
  request("POST", "/v1/plan", R"({"rollback": true})");
  EXPECT_TRUE(plan_.source.is_null());
  request("GET", "/v1/changes");
  request("POST", "/v1/target_groups/web/targets/10.0.1.11:8080/drain", R"({"force": true})");
  EXPECT_TRUE(force_);
  EXPECT_EQ(called_,
            (std::vector<std::string>{"reload", "reload", "rollback", "register", "deregister",
                                      "discard", "plan", "plan", "changes", "drain"}));
}

TEST_F(RoutesTest, WrongBodiesAreRefused) {
  expect_error("POST", "/v1/reload", 400, "no JSON object", "{\"force\"");
  expect_error("POST", "/v1/reload", 400, "no JSON object", "[true]");
  expect_error("POST", "/v1/reload", 400, "force: true or false", R"({"force": 1})");
  expect_error("POST", "/v1/reload", 400, "unknown key \"forced\" in the body; allowed: force",
               R"({"forced": true})");
  expect_error("POST", "/v1/changes/discard", 400, "target_group: a text",
               R"({"target_group": 1})");
  expect_error("POST", "/v1/plan", 400, "one of the two", "{}");
  expect_error("POST", "/v1/plan", 400, "one of the two", R"({"source": {}, "rollback": true})");
  expect_error("POST", "/v1/target_groups//register", 400, "no target group's name");
  expect_error("POST", "/v1/target_groups/web/register", 400, "unknown key", R"({"force": true})");
  expect_error("POST", "/v1/reload?force=true", 400, "takes no parameters");
  expect_error("GET", "/v1/rollback", 405, "use POST");
  expect_error("POST", "/v1/changes", 405, "use GET");
  expect_error("POST", "/v1/target_groups/web/targets/10.0.1.11:80/undrain", 400,
               "unknown key \"force\" in the body; allowed: none", R"({"force": true})");
}

TEST_F(RoutesTest, WeightNamesATargetAndANumber) {
  EXPECT_EQ(
      request("POST", "/v1/target_groups/web/targets/10.0.1.11:8080/weight?weight=999").status,
      200u);
  EXPECT_EQ(target_.port, 8080);
  EXPECT_EQ(weight_, 999);
  EXPECT_EQ(request("POST", "/v1/target_groups/web/targets/10.0.1.11:same/weight?weight=0").status,
            200u);
  EXPECT_EQ(target_.port, 0);
  EXPECT_EQ(weight_, 0);
  called_.clear();
  for (const char* query : {"", "?", "?weight=", "?weight=1000", "?weight=-1", "?weight=5&x=1",
                            "?heft=5", "?weight=99999999999999999999"}) {
    expect_error("POST", std::string("/v1/target_groups/web/targets/10.0.1.11:80/weight") + query,
                 400, "a number from 0 to 999 is needed");
  }
  expect_error("POST", "/v1/target_groups/web/targets/10.0.1.11:80/drain?weight=5", 400,
               "takes no parameters");
  expect_error("GET", "/v1/target_groups/web/targets/10.0.1.11:80/weight?weight=5", 405,
               "use POST");
}

TEST_F(RoutesTest, FlowsTakeLimitGroupAndTarget) {
  request("GET", "/v1/flows");
  EXPECT_EQ(flows_.limit, FlowsWanted::limit_default);
  EXPECT_EQ(flows_.target_group, "");
  EXPECT_FALSE(flows_.address);
  request("GET", "/v1/flows?limit=20&target_group=we%2Db&target=10.0.1.11:8080");
  EXPECT_EQ(flows_.limit, 20u);
  EXPECT_EQ(flows_.target_group, "we-b");
  ASSERT_TRUE(flows_.address);
  EXPECT_EQ(to_string(*flows_.address), "10.0.1.11");
  EXPECT_EQ(flows_.port, 8080);
  request("GET", "/v1/flows?from=2.5120.3&age=90&idle=30&sort=age");
  EXPECT_EQ(flows_.from.worker, 2u);
  EXPECT_EQ(flows_.from.bucket, 5120u);
  EXPECT_EQ(flows_.from.skip, 3u);
  EXPECT_EQ(flows_.filter.age_milliseconds, 90'000u);
  EXPECT_EQ(flows_.filter.idle_milliseconds, 30'000u);
  EXPECT_EQ(flows_.sort, FlowsWanted::Sort::Age);
}

TEST_F(RoutesTest, WrongParametersAreNamedWithWhatIsAllowed) {
  for (const char* limit : {"0", "10001", "x", "", "-1", "1e3", "99999999999999999999"}) {
    expect_error("GET", std::string("/v1/flows?limit=") + limit, 400, "from 1 to 10000");
  }
  for (const char* target :
       {"10.0.1.11", "10.0.1.11:0", "10.0.1.11:65536", "web:80", "10.0.1:80"}) {
    expect_error("GET", std::string("/v1/flows?target=") + target, 400, "10.0.1.11:8080");
  }
  expect_error("GET", "/v1/flows?limit", 400, "name=value");
  for (const char* from : {"", "1", "1.2", "1.2.3.4", "a.b.c", "-1.0.0", "1.4294967296.0"}) {
    expect_error("GET", std::string("/v1/flows?from=") + from, 400, "had as \"next\"");
  }
  expect_error("GET", "/v1/flows?age=2592001", 400, "seconds from 0 to 2592000");
  expect_error("GET", "/v1/flows?target_group=%4", 400, "name=value");
  expect_error("GET", "/v1/flows?colour=red", 400, "unknown parameter \"colour\"");
  expect_error("GET", "/v1/status?limit=3", 400, "takes no parameters");
  expect_error("POST", "/v1/target_groups/web/targets/10.0.1.11/drain", 400, "is not a target");
  expect_error("POST", "/v1/target_groups//targets/10.0.1.11:80/drain", 400, "is not a target");
}

TEST_F(RoutesTest, ZonesAreShiftedForAWhile) {
  EXPECT_EQ(request("GET", "/v1/zones").document["command"], "zones");
  EXPECT_EQ(request("GET", "/v1/target_groups").document["command"], "target_groups");
  EXPECT_EQ(request("POST", "/v1/zones/b/shift?expires=7200&comment=power%20works").status, 200u);
  EXPECT_EQ(shift_.zone, "b");
  EXPECT_EQ(shift_.expires, std::chrono::hours(2));
  EXPECT_EQ(shift_.comment, "power works");
  EXPECT_EQ(request("POST", "/v1/zones/c/unshift").status, 200u);
  EXPECT_EQ(shift_.zone, "c");
}

TEST_F(RoutesTest, AWrongShiftIsExplained) {
  expect_error("POST", "/v1/zones/b/shift", 400, "expires is missing");
  for (const char* expires : {"0", "2h", "-1", "259201", ""}) {
    expect_error("POST", std::string("/v1/zones/b/shift?expires=") + expires, 400,
                 "seconds from 1 to 259200");
  }
  expect_error("POST", "/v1/zones/b/shift?expires=1&comment=" + std::string(128, 'x'), 400,
               "at most 127");
  expect_error("POST", "/v1/zones/b/shift?expires=1&comment=a%0Ab", 400, "control characters");
  expect_error("POST", "/v1/zones/b/shift?until=1", 400, "unknown parameter \"until\"");
  expect_error("POST", "/v1/zones/b/unshift?expires=1", 400, "takes no parameters");
  expect_error("POST", "/v1/zones//shift?expires=1", 400, "is no zone's name");
  expect_error("GET", "/v1/zones/b/shift?expires=1", 405, "use POST");
  expect_error("POST", "/v1/zones", 405, "use GET");
}

TEST_F(RoutesTest, WhatIsNotThereIsNotFound) {
  for (const char* path :
       {"/", "", "*", "/v1", "/v1/", "/v2/status", "/v1/status/", "//v1/status", "/v1/Status",
        "/v1/target_groups/web/targets/10.0.1.11:80", "/v1/target_groups/web/targets/a:1/stop",
        "/v1/target_groups/web/drain"}) {
    expect_error("GET", path, 404, "there is no");
  }
}

TEST_F(RoutesTest, TheMethodMustFit) {
  expect_error("POST", "/v1/status", 405, "use GET");
  expect_error("GET", "/v1/reload", 405, "use POST");
  expect_error("DELETE", "/v1/target_groups/web/targets/10.0.1.11:80/drain", 405, "use POST");
  expect_error("HEAD", "/v1/targets", 405, "use GET");
}

TEST_F(RoutesTest, CaptureTakesItsFilters) {
  EXPECT_EQ(request("GET", "/v1/capture").status, 200u);
  EXPECT_EQ(request("GET", "/v1/capture?verdict=DropTtl&verdict=DropFragment&count=3").status,
            200u);
  EXPECT_EQ(capture_.filter.verdicts, dataplane::verdicts::mask(dataplane::Verdict::DropTtl,
                                                                dataplane::Verdict::DropFragment));
  EXPECT_EQ(capture_.count, 3u);
  called_.clear();
  expect_error("GET", "/v1/capture?verdict=DropTtll", 400, "DropTtl");
  expect_error("POST", "/v1/capture", 405, "use GET");
}

TEST_F(RoutesTest, EventsTakeTheirFilters) {
  EXPECT_EQ(request("GET", "/v1/events").status, 200u);
  EXPECT_EQ(events_.count, 100u);
  EXPECT_EQ(request("GET", "/v1/events?count=7&target=10.0.1.11%3A8080").status, 200u);
  EXPECT_EQ(events_.count, 7u);
  EXPECT_EQ(events_.port, 8080);
  called_.clear();
  expect_error("GET", "/v1/events?count=x", 400, "from 1 to 4096");
  expect_error("POST", "/v1/events", 405, "use GET");
}

}  // namespace
}  // namespace control
