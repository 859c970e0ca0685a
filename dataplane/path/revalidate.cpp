#include "dataplane/path/revalidate.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/security.h"

namespace dataplane {
namespace {

// A step never looks at more: about 5 µs of cold cache lines.
constexpr std::uint32_t buckets_together = 64;
constexpr std::uint32_t buckets_ahead = 8;

template <class Address>
bool may_stay(const Flow<Address>& flow, const Snapshot& snapshot) {
  const Listener* listener = snapshot.listener(flow.listener());
  if (listener == nullptr || !listener->address.is_a<Address>()) return true;  // its rules are gone
  RuleId by;
  if (!lets_in(*listener, flow.key, by)) return false;
  const Target* target = snapshot.target(flow.target);
  return target == nullptr || lets_out(*listener, flow.key, *target, by);
}

template <class Address>
void judge(FlowLedger<Address>& flows, std::uint32_t first, std::uint32_t last,
           const Snapshot& snapshot) {
  FlowTable<Address>& table = flows.table();
  for (std::uint32_t bucket = first; bucket < last; ++bucket) {
    table.prefetch_bucket(bucket + buckets_ahead);
    // Those that rest from the expiry sweep (path/expire), too: rules have no time.
    std::array<FlowIndex, TagGroup::width> marked;
    const std::size_t count = table.list_marked(bucket, marked.data());
    for (std::size_t i = 0; i < count; ++i) {
      if (!may_stay(table[marked[i]], snapshot)) flows.end(marked[i], FlowEnd::Cut);
    }
  }
}

}  // namespace

void revalidate(Core& core, const Snapshot& snapshot, Instant now) {
  Core::Revalidation& sweep = core.revalidation;
  const std::uint32_t v4 = core.flows4.buckets();  // first all of these, then all of IPv6's
  const std::uint32_t all = v4 + core.flows6.buckets();
  if (sweep.judged_by != snapshot.judged_by) sweep = {snapshot.judged_by, 0, all};
  if (sweep.bucket == sweep.end) return;
  FlowLedgers flows(core.flows4, core.flows6, core.counters, core.places, core.measures, now,
                    &core.flow_log);
  const std::uint32_t first = sweep.bucket;
  const std::uint32_t last = std::min(first < v4 ? v4 : all, first + buckets_together);
  if (first < v4) {
    judge(flows.v4, first, last, snapshot);
  } else {
    judge(flows.v6, first - v4, last - v4, snapshot);
  }
  sweep.bucket = last;
}

}  // namespace dataplane
