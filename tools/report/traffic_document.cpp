#include "tools/report/traffic_document.h"

#include <array>
#include <utility>

namespace report {
namespace {

using dataplane::TrafficRecord;

constexpr std::array<std::pair<const char*, std::uint64_t TrafficRecord::*>, 22> fields{{
    {"new_flows", &TrafficRecord::new_flows},
    {"new_flows_udp", &TrafficRecord::new_flows_udp},
    {"active_flows", &TrafficRecord::active_flows},
    {"active_flows_udp", &TrafficRecord::active_flows_udp},
    {"rejected_flows", &TrafficRecord::rejected_flows},
    {"rejected_flows_udp", &TrafficRecord::rejected_flows_udp},
    {"requests", &TrafficRecord::requests},
    {"connection_errors", &TrafficRecord::connection_errors},
    {"processed_bytes", &TrafficRecord::processed_bytes},
    {"processed_packets", &TrafficRecord::processed_packets},
    {"processed_bytes_udp", &TrafficRecord::processed_bytes_udp},
    {"processed_packets_udp", &TrafficRecord::processed_packets_udp},
    {"client_resets", &TrafficRecord::client_resets},
    {"target_resets", &TrafficRecord::target_resets},
    {"elb_resets", &TrafficRecord::elb_resets},
    {"port_allocation_errors", &TrafficRecord::port_allocation_errors},
    {"unhealthy_routing_flows", &TrafficRecord::unhealthy_routing_flows},
    {"bytes_per_second", &TrafficRecord::bytes_per_second},
    {"packets_per_second", &TrafficRecord::packets_per_second},
    {"new_flows_per_second", &TrafficRecord::new_flows_per_second},
    {"peak_bytes_per_second", &TrafficRecord::peak_bytes_per_second},
    {"peak_packets_per_second", &TrafficRecord::peak_packets_per_second},
}};
// And the time of the sample, which is told otherwise.
static_assert(sizeof(TrafficRecord) == (fields.size() + 1) * sizeof(std::uint64_t),
              "every field is in the document");

}  // namespace

Json traffic_document(const dataplane::Record<TrafficRecord>& record) {
  const auto traffic = record.read();
  if (!traffic || traffic->sampled_unix_milliseconds == 0) return Json();
  Json document{{"sampled", iso_time(traffic->sampled_unix_milliseconds)}};
  for (const auto& [name, field] : fields) document[name] = (*traffic).*field;
  return document;
}

}  // namespace report
