#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tools/report/documents.h"

namespace report {
namespace {

using dataplane::RuleId;
using dataplane::RuleRecord;
using dataplane::Totals;

Json rule_document(const SegmentView& view, RuleId id, const RuleRecord& record) {
  const std::uint64_t counted = hits(view, id);
  return {
      {"security_group", text(record.security_group)},
      {"attached_to", text(record.attached_to)},
      {"direction", record.inbound ? "inbound" : "outbound"},
      {"protocol", text(record.protocol)},
      {"ports", text(record.ports)},
      {"peer", text(record.peer)},
      {"hits", counted - std::min(counted, record.hits_before)},
  };
}

Json group_document(const dataplane::SecurityGroupRecord& record) {
  return {
      {"name", text(record.name)},         {"attached_to", text(record.attached_to)},
      {"addresses", record.addresses},     {"inbound_rules", record.inbound},
      {"outbound_rules", record.outbound},
  };
}

Json blocked(const SegmentView& view, dataplane::Counter Totals::*icmp,
             dataplane::Counter Totals::*tcp, dataplane::Counter Totals::*udp) {
  return {{"icmp", total(view, icmp)}, {"tcp", total(view, tcp)}, {"udp", total(view, udp)}};
}

}  // namespace

Json security_groups_document(const SegmentView& view, const Liveness& liveness) {
  std::map<std::uint16_t, Json> in_order;  // of the configuration
  std::uint64_t unreadable = 0;
  for (std::size_t slot = 0; slot < view.control->rules.size(); ++slot) {
    const auto record = view.control->rules[slot].read();
    if (!record) {
      ++unreadable;
    } else if (record->used) {
      in_order[record->number] =
          rule_document(view, RuleId{static_cast<std::uint16_t>(slot)}, *record);
    }
  }
  Json document{{"instance", text(instance_of(view).instance)}, {"stale", liveness.stale}};
  document["security_groups"] = Json::array();
  for (const auto& each : view.control->security_groups) {
    const auto record = each.read();
    if (!record) {
      ++unreadable;
    } else if (record->used) {
      document["security_groups"].push_back(group_document(*record));
    }
  }
  document["rules"] = Json::array();
  for (auto& [number, rule] : in_order) document["rules"].push_back(std::move(rule));
  if (unreadable != 0) document["unreadable"] = unreadable;
  document["blocked_inbound"] = blocked(view, &Totals::blocked_inbound_icmp,
                                        &Totals::blocked_inbound_tcp, &Totals::blocked_inbound_udp);
  document["blocked_outbound"] =
      blocked(view, &Totals::blocked_outbound_icmp, &Totals::blocked_outbound_tcp,
              &Totals::blocked_outbound_udp);
  document["flows_cut"] = total(view, &Totals::flows_cut);
  return document;
}

}  // namespace report
