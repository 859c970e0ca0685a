// FlowTable: everything one worker knows about its flows. Fixed memory, one owner, no locks.
//
// Why not one of the many existing tables: flows are looked up 32 at a time and nearly always
// exist, so what counts is that the tags of many flows lie together and that a hit costs one tag
// line and one entry line. The tags of 7 entries and an overflow count share 16 bytes:
//
//   groups   [tag×7|rest]     [tag×7|rest]     …      16 bytes a bucket, 4 buckets a cache line
//   entries  [64 bytes]×7     [64 bytes]×7     …      entry i of bucket b at b*7+i; 128 for IPv6
//   births   [4 bytes]×7      [4 bytes]×7      …      when it was entered, or how it opened; read
//                                                     when it ends
//
// rest: 6 bits of overflow count, 7 marks that say which entries the sweep must read, and 3 bits of
// how many sweeps the bucket may be left out of.
// An entry lives in its primary bucket, or, if that was full, in its secondary; `overflow` of the
// primary counts the latter, so a miss reads the second group only where there is a reason to.
// Where both are full, insert moves other entries to their other bucket (cuckoo, breadth-first,
// bounded). Erase clears a tag: no tombstones, no decay. Look-up in steps, so that a burst's cache
// misses overlap: prehash → prefetch → candidate (→ candidate_elsewhere) → compare the entry's key,
// and find() only if it is another one.
//
// Bounds: capacity is fixed at construction; insert fails only above 97 % fill (91 % in a table of
// a few buckets; measured in the unit test); a find reads at most 2 groups and the entries whose
// 16-bit tag matches. Whoever erases an entry that has a twin erases the twin too before the next
// insert.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "dataplane/packet/contract.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/table/flow.h"

namespace dataplane {

/// A key's hash. One register: what the table needs of it is quicker computed than stored.
struct FlowToken {
  std::uint64_t hash = 0;

  /// Never 0. From bits that choose neither bucket: within a bucket, tags must differ in all 16.
  [[nodiscard]] std::uint16_t tag() const {
    const auto bits = static_cast<std::uint16_t>(hash >> 48);
    return bits == 0 ? std::uint16_t{1} : bits;
  }
};

struct alignas(16) TagGroup {
  static constexpr unsigned width = 7;
  static constexpr unsigned rest_max = 7;
  std::array<std::uint16_t, width> tags;  // 0: free
  // Entries of this primary bucket that live elsewhere. Some 6 keys in all have it as theirs; 63
  // more, not even by intent: the seed is secret.
  std::uint16_t overflow : 6;
  std::uint16_t rest : 3;       // sweeps that need not look at it: see rest()
  std::uint16_t marks : width;  // bit i: mark() was called for entry i
};
static_assert(sizeof(TagGroup) == 16);

/// Bit i set where tags[i] == tag: the plain version, and the oracle of the other.
[[nodiscard]] inline unsigned match_plain(const TagGroup& group, std::uint16_t tag) {
  unsigned found = 0;
  for (unsigned i = 0; i < TagGroup::width; ++i) {
    if (group.tags[i] == tag) found |= 1u << i;
  }
  return found;
}

[[nodiscard]] inline unsigned match(const TagGroup& group, std::uint16_t tag) {
#if defined(__SSE2__)
  const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(&group));
  const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<short>(tag)));
  // 16-bit lanes to one bit each; lane 7 is the overflow count.
  const int packed = _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
  return static_cast<unsigned>(packed) & 0x7fu;
#else
  return match_plain(group, tag);
#endif
}

/// Entry: has `key` (hashable with a Seed) and `twin` (FlowIndex of the other direction).
template <class Entry>
class BasicFlowTable {
 public:
  using Key = decltype(Entry::key);

  /// Buckets for `entries` entries at no more than 90 % fill.
  [[nodiscard]] static constexpr std::size_t buckets_for(std::size_t entries) {
    const std::size_t slots = entries + entries / 9 + TagGroup::width;
    return slots / TagGroup::width + 1;
  }
  [[nodiscard]] static constexpr std::size_t bytes_needed(std::size_t entries) {
    const std::size_t buckets = buckets_for(entries);
    return (buckets * sizeof(TagGroup) + 63) / 64 * 64 +
           buckets * TagGroup::width * (sizeof(Entry) + sizeof(Birth));
  }

  /// `memory`: bytes_needed(entries) bytes, aligned to 64, which must outlive the table; cleared
  /// here.
  BasicFlowTable(std::span<std::byte> memory, std::size_t entries, Seed seed)
      : seed_(seed),
        buckets_(static_cast<std::uint32_t>(buckets_for(entries))),
        capacity_(entries) {
    CHECK(memory.size() >= bytes_needed(entries));
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % 64 == 0);
    CHECK(buckets_for(entries) * TagGroup::width < no_flow.slot);
    std::memset(memory.data(), 0, bytes_needed(entries));
    groups_ = new (memory.data()) TagGroup[buckets_];
    const std::size_t offset = (buckets_ * sizeof(TagGroup) + 63) / 64 * 64;
    entries_ = new (memory.data() + offset) Entry[slots()];
    births_ = new (memory.data() + offset + slots() * sizeof(Entry)) Birth[slots()];
    std::memset(static_cast<void*>(groups_), 0, buckets_ * sizeof(TagGroup));
  }
  BasicFlowTable(const BasicFlowTable&) = delete;
  BasicFlowTable& operator=(const BasicFlowTable&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  /// The entries it was made for: its owner inserts no more (insert itself goes on to the last
  /// slot).
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t slots() const { return std::size_t{buckets_} * TagGroup::width; }
  /// Raised whenever an index given out before may have become wrong (entry moved or erased).
  [[nodiscard]] std::uint64_t moves() const { return moves_; }

  [[nodiscard]] FlowToken prehash(const Key& key) const { return {hash(key, seed_)}; }
  /// The bucket where a key is, unless that was full.
  [[nodiscard]] std::uint32_t primary(FlowToken token) const {
    return reduce(static_cast<std::uint32_t>(token.hash));
  }
  /// The bucket where it is then; never the same one.
  [[nodiscard]] std::uint32_t secondary(FlowToken token) const {
    const std::uint32_t bucket =
        reduce(static_cast<std::uint32_t>(token.hash >> 32) * 0x9e37'79b1u);
    return bucket == primary(token) ? (bucket + 1) % buckets_ : bucket;
  }
  void prefetch(FlowToken token) const { __builtin_prefetch(&groups_[primary(token)]); }

  /// For a key that is probably not there: a well filled table then has to be asked twice.
  void prefetch_both(FlowToken token) const {
    prefetch(token);
    __builtin_prefetch(&groups_[secondary(token)]);
  }

  /// Fetches the entry that an insert would take, some time after its bucket's tags. Always inline:
  /// GCC takes a function that only fetches for one that does nothing, and drops calls of it.
  [[gnu::always_inline]] void prefetch_place(FlowToken token) const {
    std::uint32_t bucket = primary(token);
    unsigned free = match(groups_[bucket], 0);
    if (free == 0) {
      bucket = secondary(token);
      free = match(groups_[bucket], 0);
      if (free == 0) return;
    }
    const FlowIndex index = at(bucket, static_cast<unsigned>(std::countr_zero(free)));
    auto* entry = reinterpret_cast<char*>(&entries_[index.slot]);
    for (std::size_t line = 0; line < sizeof(Entry); line += 64) {
      __builtin_prefetch(entry + line, 1);
    }
  }

  /// The likely place of a key in its primary bucket, the entry being fetched; no_flow: it is not
  /// there. It may still be in its secondary one if `elsewhere`, whose tags are then fetched.
  [[nodiscard]] FlowIndex candidate(FlowToken token, bool& elsewhere) const {
    const std::uint32_t bucket = primary(token);
    const unsigned matches = match(groups_[bucket], token.tag());
    if (matches != 0) return fetched(bucket, matches);
    elsewhere = groups_[bucket].overflow != 0;
    if (elsewhere) __builtin_prefetch(&groups_[secondary(token)]);
    return no_flow;
  }
  /// The same in the secondary bucket, some time after candidate() has asked for its tags.
  [[nodiscard]] FlowIndex candidate_elsewhere(FlowToken token) const {
    const std::uint32_t bucket = secondary(token);
    const unsigned matches = match(groups_[bucket], token.tag());
    return matches == 0 ? no_flow : fetched(bucket, matches);
  }

  [[nodiscard]] FlowIndex find(FlowToken token, const Key& key) const {
    const FlowIndex found = find_in(primary(token), token.tag(), key);
    if (found != no_flow || groups_[primary(token)].overflow == 0) return found;
    return find_in(secondary(token), token.tag(), key);
  }
  [[nodiscard]] FlowIndex find(const Key& key) const { return find(prehash(key), key); }

  /// A place for a key that is not there (DCHECKed); the entry's key is set and it has no twin, the
  /// rest is left over from before. no_flow: full.
  [[nodiscard]] FlowIndex insert(FlowToken token, const Key& key) {
    DCHECK(find(token, key) == no_flow);
    std::uint32_t bucket = primary(token);
    unsigned free = match(groups_[bucket], 0);
    if (free == 0) {
      bucket = secondary(token);
      free = match(groups_[bucket], 0);
      if (free == 0) {
        bucket = make_room(token);
        if (bucket == no_bucket) return no_flow;
        free = match(groups_[bucket], 0);
      }
    }
    const auto place = static_cast<unsigned>(std::countr_zero(free));
    groups_[bucket].tags[place] = token.tag();
    if (bucket != primary(token)) ++groups_[primary(token)].overflow;
    DCHECK((groups_[bucket].marks >> place & 1) == 0);
    ++size_;
    const FlowIndex index = at(bucket, place);
    entries_[index.slot].key = key;
    entries_[index.slot].twin = no_flow;  // else move() would write into a stranger
    return index;
  }

  void erase(FlowIndex index) {
    const std::uint32_t bucket = index.slot / TagGroup::width;
    std::uint16_t& tag = groups_[bucket].tags[index.slot % TagGroup::width];
    DCHECK(tag != 0);
    const FlowToken token = prehash(entries_[index.slot].key);
    // The key is still the one that was inserted.
    DCHECK(bucket == primary(token) || bucket == secondary(token));
    if (bucket != primary(token)) --groups_[primary(token)].overflow;
    tag = 0;
    unmark(index);
    --size_;
    ++moves_;
  }

  [[nodiscard]] Entry& operator[](FlowIndex index) {
    DCHECK(index.slot < slots());
    return entries_[index.slot];
  }
  [[nodiscard]] const Entry& operator[](FlowIndex index) const {
    DCHECK(index.slot < slots());
    return entries_[index.slot];
  }

  /// When the entry's flow began. Kept apart, so that nothing of it is fetched with a packet.
  void set_birth(FlowIndex index, Birth birth) { births_[index.slot] = birth; }
  [[nodiscard]] Birth birth(FlowIndex index) const { return births_[index.slot]; }
  /// A flow has one birth and two entries: the place of the other has this, where it is wanted.
  void set_opening(FlowIndex index, Opening opening) {
    births_[index.slot] = std::bit_cast<Birth>(opening);
  }
  [[nodiscard]] Opening opening(FlowIndex index) const {
    return std::bit_cast<Opening>(births_[index.slot]);
  }

  // --- the sweep ---

  /// Has the sweep read an entry, until it is erased: of a pair, one is enough.
  void mark(FlowIndex index) {
    TagGroup& group = groups_[index.slot / TagGroup::width];
    group.marks = (group.marks | 1u << index.slot % TagGroup::width) & all_places;
    group.rest = 0;
  }
  /// The next sweep looks at the entry's bucket: what rest() was told no longer holds.
  void hurry(FlowIndex index) { groups_[index.slot / TagGroup::width].rest = 0; }
  /// Nothing in a bucket can be due in the next `sweeps` (as many as it counts to: 7) of them.
  void rest(std::uint32_t bucket, std::uint64_t sweeps) {
    groups_[bucket].rest =
        static_cast<std::uint16_t>(std::min<std::uint64_t>(sweeps, TagGroup::rest_max)) & 7u;
  }
  [[nodiscard]] bool rests(std::uint32_t bucket) const { return groups_[bucket].rest != 0; }
  /// One of the sweeps that a bucket rests for is over.
  void pass(std::uint32_t bucket) {
    TagGroup& group = groups_[bucket];
    group.rest = (group.rest - 1u) & 7u;
  }

  [[nodiscard]] std::uint32_t buckets() const { return buckets_; }
  [[nodiscard]] bool bucket_empty(std::uint32_t bucket) const {
    return match(groups_[bucket], 0) == all_places;
  }
  /// Fetches all entries of a bucket, if there is one of that number.
  [[gnu::always_inline]] void prefetch_bucket(std::uint32_t bucket) const {
    if (bucket >= buckets_) return;
    const auto* first = reinterpret_cast<const char*>(&entries_[at(bucket, 0).slot]);
    for (std::size_t line = 0; line < TagGroup::width * sizeof(Entry); line += 64) {
      __builtin_prefetch(first + line);
    }
  }
  [[gnu::always_inline]] void prefetch_birth(FlowIndex index) const {
    __builtin_prefetch(&births_[index.slot]);
  }
  /// Fetches an entry and its tag: what erase() needs.
  [[gnu::always_inline]] void prefetch(FlowIndex index) const {
    prefetch_entry(index);
    __builtin_prefetch(&groups_[index.slot / TagGroup::width]);
  }
  [[gnu::always_inline]] void prefetch_entry(FlowIndex index) const {
    const auto* entry = reinterpret_cast<const char*>(&entries_[index.slot]);
    for (std::size_t line = 0; line < sizeof(Entry); line += 64) __builtin_prefetch(entry + line);
  }
  /// Writes the places of a bucket's marked entries to `to`, which has room for
  /// TagGroup::width of them, and returns how many they are. Without a branch: none could be
  /// foretold.
  std::size_t list_marked(std::uint32_t bucket, FlowIndex* to) const {
    const unsigned marks = groups_[bucket].marks;
    std::size_t count = 0;
    for (unsigned place = 0; place < TagGroup::width; ++place) {
      to[count] = at(bucket, place);
      count += marks >> place & 1;
    }
    return count;
  }
  /// Calls visit(FlowIndex) for every entry of a bucket; visit may erase entries.
  template <class Visit>
  void visit_bucket(std::uint32_t bucket, Visit visit) {
    for (unsigned place = 0; place < TagGroup::width; ++place) {
      if (groups_[bucket].tags[place] != 0) visit(at(bucket, place));
    }
  }

 private:
  static constexpr std::uint32_t no_bucket = 0xffff'ffff;
  static constexpr unsigned all_places = (1u << TagGroup::width) - 1;

  /// 32 bits to [0, buckets) without division (Lemire).
  [[nodiscard]] std::uint32_t reduce(std::uint32_t bits) const {
    return static_cast<std::uint32_t>(std::uint64_t{bits} * buckets_ >> 32);
  }
  [[nodiscard]] static FlowIndex at(std::uint32_t bucket, unsigned place) {
    return FlowIndex{bucket * TagGroup::width + place};
  }
  [[nodiscard]] FlowIndex fetched(std::uint32_t bucket, unsigned matches) const {
    const FlowIndex index = at(bucket, static_cast<unsigned>(std::countr_zero(matches)));
    prefetch_entry(index);
    return index;
  }
  [[nodiscard]] bool marked(FlowIndex index) const {
    return (groups_[index.slot / TagGroup::width].marks >> index.slot % TagGroup::width & 1) != 0;
  }
  void unmark(FlowIndex index) {
    TagGroup& group = groups_[index.slot / TagGroup::width];
    group.marks = group.marks & ~(1u << index.slot % TagGroup::width) & all_places;
  }
  [[nodiscard]] FlowIndex find_in(std::uint32_t bucket, std::uint16_t tag, const Key& key) const {
    for (unsigned matches = match(groups_[bucket], tag); matches != 0; matches &= matches - 1) {
      const FlowIndex index = at(bucket, static_cast<unsigned>(std::countr_zero(matches)));
      if (entries_[index.slot].key == key) return index;
    }
    return no_flow;
  }

  /// Moves one entry to a free place of its other bucket; its own place is free afterwards.
  void move(FlowIndex from, std::uint32_t to_bucket) {
    const unsigned free = match(groups_[to_bucket], 0);
    DCHECK(free != 0);
    const auto place = static_cast<unsigned>(std::countr_zero(free));
    const std::uint32_t from_bucket = from.slot / TagGroup::width;
    std::uint16_t& tag = groups_[from_bucket].tags[from.slot % TagGroup::width];
    const FlowToken token = prehash(entries_[from.slot].key);
    DCHECK(token.tag() == tag);
    if (from_bucket == primary(token)) ++groups_[primary(token)].overflow;
    if (to_bucket == primary(token)) --groups_[primary(token)].overflow;
    groups_[to_bucket].tags[place] = tag;
    tag = 0;
    const FlowIndex to = at(to_bucket, place);
    if (marked(from)) mark(to);
    unmark(from);
    entries_[to.slot] = entries_[from.slot];
    births_[to.slot] = births_[from.slot];
    const FlowIndex twin = entries_[to.slot].twin;
    if (twin != no_flow) {
      DCHECK(entries_[twin.slot].twin == from);
      entries_[twin.slot].twin = to;
    }
    ++moves_;
  }

  /// Breadth-first search for a chain of moves that ends in a free place. Returns the bucket
  /// (primary or secondary of `token`) that has one afterwards, or no_bucket.
  [[nodiscard]] std::uint32_t make_room(FlowToken token) {
    struct Step {
      std::uint32_t bucket;
      std::int16_t parent;  // index in steps; -1: a root
      std::uint8_t place;   // in the parent's bucket: who would move here
    };
    static constexpr std::size_t steps_max = 256;
    std::array<Step, steps_max> steps;
    std::size_t known = 0;
    steps[known++] = {primary(token), -1, 0};
    steps[known++] = {secondary(token), -1, 0};
    for (std::size_t current = 0; current < known; ++current) {
      const std::uint32_t bucket = steps[current].bucket;
      if (match(groups_[bucket], 0) != 0) return shift(steps.data(), current);
      for (unsigned place = 0; place < TagGroup::width && known < steps_max; ++place) {
        const FlowToken resident = prehash(entries_[at(bucket, place).slot].key);
        const std::uint32_t other =
            primary(resident) == bucket ? secondary(resident) : primary(resident);
        if (on_way(steps.data(), current, other)) continue;
        steps[known++] = {other, static_cast<std::int16_t>(current),
                          static_cast<std::uint8_t>(place)};
      }
    }
    return no_bucket;
  }
  template <class Step>
  [[nodiscard]] static bool on_way(const Step* steps, std::size_t from, std::uint32_t bucket) {
    for (auto i = static_cast<int>(from); i >= 0; i = steps[i].parent) {
      if (steps[i].bucket == bucket) return true;
    }
    return false;
  }
  template <class Step>
  [[nodiscard]] std::uint32_t shift(const Step* steps, std::size_t last) {
    auto i = static_cast<int>(last);
    for (; steps[i].parent >= 0; i = steps[i].parent) {
      move(at(steps[steps[i].parent].bucket, steps[i].place), steps[i].bucket);
    }
    return steps[i].bucket;
  }

  Seed seed_;
  std::uint32_t buckets_;
  std::size_t capacity_;
  TagGroup* groups_;
  Entry* entries_;
  Birth* births_;
  std::size_t size_ = 0;
  std::uint64_t moves_ = 0;
};

template <class Address>
using FlowTable = BasicFlowTable<Flow<Address>>;
using FlowTable4 = FlowTable<Ipv4Address>;
using FlowTable6 = FlowTable<Ipv6Address>;

}  // namespace dataplane
