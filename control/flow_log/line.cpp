#include "control/flow_log/line.h"

#include <fmt/chrono.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

namespace control {
namespace {

/// In quotes; null if it is not known.
std::string quoted(std::string_view name) {
  return name.empty() ? "null" : fmt::format(FMT_COMPILE("\"{}\""), name);
}

}  // namespace

void append_line(std::string& text, const dataplane::EndedFlow& flow, dataplane::WorkerId worker,
                 const LineContext& context) {
  const dataplane::FlowKey<dataplane::IpAddress>& out = flow.to_target;
  const dataplane::FlowKey<dataplane::IpAddress>& back = flow.to_client;
  const auto began = static_cast<std::int64_t>(flow.began.nanoseconds) + context.epoch;
  const std::int64_t milliseconds = std::max<std::int64_t>(began, 0) / 1'000'000;
  const auto at = std::back_inserter(text);
  fmt::format_to(at, FMT_COMPILE("{{\"start\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\""),
                 fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)), milliseconds % 1000);
  fmt::format_to(at, FMT_COMPILE(",\"duration_ms\":{}.{},\"instance\":\"{}\",\"worker\":{}"),
                 flow.duration_microseconds / 1000, flow.duration_microseconds % 1000 / 100,
                 context.instance, worker.number);
  fmt::format_to(at,
                 FMT_COMPILE(",\"protocol\":\"{}\",\"client\":\"{}\",\"client_port\":{}"
                             ",\"destination\":\"{}\",\"destination_port\":{}"),
                 to_string(out.protocol), to_string(out.source), out.source_port.value(),
                 to_string(out.destination), out.destination_port.value());
  const FlowNames::Listener* listener =
      context.names.find(flow.listener, flow.listener_incarnation);
  const FlowNames::Target* target = context.names.find(flow.target);
  fmt::format_to(at,
                 FMT_COMPILE(",\"listener\":{},\"target_group\":{},\"target\":\"{}\""
                             ",\"target_port\":{},\"zone\":{}"),
                 quoted(listener == nullptr ? "" : listener->name.view()),
                 quoted(target == nullptr ? "" : target->target_group.view()),
                 to_string(back.source), back.source_port.value(),
                 quoted(target == nullptr ? "" : target->zone.view()));
  // full_nat: the target answers to one of our own addresses, not to the client's.
  if (back.destination != out.source || !(back.destination_port == out.source_port)) {
    fmt::format_to(at, FMT_COMPILE(",\"local\":\"{}\",\"local_port\":{}"),
                   to_string(back.destination), back.destination_port.value());
  } else {
    text += ",\"local\":null,\"local_port\":null";
  }
  fmt::format_to(at,
                 FMT_COMPILE(",\"packets_to_target\":{},\"bytes_to_target\":{}"
                             ",\"packets_to_client\":{},\"bytes_to_client\":{},\"connect_us\":"),
                 flow.packets_to_target, flow.bytes_to_target, flow.packets_to_client,
                 flow.bytes_to_client);
  if (flow.connect_microseconds) {
    fmt::format_to(at, FMT_COMPILE("{}"), *flow.connect_microseconds);
  } else {
    text += "null";
  }
  fmt::format_to(at,
                 FMT_COMPILE(",\"reason\":\"{}\",\"phase\":\"{}\",\"target_state\":{}"
                             ",\"sample\":{}}}\n"),
                 to_string(flow.reason), to_string(flow.phase),
                 quoted(target == nullptr ? "" : to_string(target->state)),
                 flow.sample_millionths / 1e6);
}

}  // namespace control
