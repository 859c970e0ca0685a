#include "control/live/state_document.h"

#include <gtest/gtest.h>

#include "config/read.h"

namespace control {
namespace {

using config::Changes;
using config::TargetName;

TargetName web(const std::string& address) {
  return {"web", *dataplane::parse_address(address), 8080};
}

State some() {
  State state;
  Changes& changes = state.changes;
  const std::string text = R"({ address = "2001:db8::20"; weight = 5; zone = "b"; })";
  auto read = config::read_targets({text}, 8080);
  changes.registered.emplace(
      web("2001:db8::20"),
      config::Registration{std::get<std::vector<config::Target>>(read).front(), text});
  changes.deregistered.insert(web("10.0.1.11"));
  changes.weights.emplace(web("10.0.1.12"), std::uint16_t{0});
  changes.drained.insert(web("10.0.1.13"));
  state.weights_instead_of.emplace(web("10.0.1.12"), std::uint16_t{7});
  state.drains_began.emplace(web("10.0.1.13"), 1'700'000'000'123u);
  const std::chrono::system_clock::time_point began(std::chrono::milliseconds(1'700'000'000'456));
  state.zone_shifts.push_back({"b", "power works", began, began + std::chrono::hours(1)});
  return state;
}

/// As the version before wrote it.
std::string first_version() {
  report::Json document = report::Json::parse(state_text("edge-1", some()));
  document["version"] = 1;
  document.erase("zone_shifts");
  document["weights"][0].erase("instead_of");
  document["drained"][0].erase("began_unix_milliseconds");
  return document.dump();
}

std::string wrong(const std::string& text) {
  auto read = read_state("edge-1", text);
  if (const auto* sentence = std::get_if<std::string>(&read)) return *sentence;
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

std::string replaced(const std::string& what, const std::string& by) {
  std::string text = state_text("edge-1", some());
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(StateDocument, ComesBackAsItWasWritten) {
  const std::string text = state_text("edge-1", some());
  const auto read = read_state("edge-1", text);
  ASSERT_TRUE(std::holds_alternative<State>(read)) << std::get<std::string>(read);
  const auto& state = std::get<State>(read);
  const Changes& changes = state.changes;
  EXPECT_EQ(state_text("edge-1", state), text);
  EXPECT_EQ(state.zone_shifts, some().zone_shifts);
  EXPECT_EQ(state.drains_began, some().drains_began);
  EXPECT_EQ(state.weights_instead_of, some().weights_instead_of);
  const auto& [name, registration] = *changes.registered.begin();
  EXPECT_EQ(name, web("2001:db8::20"));
  EXPECT_EQ(registration.target.port, 8080);
  EXPECT_EQ(registration.target.weight, 5);
  EXPECT_EQ(registration.target.zone, "b");
  EXPECT_EQ(changes.weights.at(web("10.0.1.12")), 0);
}

TEST(StateDocument, OfTheFirstVersionIsReadToo) {
  const auto read = read_state("edge-1", first_version());
  ASSERT_TRUE(std::holds_alternative<State>(read)) << std::get<std::string>(read);
  const auto& state = std::get<State>(read);
  EXPECT_EQ(state.changes.size(), 4u);
  EXPECT_TRUE(state.drains_began.empty());
  EXPECT_TRUE(state.weights_instead_of.empty());
  EXPECT_TRUE(state.zone_shifts.empty());
  report::Json mixed = report::Json::parse(first_version());
  mixed["zone_shifts"] = report::Json::array();
  EXPECT_EQ(wrong(mixed.dump()), "has the unknown key \"zone_shifts\"");
}

TEST(StateDocument, OfAnyLengthThatWasCutIsRefused) {
  const std::string text = state_text("edge-1", some());
  for (std::size_t size = 0; size + 2 < text.size(); ++size) wrong(text.substr(0, size));
}

TEST(StateDocument, WhatIsNotAsWrittenIsRefusedWithASentence) {
  struct Case {
    const char* what;
    const char* by;
    const char* words;
  };
  for (const Case& one : {
           Case{"\"version\": 2", "\"version\": 3", "has version 3, and this spillway"},
           Case{"\"version\": 2", "\"version\": \"2\"", "has version \"2\""},
           Case{"spillway-state", "other", "is not a state file"},
           Case{"\"edge-1\"", "\"edge-2\"", "is of instance \"edge-2\", not of \"edge-1\""},
           Case{"\"drained\"", "\"surprises\"", "unknown key \"surprises\""},
           Case{"1700000000123", "-5", "is not a Unix time in milliseconds"},
           Case{"1700000000456", "18446744073709551615", "is not a Unix time in milliseconds"},
           Case{"\"comment\": \"power works\"", "\"comment\": 5", "comment is not a text"},
           Case{"\"instead_of\": 7", "\"instead_of\": 1000", "is out of range; allowed: 0 to 999"},
           Case{"\"weight\": 0", "\"weight\": 1000", "is out of range; allowed: 0 to 999"},
           Case{"\"weight\": 0", "\"weight\": true", "is not an integer"},
           Case{"\"port\": 8080", "\"port\": 65536", "is out of range; allowed: 0 to 65535"},
           Case{"\"port\": 8080", "\"prot\": 8080", "port is not an integer"},
           Case{"10.0.1.11", "10.0.1.311", "\"10.0.1.311\" is not an IP address"},
           Case{"weight = 5", "weight = 5000", "is out of range; allowed: 0 to 999"},
           Case{"address = \\\"2001:db8::20\\\"", "address = \\\"2001:db8::21\\\"",
                "is another one than web [2001:db8::20]:8080"},
           Case{"{ address", "{ address = \\\"10.0.1.1\\\"; }, { address", "is not one target"},
           Case{"\"target_group\": \"web\"", "\"target_group\": 7", "target_group is not a text"},
       }) {
    const std::string sentence = wrong(replaced(one.what, one.by));
    EXPECT_NE(sentence.find(one.words), std::string::npos) << one.by << ": " << sentence;
  }
  EXPECT_NE(wrong("[]").find("is not a state file"), std::string::npos);
  EXPECT_NE(wrong("").find("is not JSON"), std::string::npos);
}

TEST(StateDocument, ATargetThatIsThereTwiceIsRefused) {
  report::Json document = report::Json::parse(state_text("edge-1", some()));
  document["drained"].push_back(document["drained"][0]);
  EXPECT_EQ(wrong(document.dump()), "drained[1] is there twice");
  document["drained"].erase(1);
  document["registered"].push_back(document["registered"][0]);
  EXPECT_EQ(wrong(document.dump()), "registered[1] is there twice");
  document["registered"].erase(1);
  document["zone_shifts"].push_back(document["zone_shifts"][0]);
  EXPECT_EQ(wrong(document.dump()), "zone_shifts[1] is there twice");
}

}  // namespace
}  // namespace control
