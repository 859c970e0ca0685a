// What the tests of compile() share: a Config and Facts that fit each other, and short words for
// what they ask the Snapshot. Each test changes what it is about.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/compile.h"

namespace config {
using dataplane::Algorithm;
using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::IpAddress;
using dataplane::ListenerId;
using dataplane::MacAddress;
using dataplane::Mode;
using dataplane::NextHop;
using dataplane::Owner;
using dataplane::PortId;
using dataplane::Protocol;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;

using Compiled = std::shared_ptr<const Snapshot>;

inline IpAddress ip(const std::string& text) { return *dataplane::parse_address(text); }
inline MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }
/// The destination MAC's last byte; -1: not resolved.
inline int mac_of(const NextHop& hop) { return hop.resolved() ? hop.header[5] : -1; }

/// A front and a back port, one group "web" of three targets, one listener; everything resolved.
/// Each test changes what it is about.
struct Compile : testing::Test {
  Config config;
  Facts facts;

  Compile() {
    config.ports = {port("front", "198.51.100.2/24"), port("back", "10.0.1.2/24")};
    config.ports[0].gateways = {ip("198.51.100.1")};
    config.ports[1].local_addresses = {ip("10.0.1.3"), ip("10.0.1.4")};
    facts.ports = {{.mac = mac(0xf0), .mtu = 1500, .kernel_path = true},
                   {.mac = mac(0xb0), .mtu = 1500, .kernel_path = true}};
    facts.generation = {7};
    facts.neighbours.push_back({PortId{0}, ip("198.51.100.1"), mac(1)});
    add_group("web", 0);
    for (std::uint8_t i = 0; i < 3; ++i) {
      add_target("web", "10.0.1." + std::to_string(11 + i), {i, 1});
      facts.neighbours.push_back({PortId{1}, ip("10.0.1." + std::to_string(11 + i)),
                                  mac(static_cast<std::uint8_t>(11 + i))});
    }
    add_listener("web", "203.0.113.10", 80, "web", 0);
  }

  static Port port(const std::string& name, const std::string& address) {
    Port result;
    result.name = name;
    result.addresses = {*dataplane::parse_prefix(address)};
    return result;
  }
  TargetGroup& add_group(const std::string& name, std::uint16_t slot) {
    TargetGroup group;
    group.name = name;
    group.port = 8080;
    config.target_groups.push_back(group);
    facts.target_groups.push_back({name, TargetGroupId{slot}});
    return config.target_groups.back();
  }
  TargetFact& add_target(const std::string& group, const std::string& address, TargetId id) {
    facts.targets.push_back({.id = id,
                             .target_group = group,
                             .address = ip(address),
                             .port = 8080,
                             .weight = 1,
                             .availability = Availability::Serving});
    return facts.targets.back();
  }
  void add_listener(const std::string& name, const std::string& address, std::uint16_t port,
                    const std::string& group, std::uint16_t slot) {
    Listener listener;
    listener.name = name;
    listener.address = ip(address);
    listener.port = port;
    listener.target_group = group;
    config.listeners.push_back(listener);
    facts.listeners.push_back({name, ListenerId{slot}, 4});
  }
  void learn(std::uint8_t port, const std::string& address, std::uint8_t last) {
    facts.neighbours.push_back({PortId{port}, ip(address), mac(last)});
  }
  void set(Availability all) {
    for (TargetFact& target : facts.targets) target.availability = all;
  }
  [[nodiscard]] Compiled run(const Compiled& previous = nullptr) const {
    return compile(config, facts, previous.get());
  }
};

inline std::vector<int> eligible(const Compiled& snapshot) {
  std::vector<int> slots;
  for (const auto& target : snapshot->targets) {
    if (target.eligible) slots.push_back(target.id.slot);
  }
  return slots;
}

inline std::vector<int> turns(const dataplane::TargetGroup& group) {
  std::vector<int> slots;
  for (const TargetId id : group.schedule->order()) slots.push_back(id.slot);
  return slots;
}

using Slots = std::vector<int>;

}  // namespace config
