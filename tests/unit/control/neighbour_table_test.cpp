#include "control/neighbour_table.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>

#include <array>
#include <string>
#include <vector>

namespace control {
namespace {

using dataplane::IpAddress;
using dataplane::MacAddress;
using dataplane::PortId;

constexpr PortId front{0}, back{1};

IpAddress address(const char* text) { return *dataplane::parse_address(text); }
MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }

NeighbourTable two_ports() {
  return NeighbourTable({{{*dataplane::parse_prefix("198.51.100.2/24")},
                          {address("198.51.100.1"), address("198.51.100.254")}},
                         {{*dataplane::parse_prefix("10.0.1.2/24")}, {}}});
}

NeighbourNews news(PortId port, const char* at, std::uint16_t state, std::uint8_t last = 0) {
  NeighbourNews result{port, address(at), std::nullopt, state};
  if (last != 0) result.mac = mac(last);
  return result;
}

/// "10.0.1.11=02:00:00:00:00:0b", in order.
std::vector<std::string> known(const NeighbourTable& table) {
  std::vector<std::string> result;
  for (const auto& fact : table.facts()) {
    result.push_back(to_string(fact.address) + "=" + to_string(fact.mac));
  }
  return result;
}

std::vector<std::string> due(NeighbourTable& table, std::size_t limit = 100) {
  std::vector<std::string> result;
  for (const Inquiry& inquiry : table.due(limit)) {
    result.push_back(to_string(inquiry.address) + (inquiry.stale ? " stale" : ""));
  }
  return result;
}

using Texts = std::vector<std::string>;

TEST(NeighbourTable, GatewaysAreWantedFromTheStart) {
  NeighbourTable table = two_ports();
  EXPECT_TRUE(table.wants(front, address("198.51.100.1")));
  EXPECT_EQ(due(table), (Texts{"198.51.100.1", "198.51.100.254"}));
  EXPECT_EQ(known(table), Texts{});
}

TEST(NeighbourTable, OnLinkTargetsAreWantedOnTheirPort) {
  NeighbourTable table = two_ports();
  EXPECT_TRUE(table.want({address("10.0.1.11"), address("198.51.100.9")}).more);
  EXPECT_TRUE(table.wants(back, address("10.0.1.11")));
  EXPECT_FALSE(table.wants(front, address("10.0.1.11")));
  EXPECT_TRUE(table.wants(front, address("198.51.100.9")));
  EXPECT_FALSE(table.want({address("10.0.1.11"), address("198.51.100.9")}).more);
}

TEST(NeighbourTable, TheMostSpecificNetworkDecides) {
  NeighbourTable table({{{*dataplane::parse_prefix("10.0.0.1/8")}, {}},
                        {{*dataplane::parse_prefix("10.0.1.2/24")}, {}}});
  table.want({address("10.0.1.11"), address("10.9.9.9")});
  EXPECT_TRUE(table.wants(back, address("10.0.1.11")));
  EXPECT_TRUE(table.wants(front, address("10.9.9.9")));
}

TEST(NeighbourTable, AMacIsKnownOnceTheKernelKnowsIt) {
  NeighbourTable table = two_ports();
  table.want({address("10.0.1.11")});
  EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_INCOMPLETE)));
  EXPECT_TRUE(table.take(news(back, "10.0.1.11", NUD_REACHABLE, 11)));
  EXPECT_EQ(known(table), Texts{"10.0.1.11=02:00:00:00:00:0b"});
  EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_REACHABLE, 11))) << "no change";
  EXPECT_TRUE(table.take(news(back, "10.0.1.11", NUD_REACHABLE, 12))) << "it moved";
  EXPECT_EQ(known(table), Texts{"10.0.1.11=02:00:00:00:00:0c"});
}

TEST(NeighbourTable, AMacStaysUntilTheKernelAskedInVain) {
  NeighbourTable table = two_ports();
  table.want({address("10.0.1.11")});
  table.take(news(back, "10.0.1.11", NUD_REACHABLE, 11));
  for (const auto state : std::array<std::uint16_t, 3>{NUD_STALE, NUD_DELAY, NUD_PROBE}) {
    EXPECT_FALSE(table.take(news(back, "10.0.1.11", state, 11))) << state;
  }
  EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_NONE))) << "forgotten";
  EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_INCOMPLETE))) << "asked for again";
  EXPECT_EQ(known(table), Texts{"10.0.1.11=02:00:00:00:00:0b"});
  EXPECT_TRUE(table.take(news(back, "10.0.1.11", NUD_FAILED)));
  EXPECT_EQ(known(table), Texts{});
  EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_FAILED)));
}

TEST(NeighbourTable, AMacThatAnOperatorDeletesStaysUntilItIsAskedFor) {
  for (const auto state : std::array<std::uint16_t, 3>{NUD_REACHABLE, NUD_STALE, NUD_PERMANENT}) {
    NeighbourTable table = two_ports();
    table.want({address("10.0.1.11")});
    table.take(news(back, "10.0.1.11", state, 11));
    EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_FAILED, 11))) << "not asked in vain";
    EXPECT_FALSE(table.take(news(back, "10.0.1.11", NUD_NONE, 11))) << "deleted";
    EXPECT_EQ(due(table).back(), "10.0.1.11");
    EXPECT_TRUE(table.take(news(back, "10.0.1.11", NUD_FAILED)));
    EXPECT_EQ(known(table), Texts{});
  }
}

TEST(NeighbourTable, StrangersChangeNothing) {
  NeighbourTable table = two_ports();
  EXPECT_FALSE(table.take(news(front, "198.51.100.77", NUD_REACHABLE, 77)));
  EXPECT_FALSE(table.take(news(back, "198.51.100.1", NUD_REACHABLE, 1))) << "another port's";
  EXPECT_EQ(known(table), Texts{});
}

TEST(NeighbourTable, AsksForWhatIsUnknownAndConfirmsWhatIsStale) {
  NeighbourTable table({{{*dataplane::parse_prefix("10.0.1.2/24")}, {}}});
  table.want({address("10.0.1.1"), address("10.0.1.2"), address("10.0.1.3"), address("10.0.1.4"),
              address("10.0.1.5"), address("10.0.1.6"), address("10.0.1.7"), address("10.0.1.8")});
  table.take(news(front, "10.0.1.2", NUD_REACHABLE, 2));
  table.take(news(front, "10.0.1.3", NUD_STALE, 3));
  table.take(news(front, "10.0.1.4", NUD_INCOMPLETE));
  table.take(news(front, "10.0.1.5", NUD_FAILED));
  table.take(news(front, "10.0.1.6", NUD_PERMANENT, 6));
  table.take(news(front, "10.0.1.7", NUD_PROBE, 7));
  table.take(news(front, "10.0.1.8", NUD_DELAY, 8));
  EXPECT_EQ(due(table), (Texts{"10.0.1.1", "10.0.1.3 stale", "10.0.1.5"}));
}

TEST(NeighbourTable, GoesRoundWhenThereAreTooMany) {
  NeighbourTable table({{{*dataplane::parse_prefix("10.0.1.2/24")}, {}}});
  table.want({address("10.0.1.1"), address("10.0.1.2"), address("10.0.1.3")});
  EXPECT_EQ(due(table, 2), (Texts{"10.0.1.1", "10.0.1.2"}));
  EXPECT_EQ(due(table, 2), (Texts{"10.0.1.3", "10.0.1.1"}));
  EXPECT_EQ(due(table, 9), (Texts{"10.0.1.2", "10.0.1.3", "10.0.1.1"}));
}

TEST(NeighbourTable, WhatStaysWantedStaysKnown) {
  NeighbourTable table = two_ports();
  table.want({address("10.0.1.11"), address("10.0.1.12")});
  table.take(news(back, "10.0.1.11", NUD_REACHABLE, 11));
  table.take(news(back, "10.0.1.12", NUD_REACHABLE, 12));
  table.take(news(front, "198.51.100.1", NUD_REACHABLE, 1));
  EXPECT_FALSE(table.want({address("10.0.1.12"), address("10.0.1.11")}).lost);
  const auto difference = table.want({address("10.0.1.12"), address("10.0.1.13")});
  EXPECT_TRUE(difference.lost);
  EXPECT_TRUE(difference.more);
  EXPECT_EQ(known(table), (Texts{"198.51.100.1=02:00:00:00:00:01", "10.0.1.12=02:00:00:00:00:0c"}));
}

TEST(NeighbourTable, AListShowsWhatWasForgotten) {
  NeighbourTable table = two_ports();
  table.want({address("10.0.1.11"), address("10.0.1.12")});
  table.take(news(back, "10.0.1.11", NUD_REACHABLE, 11));
  table.take(news(back, "10.0.1.12", NUD_REACHABLE, 12));
  table.forget_all_but({{back, address("10.0.1.12")}});
  EXPECT_EQ(due(table), (Texts{"198.51.100.1", "198.51.100.254", "10.0.1.11"}));
  EXPECT_EQ(known(table).size(), 2u) << "the last known address is the best there is";
}

TEST(NeighbourTable, OffLinkTargetsGoOverTheFirstGatewayThatAnswers) {
  NeighbourTable table = two_ports();
  const IpAddress host = address("172.16.0.1");
  table.want({host, address("10.0.1.11")});
  EXPECT_EQ(table.routes().size(), 1u) << "only the one that is off-link";
  EXPECT_EQ(table.routes().at(host), (GatewayChoice{front, address("198.51.100.1")}));
  table.take(news(front, "198.51.100.254", NUD_REACHABLE, 254));
  EXPECT_EQ(table.routes().at(host), (GatewayChoice{front, address("198.51.100.254")}));
  table.take(news(front, "198.51.100.1", NUD_REACHABLE, 1));
  EXPECT_EQ(table.routes().at(host), (GatewayChoice{front, address("198.51.100.1")}));
}

TEST(NeighbourTable, WithoutGatewayThereIsNoRoute) {
  NeighbourTable table({{{*dataplane::parse_prefix("10.0.1.2/24")}, {}}});
  table.want({address("172.16.0.1")});
  EXPECT_TRUE(table.routes().empty());
  EXPECT_TRUE(due(table).empty());
}

}  // namespace
}  // namespace control
