#include "config/difference.h"

#include "config/changes.h"
#include "tests/unit/config/sample.h"

namespace config {
namespace {

std::string listed(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& one : differences) {
    text += std::string{to_string(one.action)} + ' ' + one.kind + ' ' + one.target_group + ' ' +
            one.name + ':';
    for (const AttributeDifference& attribute : one.attributes) {
      text += ' ' + attribute.name + ' ' + (attribute.before.empty() ? "-" : attribute.before) +
              "->" + (attribute.after.empty() ? "-" : attribute.after);
    }
    text += '\n';
  }
  return text;
}

Sample web(const std::string& targets, const std::string& keys = "") {
  Sample sample;
  sample.groups = "{ name = \"web\"; port = 8080; " + keys + " targets = ( " + targets + " ); }";
  return sample;
}

struct DifferenceCase {
  const char* why;
  Sample before;
  Sample after;
  const char* expected;
};
void PrintTo(const DifferenceCase& one, std::ostream* out) { *out << one.why; }

class Differences : public testing::TestWithParam<DifferenceCase> {};

TEST_P(Differences, AreThese) {
  EXPECT_EQ(listed(differences(config_of(GetParam().before), config_of(GetParam().after))),
            GetParam().expected);
}

const std::string one_target = "{ address = \"10.0.1.11\"; }";
const std::string two_targets = one_target + ", { address = \"10.0.1.12\"; }";
const std::string other_order =
    "{ address = \"10.0.1.12\"; port = 8080; weight = 1; }, " + one_target;

Sample with_listeners(const std::string& listeners) {
  Sample sample;
  sample.listeners = listeners;
  return sample;
}
Sample with_top(const std::string& top) {
  Sample sample;
  sample.top = top;
  return sample;
}

INSTANTIATE_TEST_SUITE_P(
    All, Differences,
    testing::Values(
        DifferenceCase{"none", {}, {}, ""},
        DifferenceCase{"order and defaults that are written make none", web(two_targets),
                       web(other_order), ""},
        DifferenceCase{"a target comes", web(one_target), web(two_targets),
                       "add target web 10.0.1.12:8080: address -->\"10.0.1.12\" max_connections "
                       "-->0 port -->8080 weight -->1 "
                       "zone -->\"\"\n"},
        DifferenceCase{"a target goes", web(two_targets), web(one_target),
                       "remove target web 10.0.1.12:8080: address \"10.0.1.12\"->- max_connections "
                       "0->- port 8080->- weight 1->- "
                       "zone \"\"->-\n"},
        DifferenceCase{"a target's weight", web(one_target),
                       web("{ address = \"10.0.1.11\"; weight = 7; zone = \"b\"; }"),
                       "change target web 10.0.1.11:8080: weight 1->7 zone \"\"->\"b\"\n"},
        DifferenceCase{
            "a group's attributes, also nested and left out",
            web(one_target, "health_check = { interval = 10; };"),
            web(one_target, "algorithm = \"maglev\"; health_check = { protocol = \"http\"; };"),
            "change target_group  web: algorithm \"round_robin\"->\"maglev\" "
            "health_check.interval 10->30 health_check.protocol \"tcp\"->\"http\" "
            "health_check.timeout 10->6 unknown_flow \"reset\"->\"pick_up\"\n"},
        DifferenceCase{"a listener's address",
                       {},
                       with_listeners("{ name = \"web\"; address = \"198.51.100.11\"; port = 80; "
                                      "target_group = \"web\"; }"),
                       "change listener  web: address \"198.51.100.10\"->\"198.51.100.11\"\n"},
        DifferenceCase{
            "a listener that goes",
            {},
            with_listeners(""),
            "remove listener  web: address \"198.51.100.10\"->- idle_timeout 350->- name "
            "\"web\"->- port 80->- protocol \"tcp\"->- security_groups []->- target_group "
            "\"web\"->- udp_idle_timeout 120->-\n"},
        DifferenceCase{"settings of the instance",
                       {},
                       with_top("punt_rate = 7; workers = 2;\n"),
                       "change setting  : punt_rate 20000->7 workers -->2\n"}));

TEST(Differences, SeeWhatTheOperatorHasChanged) {
  const Config file = config_of(web(two_targets));
  Changes changes;
  changes.deregistered.insert({"web", *dataplane::parse_address("10.0.1.11"), 8080});
  changes.weights.emplace(TargetName{"web", *dataplane::parse_address("10.0.1.12"), 8080},
                          std::uint16_t{4});
  EXPECT_EQ(listed(differences(with_changes(file, changes), file)),
            "add target web 10.0.1.11:8080: address -->\"10.0.1.11\" max_connections -->0 port "
            "-->8080 weight -->1 zone "
            "-->\"\"\nchange target web 10.0.1.12:8080: weight 4->1\n");
}

TEST(Differences, SeeLongTextsToTheirEnd) {
  const auto with = [](char last) {
    return web(one_target, "protocol = \"udp\"; health_check = { protocol = \"udp\"; send = \"" +
                               std::string(200, 'x') + last + "\"; expect = \"y\"; };");
  };
  Sample before = with('a'), after = with('b');
  before.listeners = after.listeners = "";
  const auto found = differences(config_of(before), config_of(after));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].attributes[0].name, "health_check.send");
}

}  // namespace
}  // namespace config
