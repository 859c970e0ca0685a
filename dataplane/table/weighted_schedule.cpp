#include "dataplane/table/weighted_schedule.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "dataplane/packet/contract.h"

namespace dataplane {
namespace {

struct Share {
  std::size_t target;  // index in the input
  std::uint64_t places;
};

/// Weights in lowest terms.
std::vector<Share> shares(std::span<const WeightedEntry> targets) {
  std::vector<Share> result;
  std::uint64_t divisor = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].weight == 0) continue;
    result.push_back({i, targets[i].weight});
    divisor = std::gcd(divisor, std::uint64_t{targets[i].weight});
  }
  for (Share& share : result) share.places /= divisor;
  return result;
}

std::uint64_t total(const std::vector<Share>& shares) {
  return std::accumulate(shares.begin(), shares.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Share& share) { return sum + share.places; });
}

/// Scales the shares down to `length` places in all: one place for each that would have less, the
/// rest in proportion, what rounding leaves over to the largest remainders (Hamilton's method).
void scale(std::vector<Share>& shares, std::uint64_t length) {
  std::sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
    return a.places != b.places ? a.places < b.places : a.target < b.target;
  });
  std::uint64_t weights = total(shares);
  auto next = shares.begin();
  // Smallest first: each that is lifted to one place raises the bar for the next.
  for (; next->places * length < weights; ++next) {
    weights -= next->places;
    --length;
    next->places = 1;
  }
  struct Remainder {
    std::uint64_t rest;
    Share* share;
  };
  std::vector<Remainder> remainders;
  std::uint64_t left = length;
  for (; next != shares.end(); ++next) {
    remainders.push_back({next->places * length % weights, &*next});
    next->places = next->places * length / weights;
    left -= next->places;
  }
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const Remainder& a, const Remainder& b) { return a.rest > b.rest; });
  for (std::uint64_t i = 0; i < left; ++i) ++remainders[i].share->places;
}

// The targets of one share. They take turns as one: of `places` in all, the m-th (from 0) at time
// (m + ½) / places of the whole, each given to the next member. So a light class of many is spread
// as evenly as one heavy target is.
struct Rotation {
  std::uint64_t places;
  std::uint64_t turn;
  std::size_t first, members;  // in the shares

  friend bool operator>(const Rotation& a, const Rotation& b) {
    const std::uint64_t time_a = (2 * a.turn + 1) * b.places;
    const std::uint64_t time_b = (2 * b.turn + 1) * a.places;
    if (time_a != time_b) return time_a > time_b;
    return a.places != b.places ? a.places < b.places : a.first > b.first;
  }
};

/// Groups shares that are sorted by places.
std::vector<Rotation> rotations(const std::vector<Share>& shares) {
  std::vector<Rotation> result;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (i == 0 || shares[i].places != shares[i - 1].places) result.push_back({0, 0, i, 0});
    result.back().places += shares[i].places;
    ++result.back().members;
  }
  return result;
}

}  // namespace

WeightedSchedule::WeightedSchedule(std::span<const WeightedEntry> targets) {
  CHECK(targets.size() <= length_max);
  std::vector<Share> turns = shares(targets);
  if (turns.empty()) return;
  if (total(turns) > length_max) scale(turns, length_max);
  std::sort(turns.begin(), turns.end(), [](const Share& a, const Share& b) {
    return a.places != b.places ? a.places > b.places : a.target < b.target;
  });
  const std::uint64_t length = total(turns);
  std::vector<Rotation> queue = rotations(turns);  // a heap, the one whose turn it is on top
  std::make_heap(queue.begin(), queue.end(), std::greater<>{});
  order_.reserve(length);
  while (order_.size() < length) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>{});
    Rotation& next = queue.back();
    const Share& share = turns[next.first + next.turn % next.members];
    order_.push_back(targets[share.target].id);
    ++next.turn;
    std::push_heap(queue.begin(), queue.end(), std::greater<>{});
  }
}

}  // namespace dataplane
