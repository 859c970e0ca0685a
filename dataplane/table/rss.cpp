#include "dataplane/table/rss.h"

#include <algorithm>
#include <utility>

namespace dataplane {

bool Rss::repeats(std::span<const std::uint8_t> key) {
  for (std::size_t i = 2; i < key.size(); ++i) {
    if (key[i] != key[i - 2]) return false;
  }
  return true;
}

Rss::Rss(std::span<const std::uint8_t> key, std::vector<WorkerId> redirection, RssFields fields)
    : key_(key.begin(), key.end()),
      redirection_(std::move(redirection)),
      fields_(fields),
      toeplitz_(key) {
  CHECK(is_table_size(redirection_.size()));
  CHECK(fields == RssFields::Tuple || repeats(key));
  key_.resize(Toeplitz::key_min);
  constexpr std::size_t in_ipv4 = 10, in_ipv6 = 34;  // where the destination port lies
  spreads_ports_ = fields != RssFields::Source && reaches_all(in_ipv4) && reaches_all(in_ipv6);
}

// The low bits of the hash that a port's 16 bits can make are the span of 16 vectors over GF(2):
// all values of the low bits, each equally often, if these have full rank.
bool Rss::reaches_all(std::size_t port_offset) const {
  const auto mask = static_cast<std::uint32_t>(redirection_.size() - 1);
  std::uint32_t reached = 0;  // leading bits of the basis so far
  std::array<std::uint32_t, 32> basis{};
  for (unsigned bit = 0; bit < 16; ++bit) {
    const Be16 port{static_cast<std::uint16_t>(1u << bit)};
    std::uint32_t vector = toeplitz_.part(&port, sizeof port, port_offset) & mask;
    for (unsigned lead = 32; lead-- > 0 && vector != 0;) {
      if ((vector >> lead & 1) == 0) continue;
      if ((reached >> lead & 1) == 0) {
        basis[lead] = vector;
        reached |= 1u << lead;
        break;
      }
      vector ^= basis[lead];
    }
  }
  return reached == mask;
}

bool Rss::agrees_with(const Rss& other) const {
  if (key_ != other.key_) return false;
  const std::size_t entries = std::max(redirection_.size(), other.redirection_.size());
  for (std::size_t i = 0; i < entries; ++i) {
    const auto hash = static_cast<std::uint32_t>(i);
    if (worker_of_hash(hash) != other.worker_of_hash(hash)) return false;
  }
  return true;
}

}  // namespace dataplane
