#include "tools/spillwayctl/sample.h"

#include <utility>

#include "tools/report/flow_figures.h"
#include "tools/report/group_documents.h"
#include "tools/spillwayctl/fields.h"

namespace tools {
namespace {

using dataplane::FlowHistograms;
using dataplane::HistogramSum;

std::string target_key(const Json& target) {
  return text(target, "target_group") + ' ' + endpoint(target);
}

/// {"count", "p50_seconds", "p99_seconds"} of what came since.
Json percentiles(const HistogramSum& before, const HistogramSum& after) {
  const HistogramSum between = after.since(before);
  const std::uint64_t values = between.count();
  const auto at = [&](unsigned per_mille) {
    return values == 0 ? Json() : Json(1e-9 * static_cast<double>(between.percentile(per_mille)));
  };
  return {{"count", values}, {"p50_seconds", at(500)}, {"p99_seconds", at(990)}};
}

void add_latency(Json& thing, const std::string& key, const Latencies& before,
                 const Latencies& after) {
  static const Latency none{};
  const auto in = [&](const Latencies& all) -> const Latency& {
    const auto found = all.find(key);
    return found == all.end() ? none : found->second;
  };
  thing["connect"] = percentiles(in(before).connect, in(after).connect);
  thing["response"] = percentiles(in(before).response, in(after).response);
  thing["queue"] = percentiles(in(before).queue, in(after).queue);
}

/// What makes rates of two documents' figures.
struct Interval {
  const Json* earlier;  // nullptr: nothing to compare with
  double seconds;

  [[nodiscard]] Json per_second(const Json& now, const char* field) const {
    if (earlier == nullptr || seconds <= 0) return {};
    return rate(now, earlier, field, seconds);
  }
};

template <class Same>
const Json* find(const Json& list, Same same) {
  for (const Json& each : list) {
    if (same(each)) return &each;
  }
  return nullptr;
}

Json sum_or_null(const Json& a, const Json& b) {
  return a.is_null() || b.is_null() ? Json() : Json(a.get<double>() + b.get<double>());
}

/// Those that wait for one of a listener's groups, also by another listener.
std::uint64_t waiting_for(const Json& listener, const Json& groups) {
  std::uint64_t waiting = 0;
  for (const Json& share : elements(listener, "target_groups")) {
    const Json* group =
        find(groups, [&](const Json& other) { return text(other, "name") == text(share, "name"); });
    if (group != nullptr) waiting += number(*group, "surge_queue_length");
  }
  return waiting;
}

Json listener_stats(const Json& listener, const Interval& since, const Json& groups) {
  return {{"name", text(listener, "name")},
          {"protocol", text(listener, "protocol")},
          {"endpoint", endpoint(listener)},
          {"new_flows_per_second", since.per_second(listener, "new_flows")},
          {"active_flows", number(listener, "active_flows")},
          {"surge_queue_length", waiting_for(listener, groups)},
          {"spilled_flows", number(listener, "spilled_flows")},
          {"spilled_flows_per_second", since.per_second(listener, "spilled_flows")},
          {"rejected_flows", number(listener, "rejected_flows")},
          {"rejected_flows_per_second", since.per_second(listener, "rejected_flows")}};
}

/// A document's field, null where it has none.
Json field_of(const Json& thing, const char* field) {
  const auto found = thing.find(field);
  return found == thing.end() ? Json() : *found;
}

Json group_stats(const Json& group, const Interval& since) {
  const Json& queue = object(group, "surge_queue");
  return {{"name", text(group, "name")},
          {"registered", number(group, "registered")},
          {"healthy", number(group, "healthy")},
          {"failing_open", flag(group, "failing_open")},
          {"standby", field_of(group, "standby")},
          {"on_standby", flag(group, "on_standby")},
          {"new_flows_per_second", since.per_second(group, "new_flows")},
          {"active_flows", number(group, "active_flows")},
          {"connections", number(group, "connections")},
          {"max_connections", field_of(group, "max_connections")},
          {"surge_queue_length", number(group, "surge_queue_length")},
          {"surge_queue_length_max", number(group, "surge_queue_length_max")},
          {"surge_queue_capacity", field_of(queue, "length")},
          {"surge_oldest_seconds", field_of(group, "surge_oldest_seconds")},
          {"surge_admitted_per_second", since.per_second(group, "surge_admitted")},
          {"surge_timed_out", number(group, "surge_timed_out")},
          {"spillover_count", number(group, "spillover_count")},
          {"spillover_count_per_second", since.per_second(group, "spillover_count")}};
}

Json target_stats(const Json& target, const Interval& since) {
  return {{"target_group", text(target, "target_group")},
          {"endpoint", endpoint(target)},
          {"zone", text(target, "zone")},
          {"state", text(target, "state")},
          {"reason", text(target, "reason")},
          {"detail", text(target, "detail")},
          {"takes_new_flows", flag(target, "takes_new_flows")},
          {"new_flows_per_second", since.per_second(target, "new_flows")},
          {"active_flows", number(target, "active_flows")},
          {"connections", number(target, "connections")},
          {"max_connections", field_of(target, "max_connections")},
          {"bytes_per_second", sum_or_null(since.per_second(target, "bytes_to_target"),
                                           since.per_second(target, "bytes_to_client"))}};
}

/// How much of its time a worker had packets to work on; of its turns, where the loop does not
/// measure time. Null where it did not turn at all.
Json load_percent(const Json& worker, const Interval& since) {
  Json busy = since.per_second(worker, "busy_nanoseconds");
  Json all = sum_or_null(busy, since.per_second(worker, "idle_nanoseconds"));
  if (all.is_null() || all.get<double>() <= 0) {
    busy = since.per_second(worker, "busy_polls");
    all = since.per_second(worker, "polls");
  }
  if (all.is_null() || all.get<double>() <= 0) return {};
  return 100 * busy.get<double>() / all.get<double>();
}

Json worker_stats(const Json& worker, const Interval& since) {
  return {{"worker", number(worker, "worker")},
          {"load_percent", load_percent(worker, since)},
          {"received_per_second", since.per_second(worker, "received")},
          {"sent_per_second", since.per_second(worker, "sent")},
          {"new_flows_per_second", since.per_second(worker, "flows_inserted")},
          {"flows_alive", number(worker, "flows_alive")},
          {"flow_capacity", number(worker, "flow_capacity")}};
}

}  // namespace

Sample take_sample(const report::SegmentView& view, const report::Liveness& liveness,
                   std::uint64_t now_unix_milliseconds) {
  return {.unix_milliseconds = now_unix_milliseconds,
          .pid = view.header->pid,
          .status = report::status_document(view, liveness, now_unix_milliseconds),
          .listeners = report::listeners_document(view, liveness),
          .targets = report::targets_document(view, liveness),
          .target_groups = report::target_groups_document(view, liveness)};
}

Latencies latencies(const report::SegmentView& view) {
  Latencies all;
  const auto add = [&](const std::string& key, auto histogram_of) {
    const auto connect = histogram_of(&FlowHistograms::connect);
    const auto response = histogram_of(&FlowHistograms::response);
    const auto queue = histogram_of(&FlowHistograms::queue);
    if (connect && response && queue) all[key] = {*connect, *response, *queue};
  };
  for (std::size_t slot = 0; slot < view.control->listeners.size(); ++slot) {
    const auto record = view.control->listeners[slot].read();
    if (!record || !record->used) continue;
    add(report::text(record->name), [&](report::Measure measure) {
      const dataplane::ListenerId id{static_cast<std::uint16_t>(slot)};
      return report::histogram(view, id, record->incarnation, measure);
    });
  }
  for (const auto& each : view.control->targets) {
    const auto record = each.read();
    if (!record || !record->used) continue;
    const Json name{{"target_group", report::text(record->target_group)},
                    {"address", report::text(record->address)},
                    {"port", record->port}};
    add(target_key(name),
        [&](report::Measure measure) { return report::histogram(view, record->id, measure); });
  }
  return all;
}

Json stats_document(const Sample& earlier, const Sample& now, const Latencies& before,
                    const Latencies& after) {
  const bool same = earlier.pid == now.pid && now.unix_milliseconds > earlier.unix_milliseconds;
  const double seconds =
      same ? static_cast<double>(now.unix_milliseconds - earlier.unix_milliseconds) / 1000 : 0;
  Json listeners = Json::array(), groups = Json::array(), targets = Json::array(),
       workers = Json::array();
  const auto named = [](const Json& list, const Json& wanted) {
    return find(list,
                [&](const Json& other) { return text(other, "name") == text(wanted, "name"); });
  };
  const Json& now_groups = elements(now.target_groups, "target_groups");
  for (const Json& each : now_groups) {
    const Json* old = named(elements(earlier.target_groups, "target_groups"), each);
    groups.push_back(group_stats(each, {old, seconds}));
  }
  for (const Json& each : elements(now.listeners, "listeners")) {
    const Json* old = named(elements(earlier.listeners, "listeners"), each);
    Json listener = listener_stats(each, {old, seconds}, now_groups);
    add_latency(listener, text(each, "name"), before, after);
    listeners.push_back(std::move(listener));
  }
  std::map<std::string, const Json*> old_targets;
  for (const Json& each : elements(earlier.targets, "targets"))
    old_targets[target_key(each)] = &each;
  for (const Json& each : elements(now.targets, "targets")) {
    const auto old = old_targets.find(target_key(each));
    Json target = target_stats(each, {old == old_targets.end() ? nullptr : old->second, seconds});
    add_latency(target, target_key(each), before, after);
    targets.push_back(std::move(target));
  }
  const Json& old_workers = elements(earlier.status, "workers");
  for (const Json& each : elements(now.status, "workers")) {
    const std::size_t i = workers.size();
    workers.push_back(
        worker_stats(each, {i < old_workers.size() ? &old_workers[i] : nullptr, seconds}));
  }
  return {{"instance", text(now.status, "instance")},
          {"stale", flag(now.status, "stale")},
          {"seconds", seconds},
          {"listeners", std::move(listeners)},
          {"target_groups", std::move(groups)},
          {"targets", std::move(targets)},
          {"workers", std::move(workers)}};
}

}  // namespace tools
