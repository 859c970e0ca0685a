// Facts: what is true now and was not in the file: MAC addresses, neighbours, who is healthy, and
// the ids that control gave out. With a Config, all that compile() needs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/rss.h"

namespace config {

struct PortFact {  // by PortId, in the order of Config::ports
  dataplane::MacAddress mac;
  std::uint16_t mtu = 1500;
  bool kernel_path = false;
  std::shared_ptr<const dataplane::Rss> rss = nullptr;  // as nic/ found it; null: not usable
};

struct NeighbourFact {
  dataplane::PortId port;
  dataplane::IpAddress address;
  dataplane::MacAddress mac;
};

struct ListenerFact {
  std::string name;
  dataplane::ListenerId id;
  std::uint16_t incarnation = 0;
};

struct TargetGroupFact {
  std::string name;
  dataplane::TargetGroupId id;
  std::string standby = {};       // the group that takes its new flows now; "": none
  bool spills = false;            // its own zone lacks capacity: no zonal affinity now
  std::uint16_t incarnation = 0;  // of the slot
};

/// What the lifecycle has decided about a target; compile() turns it into eligibility.
enum class Availability : std::uint8_t {
  Serving,     // healthy, or its health is not checked
  FailOpen,    // initial or unhealthy: gets new flows only while its group fails open
  Draining,    // no new flows, old ones go on
  Terminated,  // no new flows, old ones are ended by force
};

/// One target that packets can meet. Targets that left the file stay here until they are empty.
struct TargetFact {
  dataplane::TargetId id;
  std::string target_group;
  dataplane::IpAddress address;
  std::uint16_t port = 0;
  std::uint16_t weight = 1;
  /// Of the weight, for now: slow start, what the target says of itself. 0: no new flows.
  std::uint8_t percent = 100;
  std::string zone = {};
  Availability availability = Availability::FailOpen;
  /// With FailOpen: its old flows are reset unless its group fails open (unhealthy with
  /// connection_termination).
  bool resets_flows = false;
  /// Its old flows of UDP go to other targets: with FailOpen unless its group fails open; with
  /// Draining in any case.
  bool moves_udp = false;
  /// As it counts now: less in slow start. 0: no limit.
  std::uint32_t max_connections = 0;
};

struct Facts {
  dataplane::Generation generation;
  std::vector<PortFact> ports;
  std::shared_ptr<const dataplane::Rss> client_rss;  // decided at start: config/steering.h
  std::vector<NeighbourFact> neighbours;             // kernel's; the file's are in Config
  std::vector<ListenerFact> listeners;
  /// Of listeners that left, or moved to another address, and still have flows: their packets must
  /// reach the flows' workers.
  std::vector<dataplane::IpAddress> lingering_addresses;
  std::vector<TargetGroupFact> target_groups;
  std::vector<TargetFact> targets;
  std::vector<std::string> shifted_zones;  // whose targets get no new flows
  /// Where the hits of each rule of all_rules() are counted. If there are not as many (a trial of
  /// another configuration): in that order.
  std::vector<dataplane::RuleId> rules;
};

}  // namespace config
