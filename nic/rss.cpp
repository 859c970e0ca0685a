#include "nic/rss.h"

#include <fmt/format.h>
#include <rte_ethdev.h>

#include <array>
#include <cstring>
#include <utility>

namespace nic {
namespace {

using dataplane::RssFields;

constexpr std::uint64_t tcp_and_udp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                      RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
constexpr std::uint64_t all_types = tcp_and_udp | RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
constexpr std::uint64_t source_only = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
constexpr std::uint64_t destination_only = RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;

using RedirectionGroups = std::vector<rte_eth_rss_reta_entry64>;

RedirectionGroups whole_table(std::uint16_t entries) {
  RedirectionGroups groups((entries + RTE_ETH_RETA_GROUP_SIZE - 1u) / RTE_ETH_RETA_GROUP_SIZE);
  for (rte_eth_rss_reta_entry64& group : groups) {
    std::memset(&group, 0, sizeof group);
    group.mask =
        entries >= RTE_ETH_RETA_GROUP_SIZE ? ~std::uint64_t{0} : (std::uint64_t{1} << entries) - 1;
  }
  return groups;
}

std::uint16_t& entry_of(RedirectionGroups& groups, std::size_t i) {
  return groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

/// The table as it is, or what is wrong with it.
std::string read_table(std::uint16_t number, std::uint16_t entries, std::uint16_t queues,
                       std::vector<std::uint16_t>& table) {
  RedirectionGroups groups = whole_table(entries);
  if (rte_eth_dev_rss_reta_query(number, groups.data(), entries) != 0) {
    return "does not tell its redirection table";
  }
  std::vector<bool> used(queues, false);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::uint16_t queue = entry_of(groups, i);
    if (queue >= queues) return fmt::format("redirects to queue {} of {}", queue, queues);
    used[queue] = true;
    table.push_back(queue);
  }
  for (std::size_t queue = 0; queue < queues; ++queue) {
    if (!used[queue]) return fmt::format("redirects nothing to queue {} of {}", queue, queues);
  }
  return "";
}

std::string read_hash(std::uint16_t number, RssState& state) {
  std::array<std::uint8_t, 256> key{};  // longer than any: drivers may not look at the length
  rte_eth_rss_conf conf;
  std::memset(&conf, 0, sizeof conf);
  conf.rss_key = key.data();
  conf.rss_key_len = static_cast<std::uint8_t>(key.size() - 1);
  if (rte_eth_dev_rss_hash_conf_get(number, &conf) != 0) return "does not tell its RSS key";
  rte_eth_dev_info info;
  std::memset(&info, 0, sizeof info);
  rte_eth_dev_info_get(number, &info);
  const auto fields = rss_fields(conf.rss_hf);
  if (!fields) return "does not spread TCP and UDP, in IPv4 and IPv6, by address and port";
  state.fields = *fields;
  // The device's length is the true one: not every driver sets it in its answer.
  const std::size_t size = rss_key_size(info);
  if (size < dataplane::Toeplitz::key_min || size > key.size()) {
    return fmt::format("has an RSS key of {} bytes, too short to compute with", size);
  }
  state.key.assign(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(size));
  if (state.fields != RssFields::Tuple && !dataplane::Rss::repeats(state.key)) {
    return "hashes one end alone with a key that does not repeat itself";
  }
  return "";
}

}  // namespace

std::size_t rss_key_size(const rte_eth_dev_info& info) {
  return info.hash_key_size == 0 ? 40 : info.hash_key_size;
}

std::uint64_t rss_types(std::uint64_t capabilities, RssFields fields) {
  const std::uint64_t types = capabilities & all_types;
  const std::uint64_t only = fields == RssFields::Source        ? source_only
                             : fields == RssFields::Destination ? destination_only
                                                                : 0;
  return types != 0 && (capabilities & only) == only ? types | only : types;
}

std::optional<RssFields> rss_fields(std::uint64_t types) {
  if ((types & tcp_and_udp) != tcp_and_udp) return std::nullopt;
  switch (types & (source_only | destination_only)) {
    case 0: return RssFields::Tuple;
    case source_only: return RssFields::Source;
    case destination_only: return RssFields::Destination;
    default: return std::nullopt;
  }
}

RssAnswer settle_rss(std::uint16_t number, std::uint16_t queues) {
  rte_eth_dev_info info;
  std::memset(&info, 0, sizeof info);
  if (rte_eth_dev_info_get(number, &info) != 0 || info.flow_type_rss_offloads == 0) {
    return {.state = std::nullopt, .lacks = "has no RSS"};
  }
  const std::uint16_t entries = info.reta_size;
  if (!dataplane::Rss::is_table_size(entries)) {
    return {.state = std::nullopt,
            .lacks = entries == 0 ? "has no redirection table"
                                  : fmt::format("has a redirection table of {} entries, not of a "
                                                "power of two",
                                                entries)};
  }
  RedirectionGroups wanted = whole_table(entries);
  for (std::size_t i = 0; i < entries; ++i) {
    entry_of(wanted, i) = static_cast<std::uint16_t>(i % queues);
  }
  // Where it is refused, the device's own table may do as well: it is read next.
  [[maybe_unused]] const int refused = rte_eth_dev_rss_reta_update(number, wanted.data(), entries);
  RssState state;
  std::string lacks = read_table(number, entries, queues, state.queues);
  if (lacks.empty()) lacks = read_hash(number, state);
  if (!lacks.empty()) return {.state = std::nullopt, .lacks = std::move(lacks)};
  return {.state = std::move(state), .lacks = ""};
}

}  // namespace nic
