#include "nic/queue_drops.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace nic {
namespace {

constexpr std::string_view prefix = "rx_q";

// As drivers of DPDK 22.11 name them; the first is the whole where a driver has several. `errors`
// is what ethdev makes of rte_eth_stats::q_errors, "packets received that are dropped".
constexpr std::array<std::string_view, 9> names{"drop_total",  // vmxnet3
                                                "dropped",         "drops",  "dropped_packets",
                                                "discard_packets",  // bnxt
                                                "discards",        "missed", "missed_packets",
                                                "errors"};

}  // namespace

std::optional<QueueDropFigure> queue_drop_figure(std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint16_t queue = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), queue);
  if (error != std::errc{}) return std::nullopt;
  name.remove_prefix(static_cast<std::size_t>(rest - name.data()));
  if (!name.starts_with('_')) return std::nullopt;
  name.remove_prefix(1);
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return QueueDropFigure{queue, static_cast<std::size_t>(found - names.begin())};
}

QueueDrops::QueueDrops(std::uint16_t port, std::uint16_t queues) : port_(port) {
  const int count = rte_eth_xstats_get_names(port, nullptr, 0);
  if (count <= 0) return;
  std::vector<rte_eth_xstat_name> all(static_cast<std::size_t>(count));
  if (rte_eth_xstats_get_names(port, all.data(), static_cast<unsigned>(count)) != count) return;
  constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> ranks(queues, none);
  ids_.resize(queues);
  for (std::size_t id = 0; id < all.size(); ++id) {
    const auto figure = queue_drop_figure(all[id].name);
    if (!figure || figure->queue >= queues || figure->rank >= ranks[figure->queue]) continue;
    ranks[figure->queue] = figure->rank;
    ids_[figure->queue] = id;
  }
  // Half of the truth would read as "none at the other queues".
  if (std::find(ranks.begin(), ranks.end(), none) != ranks.end()) ids_.clear();
}

std::vector<std::uint64_t> QueueDrops::read() const {
  if (ids_.empty()) return {};
  std::vector<std::uint64_t> values(ids_.size());
  const auto count = static_cast<unsigned>(ids_.size());
  const int got = rte_eth_xstats_get_by_id(port_, ids_.data(), values.data(), count);
  if (got != static_cast<int>(count)) return {};
  return values;
}

}  // namespace nic
