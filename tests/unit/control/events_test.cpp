#include "control/events.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

using dataplane::Generation;
using report::Json;

class EventsTest : public testing::Test {
 protected:
  void add(const std::string& target, const std::string& to) {
    now_ += 1'000;
    events_.add({.target_group = "web", .target = target, .from = "healthy", .to = to});
  }
  Json find(const std::string& query) {
    const auto wanted = events_wanted(query);
    const auto* error = std::get_if<std::string>(&wanted);
    EXPECT_EQ(error, nullptr) << *error;
    return error != nullptr ? Json() : events_.document(std::get<EventsWanted>(wanted));
  }
  /// "2 3 4"
  std::string numbers(const std::string& query) {
    std::string text;
    const Json document = find(query);
    for (const Json& event : document["events"]) {
      text += (text.empty() ? "" : " ") + event["number"].dump();
    }
    return text;
  }

  std::uint64_t now_ = 1'700'000'000'000;
  Events events_{[this] { return now_; }};
};

TEST_F(EventsTest, SayWhatWhenAndInWhichGeneration) {
  now_ += 678;
  events_.add({.target_group = "web",
               .target = "10.0.1.11:8080",
               .from = "healthy",
               .to = "unhealthy",
               .reason = "Target.Timeout",
               .sentence = "no answer within 6 s, 2 of 2 failed"});
  EXPECT_TRUE(find("")["events"][0]["generation"].is_null()) << "it is not in force yet";
  events_.published(Generation{7});
  const Json document = find("");
  EXPECT_EQ(document["first"], 1);
  EXPECT_EQ(document["last"], 1);
  EXPECT_EQ(document["history"], 1'700'000'000'000u);
  EXPECT_EQ(document["events"][0].dump(),
            "{\"number\":1,\"time\":\"2023-11-14T22:13:20.678Z\",\"generation\":7,"
            "\"kind\":\"target\",\"listener\":\"\",\"zone\":\"\",\"target_group\":\"web\","
            "\"target\":\"10.0.1.11:8080\",\"from\":\"healthy\",\"to\":\"unhealthy\","
            "\"reason\":\"Target.Timeout\","
            "\"sentence\":\"no answer within 6 s, 2 of 2 failed\"}");
}

TEST_F(EventsTest, BelongToTheGenerationThatCameNext) {
  add("10.0.1.11:1", "unhealthy");
  add("10.0.1.12:1", "unhealthy");
  events_.published(Generation{2});
  add("10.0.1.13:1", "unhealthy");
  events_.published(Generation{3});
  events_.published(Generation{4});
  const Json events = find("")["events"];
  EXPECT_EQ(events[0]["generation"], 2);
  EXPECT_EQ(events[1]["generation"], 2);
  EXPECT_EQ(events[2]["generation"], 3);
}

TEST_F(EventsTest, CanBeFiltered) {
  add("10.0.1.11:8080", "unhealthy");                                              // 1
  add("10.0.1.11:8081", "unhealthy");                                              // 2
  add("[2001:db8::11]:8080", "healthy");                                           // 3
  events_.add({.kind = "reload", .to = "applied"});                                // 4
  events_.add({.target_group = "api", .target = "10.0.1.11:1", .to = "initial"});  // 5
  EXPECT_EQ(numbers(""), "1 2 3 4 5");
  EXPECT_EQ(numbers("count=2"), "4 5") << "the newest";
  EXPECT_EQ(numbers("after=1&count=2"), "2 3") << "what follows, the oldest first";
  EXPECT_EQ(numbers("after=5"), "");
  EXPECT_EQ(numbers("target_group=web"), "1 2 3");
  EXPECT_EQ(numbers("target=10.0.1.11"), "1 2 5");
  EXPECT_EQ(numbers("target=10.0.1.11%3A8081"), "2");
  EXPECT_EQ(numbers("target=%5B2001:db8::11%5D:8080"), "3");
  EXPECT_EQ(numbers("target=10.0.1.11&target_group=api"), "5");
  EXPECT_EQ(numbers("kind=reload"), "4");
  EXPECT_EQ(numbers("since=1700000002000"), "2 3 4 5");
}

TEST_F(EventsTest, WrongQuestionsAreToldWhatIsAllowed) {
  const auto error = [](const char* query) {
    const auto wanted = events_wanted(query);
    const auto* text = std::get_if<std::string>(&wanted);
    return text == nullptr ? std::string() : *text;
  };
  EXPECT_EQ(error("count=0"), "count = \"0\": a number from 1 to 4096 is allowed");
  EXPECT_EQ(error("count=4097"), "count = \"4097\": a number from 1 to 4096 is allowed");
  EXPECT_EQ(error("after=x"), "after = \"x\": an event's number is allowed");
  EXPECT_EQ(error("since=1h"), "since = \"1h\": Unix time in milliseconds is allowed");
  EXPECT_NE(error("target=web").find("an address such as 10.0.1.11"), std::string::npos);
  EXPECT_NE(error("colour=red").find("count, after, since, kind, target_group and target"),
            std::string::npos);
  EXPECT_EQ(error("count"), "\"count\" is not of the form name=value");
  EXPECT_EQ(error("target_group=%zz"), "\"target_group=%zz\" is not of the form name=value");
}

TEST_F(EventsTest, KeepTheNewestFourThousand) {
  for (std::size_t i = 0; i < Events::kept + 100; ++i) add("10.0.1.11:1", "unhealthy");
  const Json document = find("count=4096");
  EXPECT_EQ(document["events"].size(), Events::kept);
  EXPECT_EQ(document["first"], 101);
  EXPECT_EQ(document["last"], Events::kept + 100);
  EXPECT_EQ(document["events"][0]["number"], 101);
  events_.published(Generation{5});  // of more than are left
  EXPECT_EQ(find("count=4096")["events"][0]["generation"], 5);
}

TEST_F(EventsTest, OfTargetsThatKeepThePortCanBeAskedFor) {
  add("10.0.1.11:same", "unhealthy");
  add("10.0.1.11:8080", "unhealthy");
  add("[2001:db8::11]:same", "unhealthy");
  EXPECT_EQ(numbers("target=10.0.1.11"), "1 2");
  EXPECT_EQ(numbers("target=10.0.1.11:same"), "1");
  EXPECT_EQ(numbers("target=10.0.1.11:8080"), "2");
  EXPECT_EQ(numbers("target=2001:db8::11"), "3");
}

}  // namespace
}  // namespace control
