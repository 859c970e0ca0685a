#include "config/changes.h"

#include "tests/unit/config/sample.h"

namespace config {
namespace {

dataplane::IpAddress ip(const std::string& text) { return *dataplane::parse_address(text); }
TargetName web(const std::string& address, std::uint16_t port = 8080) {
  return {"web", ip(address), port};
}

Registration registration(const std::string& text, std::uint16_t port = 8080) {
  auto read = read_targets({text}, port);
  if (const auto* errors = std::get_if<Errors>(&read)) {
    ADD_FAILURE() << to_string(*errors);
    return {};
  }
  return {std::get<std::vector<Target>>(read).front(), text};
}

/// Three targets in web, one of them with an attribute of its own, and a group beside it.
Config file() {
  Sample sample;
  sample.groups =
      "{ name = \"web\"; port = 8080; targets = (\n"
      "{ address = \"10.0.1.11\"; },\n{ address = \"10.0.1.12\"; weight = 5; },\n"
      "{ address = \"10.0.1.13\"; } ); },\n{ name = \"api\"; port = 81; }";
  return config_of(sample);
}

std::vector<std::string> addresses(const Config& config) {
  std::vector<std::string> result;
  for (const Target& target : config.target_groups[0].targets) {
    result.push_back(to_string(target.address));
  }
  return result;
}

TEST(ReadTargets, ReadsWhatTheFileWouldAndNamesMistakesByTheirPlace) {
  const auto read =
      read_targets({"{ address = \"10.0.1.20\"; }",
                    "{ address = \"10.0.1.21\"; port = 99; weight = 7; zone = \"b\"; }"},
                   8080);
  const auto& targets = std::get<std::vector<Target>>(read);
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[0].port, 8080);
  EXPECT_EQ(targets[1].port, 99);
  EXPECT_EQ(targets[1].weight, 7);
  EXPECT_EQ(targets[1].zone, "b");

  const auto wrong = read_targets(
      {"{ address = \"10.0.1.20\"; weigth = 3; }", "{ address = \"10.0.1.300\"; weight = 1000; }"},
      8080);
  const auto& errors = std::get<Errors>(wrong);
  ASSERT_EQ(errors.size(), 3u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, "targets[0].weigth");
  EXPECT_NE(errors[0].remedy.find("\"weight\""), std::string::npos) << errors[0].remedy;
  EXPECT_EQ(errors[1].setting, "targets[1].address");
  EXPECT_EQ(errors[2].allowed, "0 to 999");
  EXPECT_EQ(errors[2].line, 0);
  EXPECT_TRUE(std::holds_alternative<Errors>(read_targets({"{ address = "}, 8080)));
}

TEST(Changes, MakeTheConfigurationThatTheFileWouldMake) {
  Changes changes;
  changes.registered.emplace(web("10.0.1.20"), registration("{ address = \"10.0.1.20\"; }"));
  changes.deregistered.insert(web("10.0.1.11"));
  changes.weights.emplace(web("10.0.1.13"), std::uint16_t{9});
  changes.weights.emplace(web("10.0.1.20"), std::uint16_t{2});
  const Config made = with_changes(file(), changes);
  EXPECT_EQ(addresses(made), (std::vector<std::string>{"10.0.1.12", "10.0.1.13", "10.0.1.20"}));
  EXPECT_EQ(made.target_groups[0].targets[0].weight, 5);
  EXPECT_EQ(made.target_groups[0].targets[1].weight, 9);
  EXPECT_EQ(made.target_groups[0].targets[2].weight, 2);
  EXPECT_TRUE(check_with_changes(made).empty()) << to_string(check_with_changes(made));
}

TEST(Changes, LeavePlacesOfWhatRemainsWhereItIs) {
  Changes changes;
  changes.deregistered.insert(web("10.0.1.11"));
  const Config before = file();
  const Config made = with_changes(before, changes);
  for (const char* key : {"", ".address", ".weight"}) {
    const std::string was = std::string{"target_groups[0].targets[1]"} + key;
    const std::string is = std::string{"target_groups[0].targets[0]"} + key;
    EXPECT_EQ(made.places.find(is).line, before.places.find(was).line) << key;
    EXPECT_TRUE(made.places.written(is)) << key;
  }
  EXPECT_EQ(made.places.values.at("target_groups[0].targets[0].weight"), "5");
  EXPECT_EQ(made.places.values.at("target_groups[0].targets[1].address"), "\"10.0.1.13\"");
  EXPECT_FALSE(made.places.values.contains("target_groups[0].targets[2].address"));
  EXPECT_FALSE(made.places.written("target_groups[0].targets[2]"));
}

TEST(Changes, AreCheckedLikeAFileAndNamedAsWhatTheyAre) {
  Changes changes;
  changes.registered.emplace(web("192.0.2.7"), registration("{ address = \"192.0.2.7\"; }"));
  const Errors errors = check_with_changes(with_changes(file(), changes));
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_EQ(to_string(errors[0]),
            "registered target web 192.0.2.7:8080: address = \"192.0.2.7\": is in no port's "
            "network, and no port has a gateway; allowed: an address that a port leads to. Correct "
            "it, or add addresses or gateways to a port.");
}

TEST(Changes, ATargetOfTheFileCannotBeRegisteredTwice) {
  Changes changes;
  changes.registered.emplace(web("10.0.1.12"), registration("{ address = \"10.0.1.12\"; }"));
  const Errors errors = check_with_changes(with_changes(file(), changes));
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_NE(errors[0].problem.find("twice"), std::string::npos) << errors[0].problem;
}

TEST(Changes, MayReplaceATargetOfTheFile) {
  Changes changes;
  changes.deregistered.insert(web("10.0.1.12"));
  changes.registered.emplace(web("10.0.1.12"),
                             registration("{ address = \"10.0.1.12\"; weight = 50; }"));
  const Reconciled same = reconcile(file(), changes);
  EXPECT_TRUE(same.reasons.empty());
  const Config made = with_changes(file(), same.kept);
  EXPECT_TRUE(check_with_changes(made).empty());
  EXPECT_EQ(addresses(made), (std::vector<std::string>{"10.0.1.11", "10.0.1.13", "10.0.1.12"}));
  EXPECT_EQ(made.target_groups[0].targets[2].weight, 50);
}

struct Meaningless {
  const char* why;
  void (*change)(Changes&);
  const char* words;
};
void PrintTo(const Meaningless& one, std::ostream* out) { *out << one.why; }

class Reconcile : public testing::TestWithParam<Meaningless> {};

TEST_P(Reconcile, DropsWhatTheFileMakesMeaninglessAndSaysWhy) {
  Changes changes;
  GetParam().change(changes);
  const std::size_t meaningless = changes.size();
  changes.weights.emplace(web("10.0.1.12"), std::uint16_t{3});
  const Reconciled result = reconcile(file(), changes);
  ASSERT_EQ(result.reasons.size(), meaningless);
  EXPECT_NE(result.reasons[0].find(GetParam().words), std::string::npos) << result.reasons[0];
  EXPECT_EQ(result.kept.size(), 1u);
  EXPECT_EQ(result.dropped.size(), meaningless);
  EXPECT_EQ(merged(result.dropped, result.kept).size(), changes.size());
}

INSTANTIATE_TEST_SUITE_P(
    All, Reconcile,
    testing::Values(
        Meaningless{"the group is gone",
                    [](Changes& changes) {
                      changes.registered.emplace(TargetName{"old", ip("10.0.1.20"), 8080},
                                                 registration("{ address = \"10.0.1.20\"; }"));
                      changes.deregistered.insert({"old", ip("10.0.1.21"), 8080});
                    },
                    "the file has no target group \"old\""},
        Meaningless{"the file has the target",
                    [](Changes& changes) {
                      changes.registered.emplace(web("10.0.1.11"),
                                                 registration("{ address = \"10.0.1.11\"; }"));
                    },
                    "registration of web 10.0.1.11:8080 is dropped: the file has it itself"},
        Meaningless{"it has left the file",
                    [](Changes& changes) { changes.deregistered.insert(web("10.0.1.99")); },
                    "the file does not have it either"},
        Meaningless{
            "a weight of nothing",
            [](Changes& changes) { changes.weights.emplace(web("10.0.1.99"), std::uint16_t{3}); },
            "weight of web 10.0.1.99:8080 is dropped: there is no such target"},
        Meaningless{"a drain of nothing",
                    [](Changes& changes) { changes.drained.insert(web("10.0.1.11", 81)); },
                    "drain of web 10.0.1.11:81"}));

TEST(Reconcile, KeepsWeightsAndDrainsOfRegisteredTargets) {
  Changes changes;
  changes.registered.emplace(web("10.0.1.20"), registration("{ address = \"10.0.1.20\"; }"));
  changes.weights.emplace(web("10.0.1.20"), std::uint16_t{3});
  changes.drained.insert(web("10.0.1.20"));
  changes.drained.insert(web("10.0.1.12"));
  const Reconciled result = reconcile(file(), changes);
  EXPECT_TRUE(result.reasons.empty());
  EXPECT_EQ(result.kept.size(), 4u);
}

TEST(Reconcile, ADeregisteredTargetHasNoWeightAndNoDrain) {
  Changes changes;
  changes.deregistered.insert(web("10.0.1.12"));
  changes.weights.emplace(web("10.0.1.12"), std::uint16_t{3});
  changes.drained.insert(web("10.0.1.12"));
  const Reconciled result = reconcile(file(), changes);
  EXPECT_EQ(result.reasons.size(), 2u);
  EXPECT_EQ(result.kept.size(), 1u);
}

TEST(Changes, OfTwoTheNewerCounts) {
  Changes older, newer;
  older.weights = {{web("10.0.1.11"), 1}, {web("10.0.1.12"), 1}};
  newer.weights = {{web("10.0.1.12"), 2}};
  const Changes all = merged(older, newer);
  EXPECT_EQ(all.weights.at(web("10.0.1.11")), 1);
  EXPECT_EQ(all.weights.at(web("10.0.1.12")), 2);
}

TEST(Changes, AWeightThatIsEditedInTheFileIsDropped) {
  Config edited = file();
  edited.target_groups[0].targets[1].weight = 6;
  Changes changes;
  changes.weights = {{web("10.0.1.11"), 3}, {web("10.0.1.12"), 4}};
  const Reconciled same = without_edited_weights(weights_of(file()), file(), changes);
  EXPECT_EQ(same.kept.weights.size(), 2u);
  EXPECT_TRUE(same.reasons.empty());
  const Reconciled other = without_edited_weights(weights_of(file()), edited, changes);
  EXPECT_TRUE(other.kept.weights.contains(web("10.0.1.11")));
  EXPECT_FALSE(other.kept.weights.contains(web("10.0.1.12")));
  EXPECT_EQ(other.dropped.weights.at(web("10.0.1.12")), 4);
  EXPECT_EQ(other.reasons,
            (std::vector<std::string>{
                "weight of web 10.0.1.12:8080 is dropped: the file has 6 now, not 5"}));
}

TEST(Changes, TheWeightBesideWhichTheOperatorsCountsIsKnown) {
  Changes changes;
  changes.weights.emplace(web("10.0.1.12"), std::uint16_t{9});
  const Config made = with_changes(file(), changes);
  const auto& targets = made.target_groups[0].targets;
  EXPECT_EQ(targets[0].configured_weight, targets[0].weight);
  EXPECT_EQ(targets[1].weight, 9);
  EXPECT_EQ(targets[1].configured_weight, std::uint16_t{5});
}

}  // namespace
}  // namespace config
