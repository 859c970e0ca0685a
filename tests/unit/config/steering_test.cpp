#include "config/steering.h"

#include "tests/unit/config/sample.h"

namespace config {
namespace {

using dataplane::Rss;
using dataplane::RssFields;
using dataplane::Steering;
using dataplane::WorkerId;
using SharedRss = std::shared_ptr<const Rss>;

constexpr const char* front =
    "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; "
    "gateways = [\"198.51.100.1\"]; }";
constexpr const char* back =
    "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; "
    "local_addresses = [\"10.0.1.200\"]; }";
constexpr const char* back_without_locals =
    "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; }";
constexpr const char* both =
    "{ name = \"both\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; "
    "gateways = [\"10.0.1.1\"]; local_addresses = [\"10.0.1.200\"]; }";

std::string group(const std::string& name, const std::string& mode) {
  return "{ name = \"" + name + "\"; port = 8080; mode = \"" + mode +
         "\"; targets = ( { address = \"10.0.1.11\"; } ); }";
}

Config config_with(const std::string& ports, const std::string& groups) {
  Sample sample;
  sample.ports = ports;
  sample.groups = groups;
  sample.listeners = "";
  return config_of(sample);
}

Config config_of_mode(const std::string& mode) {
  return config_with(std::string(front) + ", " + back, group("web", mode));
}

SharedRss rss(RssFields fields, std::uint8_t seed = 0x5a, std::size_t entries = 128,
              std::size_t workers = 3) {
  std::vector<std::uint8_t> key;
  for (int i = 0; i < 20; ++i) key.insert(key.end(), {0x6d, seed});
  std::vector<WorkerId> table;
  for (std::size_t i = 0; i < entries; ++i) {
    table.push_back(WorkerId{static_cast<std::uint8_t>(i % workers)});
  }
  return std::make_shared<const Rss>(key, table, fields);
}

using Fields = std::vector<RssFields>;

TEST(RssFieldsWanted, AreWholeTuplesWhereEveryGroupIsFullNat) {
  EXPECT_EQ(rss_fields(config_of_mode("full_nat")), Fields(2, RssFields::Tuple));
}

TEST(RssFieldsWanted, AreOneEndAloneWhereOneGroupIsNat) {
  EXPECT_EQ(rss_fields(config_of_mode("nat")), (Fields{RssFields::Source, RssFields::Destination}));
  const Config mixed = config_with(std::string(front) + ", " + back,
                                   group("web", "full_nat") + ", " + group("dns", "nat"));
  EXPECT_EQ(rss_fields(mixed), (Fields{RssFields::Source, RssFields::Destination}));
}

TEST(RssFieldsWanted, FitNeitherEndOnAPortThatLeadsToBoth) {
  EXPECT_EQ(rss_fields(config_with(both, group("web", "nat"))), Fields{RssFields::Tuple});
}

TEST(RssFieldsWanted, KeepNatPossibleWhileThereAreNoGroups) {
  const Config none = config_with(std::string(front) + ", " + back, "");
  EXPECT_EQ(rss_fields(none), Fields(2, RssFields::Source));
}

TEST(ClientRss, IsThatOfThePortWithAGateway) {
  const Config full_nat = config_of_mode("full_nat");
  const SharedRss one = rss(RssFields::Tuple), other = rss(RssFields::Tuple, 0x5b);
  EXPECT_EQ(client_rss(full_nat, std::vector{one, other}), one);
  EXPECT_EQ(client_rss(full_nat, std::vector<SharedRss>{nullptr, other}), nullptr);
  const Config turned = config_with(std::string(back) + ", " + front, group("web", "full_nat"));
  EXPECT_EQ(client_rss(turned, std::vector{one, other}), other);
}

TEST(ClientRss, IsAnyPortsWhereNoneHasAGateway) {
  const Config config = config_with(back, group("web", "full_nat"));
  const SharedRss one = rss(RssFields::Tuple);
  EXPECT_EQ(client_rss(config, std::vector{one}), one);
}

// The owner of a nat flow must be computable from the target's side, which knows nothing of the
// listener.
TEST(ClientRss, IsNeverOfTuplesWhereThereIsNat) {
  const Config nat = config_of_mode("nat");
  EXPECT_EQ(client_rss(nat, std::vector{rss(RssFields::Tuple), rss(RssFields::Tuple)}), nullptr);
  const SharedRss source = rss(RssFields::Source);
  EXPECT_EQ(client_rss(nat, std::vector{source, rss(RssFields::Tuple)}), source);
}

TEST(PortSteering, IsRssWhereClientsPacketsArriveAtTheirOwner) {
  const Config config = config_of_mode("full_nat");
  const Port& port = config.ports[0];
  const SharedRss tuple = rss(RssFields::Tuple);
  EXPECT_EQ(steering(port, tuple.get(), tuple.get()), Steering::Rss);
  EXPECT_EQ(steering(port, rss(RssFields::Tuple, 0x5a, 512, 3).get(), tuple.get()),
            Steering::HandOff)
      << "another table";
  EXPECT_EQ(steering(port, rss(RssFields::Tuple, 0x5b).get(), tuple.get()), Steering::HandOff);
  EXPECT_EQ(steering(port, rss(RssFields::Source).get(), tuple.get()), Steering::HandOff);
  EXPECT_EQ(steering(port, nullptr, tuple.get()), Steering::HandOff);
  EXPECT_EQ(steering(port, tuple.get(), nullptr), Steering::HandOff);
}

TEST(PortSteering, IsRssWhereRepliesCanBeBroughtToTheirOwner) {
  const Config config = config_of_mode("full_nat");
  const Port& port = config.ports[1];
  EXPECT_EQ(steering(port, rss(RssFields::Tuple, 0x5b).get(), nullptr), Steering::Rss);
  EXPECT_EQ(steering(port, rss(RssFields::Destination, 0x5b).get(), nullptr), Steering::Rss);
  EXPECT_EQ(steering(port, rss(RssFields::Source).get(), nullptr), Steering::HandOff);
  EXPECT_EQ(steering(port, rss(RssFields::Tuple, 0x6d, 512).get(), nullptr), Steering::HandOff)
      << "a key of which ports reach only half the entries";
}

TEST(PortSteering, IsRssForNatsRepliesWhereTheOtherEndIsHashedAlike) {
  const Config config =
      config_with(std::string(front) + ", " + back_without_locals, group("web", "nat"));
  const Port& port = config.ports[1];
  const SharedRss source = rss(RssFields::Source);
  EXPECT_EQ(steering(port, rss(RssFields::Destination).get(), source.get()), Steering::Rss);
  EXPECT_EQ(steering(port, rss(RssFields::Destination, 0x5b).get(), source.get()),
            Steering::HandOff);
  EXPECT_EQ(steering(port, rss(RssFields::Tuple).get(), source.get()), Steering::HandOff);
}

TEST(UselessRss, NamesThePortAndWhatToDo) {
  const std::string text = useless_rss(config_of_mode("nat").ports[1]);
  EXPECT_TRUE(text.starts_with("port 'back': steering = \"rss\": ")) << text;
  EXPECT_NE(text.find("Leave 'steering' out"), std::string::npos);
}

TEST(SteeringConflicts, AreGroupsInModeNatWhereTuplesOwnTheFlows) {
  const Config wanted = config_with(std::string(front) + ", " + back,
                                    group("web", "full_nat") + ",\n" + group("dns", "nat"));
  const SharedRss tuple = rss(RssFields::Tuple), source = rss(RssFields::Source);
  expect_only(steering_conflicts(wanted, tuple.get()), "target_groups[1].mode", "Restart");
  EXPECT_TRUE(steering_conflicts(wanted, source.get()).empty());
  EXPECT_TRUE(steering_conflicts(wanted, nullptr).empty());
  EXPECT_TRUE(steering_conflicts(config_of_mode("full_nat"), tuple.get()).empty());
}

}  // namespace
}  // namespace config
