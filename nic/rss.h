// RSS: what a device hashes, asked for and read back.
//
// Devices round, replace and forget what they are asked for, so after start everything is read from
// the device: hash types, key, redirection table. What is read back is what the path reckons with
// (dataplane/table/rss); what cannot be read cannot be used, and `lacks` says what that was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/table/rss.h"

struct rte_eth_dev_info;

namespace nic {

/// When packets are to arrive at their owner's queue by RSS.
enum class UseRss : std::uint8_t {
  Automatic,  // if the device can, and is a real one: virtual ones say so and do not (net_null)
  Never,
  Always,  // or the port does not start
};

struct RssOptions {
  UseRss use = UseRss::Automatic;
  dataplane::RssFields fields = dataplane::RssFields::Tuple;  // Tuple if the device has no such
  std::vector<std::uint8_t> key{};  // cut to the device's length; too short or empty: its own
};

/// What a device does.
struct RssState {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // the redirection table
  dataplane::RssFields fields = dataplane::RssFields::Tuple;
};

struct RssAnswer {
  std::optional<RssState> state;
  std::string lacks;  // what the device has not, where there is no state: "has no …"
};

/// Of the hash types in `capabilities` (RTE_ETH_RSS_…) those to ask for.
[[nodiscard]] std::uint64_t rss_types(std::uint64_t capabilities, dataplane::RssFields fields);
/// What a device that has these types set hashes of both TCP and UDP; nothing: not one of them.
[[nodiscard]] std::optional<dataplane::RssFields> rss_fields(std::uint64_t types);

/// In bytes; those that do not tell have 40.
[[nodiscard]] std::size_t rss_key_size(const rte_eth_dev_info& info);

/// Deals the redirection table out over `queues` queues in turn, if the device lets us, and reads
/// what it is then. The port has been started.
[[nodiscard]] RssAnswer settle_rss(std::uint16_t number, std::uint16_t queues);

}  // namespace nic
