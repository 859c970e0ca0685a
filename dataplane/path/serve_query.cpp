#include "dataplane/path/serve_query.h"

#include <algorithm>

namespace dataplane {
namespace {

/// Of an entry towards the target.
template <class Address>
FlowRecord record_of(const FlowTable<Address>& table, FlowIndex index, Instant now) {
  const Flow<Address>& flow = table[index];
  const Flow<Address>& twin = table[flow.twin];
  const Birth birth = table.birth(index);
  const std::uint64_t lived = twin.noted ? table.opening(flow.twin).microseconds_until(birth, now)
                                         : birth.microseconds_until(now);
  const Tick tick = Tick::of(now);
  return FlowRecord{
      .to_target = of_any_family(flow.key),
      .to_client = of_any_family(twin.key),
      .listener = flow.listener(),
      .target = flow.target,
      .phase = flow.phase,
      .client_mac = twin.client_mac,
      .client_port = twin.client_port,
      .packets_to_target = flow.packets,
      .bytes_to_target = flow.bytes(),
      .packets_to_client = twin.packets,
      .bytes_to_client = twin.bytes(),
      .idle_milliseconds = std::min(tick.since(flow.last_seen), tick.since(twin.last_seen)),
      .age_milliseconds = lived / 1'000,
  };
}

/// Adds what buckets `first` to `last` of a table have, while there is room; `offset` is added to
/// their numbers. Returns the bucket behind those that were looked at.
template <class Address>
std::uint32_t list(FlowTable<Address>& table, std::uint32_t first, std::uint32_t last,
                   std::uint32_t offset, FlowQuery& query, Instant now) {
  const FlowFilter& filter = query.filter();
  std::uint32_t bucket = first;
  for (; bucket < last && query.has_room(); ++bucket) {
    table.prefetch_bucket(bucket + 1);
    table.visit_bucket(bucket, [&](FlowIndex index) {
      const Flow<Address>& flow = table[index];
      if (flow.direction != Direction::ToTarget || !filter.fits(flow)) return;
      FlowRecord found = record_of(table, index, now);
      if (!filter.fits(found)) return;
      found.bucket = offset + bucket;
      query.add(found);
    });
  }
  return bucket;
}

/// Adds the flow of a packet with that key.
template <class Address>
void look_up(FlowTable<Address>& table, const FlowKey<IpAddress>& key, FlowQuery& query,
             Instant now) {
  FlowIndex found = table.find(of_family<Address>(key));
  if (found == no_flow) return;
  if (table[found].direction != Direction::ToTarget) found = table[found].twin;
  query.add(record_of(table, found, now));
}

}  // namespace

void serve_query(Core& core, Instant now) {
  FlowQuery& query = core.query;
  if (!query.asked()) return;
  if (const auto& packet = query.filter().packet) {
    if (packet->source.is_v4()) {
      look_up(core.flows4, *packet, query, now);
    } else {
      look_up(core.flows6, *packet, query, now);
    }
    return query.answer(true);
  }
  const std::uint32_t v4 = core.flows4.buckets();
  const std::uint32_t all = v4 + core.flows6.buckets();
  const std::uint32_t first = std::min(query.cursor(), all);
  const std::uint32_t last = std::min(first < v4 ? v4 : all, first + FlowQuery::buckets_per_step);
  const std::uint32_t until = first < v4
                                  ? list(core.flows4, first, last, 0, query, now)
                                  : v4 + list(core.flows6, first - v4, last - v4, v4, query, now);
  query.advance(until - query.cursor());
  if (until == all || !query.has_room()) query.answer(until == all);
}

}  // namespace dataplane
