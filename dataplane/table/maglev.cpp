#include "dataplane/table/maglev.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "dataplane/packet/contract.h"

namespace dataplane {
namespace {

// The permutation hash. Its seeds and steps (SplitMix64's finalizer) are frozen: two balancers, or
// one before and after an upgrade, must build the same table, or flows change their target. A
// golden digest in the unit test watches over it.
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ word >> 30) * 0xbf58'476d'1ce4'e5b9u;
  word = (word ^ word >> 27) * 0x94d0'49bb'1331'11ebu;
  return word ^ word >> 31;
}

// Where a target is in its permutation of the slots: offset, offset + skip, offset + 2 skip, …
// A skip below the prime size visits every slot once.
struct Walk {
  TargetId id;
  std::uint32_t slot;
  std::uint32_t skip;
};

std::uint64_t identity(const MaglevEntry& target) {
  const std::uint64_t port = target.port.value();
  if (target.address.is_v4()) {
    return std::uint64_t{target.address.v4().bits.value()} << 16 | port;
  }
  // Every host's table the same, whatever its byte order.
  const auto number = [](std::uint64_t wire) { return __builtin_bswap64(wire); };
  const auto [high, low] = target.address.v6().words();
  return mix(number(high)) ^ mix(number(low) + port);
}

Walk walk(const MaglevEntry& target, std::uint32_t size) {
  const std::uint64_t word = identity(target);
  const std::uint64_t offset = mix(word + 0x9e37'79b9'7f4a'7c15u);
  const std::uint64_t skip = mix(word + 0x3c6e'f372'fe94'f82au);
  return {target.id, static_cast<std::uint32_t>(offset % size),
          static_cast<std::uint32_t>(skip % (size - 1)) + 1};
}

// The targets of one weight. They take their turns together: the k-th (from 0) at time k / weight.
// So every target gets a slot in the first round, and whether one of two targets comes first does
// not depend on a third: removing that one moves little.
struct WeightClass {
  std::uint64_t weight;
  std::uint64_t turn;
  std::size_t first, last;  // in the walks

  // Exact: the fractions are compared by cross-multiplication, both factors are below 2^32.
  friend bool operator>(const WeightClass& a, const WeightClass& b) {
    const std::uint64_t time_a = a.turn * b.weight;
    const std::uint64_t time_b = b.turn * a.weight;
    return time_a != time_b ? time_a > time_b : a.weight < b.weight;
  }
};

/// What gets slots, in an order of its own: heavier first, then by address.
std::vector<MaglevEntry> weighted(std::span<const MaglevEntry> targets) {
  std::vector<MaglevEntry> result;
  std::copy_if(targets.begin(), targets.end(), std::back_inserter(result),
               [](const MaglevEntry& target) { return target.weight != 0; });
  std::sort(result.begin(), result.end(), [](const MaglevEntry& a, const MaglevEntry& b) {
    return std::tuple(b.weight, a.address, a.port.value(), a.id) <
           std::tuple(a.weight, b.address, b.port.value(), b.id);
  });
  return result;
}

std::vector<WeightClass> classes(const std::vector<MaglevEntry>& targets) {
  std::vector<WeightClass> result;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (result.empty() || result.back().weight != targets[i].weight) {
      result.push_back({targets[i].weight, 0, i, i});
    }
    result.back().last = i + 1;
  }
  return result;
}

}  // namespace

bool is_prime(std::uint32_t number) {
  if (number < 4) return number >= 2;
  if (number % 2 == 0) return false;
  for (std::uint64_t divisor = 3; divisor * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

std::uint32_t next_prime(std::uint32_t number) {
  CHECK(number <= 4'294'967'291u);  // the largest prime below 2^32
  while (!is_prime(number)) ++number;
  return number;
}

MaglevTable::MaglevTable(std::span<const MaglevEntry> targets, std::uint32_t size) {
  CHECK(is_prime(size));
  CHECK(size <= size_max);
  const std::vector<MaglevEntry> sorted = weighted(targets);
  if (sorted.empty()) return;
  CHECK(sorted.size() <= size);

  std::vector<Walk> walks;
  for (const MaglevEntry& target : sorted) walks.push_back(walk(target, size));
  std::vector<WeightClass> queue = classes(sorted);  // a heap, the class whose turn it is on top
  std::make_heap(queue.begin(), queue.end(), std::greater<>{});

  slots_.assign(size, no_target);
  std::vector<bool> taken(size, false);
  for (std::uint32_t filled = 0; filled < size;) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>{});
    WeightClass& turn = queue.back();
    for (std::size_t i = turn.first; i < turn.last && filled < size; ++i, ++filled) {
      Walk& at = walks[i];
      // Ends: the walk visits every slot, and one is free. M ln M steps for all slots together.
      while (taken[at.slot]) {
        at.slot += at.skip;
        if (at.slot >= size) at.slot -= size;
      }
      taken[at.slot] = true;
      slots_[at.slot] = at.id;
    }
    ++turn.turn;
    std::push_heap(queue.begin(), queue.end(), std::greater<>{});
  }
}

}  // namespace dataplane
