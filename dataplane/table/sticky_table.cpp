#include "dataplane/table/sticky_table.h"

#include <new>

#include "dataplane/packet/contract.h"

namespace dataplane {
namespace {

std::uint64_t seconds(Instant now) { return now.nanoseconds / 1'000'000'000; }

/// A known client's time begins anew when so much of it has passed (but a second at least).
std::uint64_t grace(StickyTerm term) { return term.seconds / 16; }

/// A second more than the term, since seconds begin before we do, and the grace: so that a client
/// is never forgotten before its time.
std::uint64_t lasts(StickyTerm term) { return term.seconds + grace(term) + 1; }

}  // namespace

StickyTable::StickyTable(std::span<std::byte> memory, std::size_t clients, Seed seed)
    : sets_count_(sets_for(clients)), seed_(seed) {
  CHECK(memory.size() >= bytes_needed(clients));
  CHECK(sets_count_ <= UINT32_MAX);
  if (sets_count_ == 0) return;
  CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Set) == 0);
  sets_ = new (memory.data()) Set[sets_count_];
  for (std::size_t i = 0; i < sets_count_; ++i) {
    // relaxed, here and wherever nothing is said: a word stands for itself.
    for (auto& word : sets_[i].words) word.store(0, std::memory_order_relaxed);
  }
}

std::uint64_t StickyTable::tag_of(StickyToken token) {
  const std::uint64_t tag = token.hash >> (64 - StickyEntry::tag_bits);
  return tag == 0 ? 1 : tag;  // a free word's is 0
}

StickyEntry StickyTable::entry_of(std::uint64_t tag, TargetId target, StickyTerm term) {
  const std::uint64_t end =
      (seconds(term.now) + lasts(term)) & StickyEntry::mask(StickyEntry::end_bits);
  std::uint64_t word = tag;
  word = word << StickyEntry::slot_bits | target.slot;
  word = word << StickyEntry::incarnation_bits |
         (target.incarnation & StickyEntry::mask(StickyEntry::incarnation_bits));
  return {word << StickyEntry::end_bits | end};
}

StickyTable::Found StickyTable::look(const Set& set, StickyEntry newest, std::uint64_t tag) {
  if (newest.tag() == tag) return {0, newest};
  for (std::size_t way = 1; way < ways; ++way) {
    const StickyEntry entry{set.words[way].load(std::memory_order_relaxed)};
    if (entry.tag() == tag) return {way, entry};
  }
  return {};
}

bool StickyTable::replace(std::atomic<std::uint64_t>& word, StickyEntry from, StickyEntry to) {
  return word.compare_exchange_strong(from.word, to.word, std::memory_order_relaxed,
                                      std::memory_order_relaxed);
}

StickyEntry StickyTable::find(StickyToken token, Instant now) const {
  if (sets_count_ == 0) return {};
  const Set& set = sets_[set_of(token)];
  // acquire: see settle. Who leaves this place is among the older ones before it is seen to be
  // gone.
  const StickyEntry newest{set.words[0].load(std::memory_order_acquire)};
  const StickyEntry entry = look(set, newest, tag_of(token)).entry;
  return entry.left(seconds(now)) == 0 ? StickyEntry{} : entry;
}

void StickyTable::keep(StickyToken token, StickyEntry entry, StickyTerm term) {
  const std::uint64_t left = entry.left(seconds(term.now));
  if (left == 0 || left + grace(term) >= lasts(term)) return;
  Set& set = sets_[set_of(token)];
  constexpr std::uint64_t end_mask = StickyEntry::mask(StickyEntry::end_bits);
  const std::uint64_t end = (seconds(term.now) + lasts(term)) & end_mask;
  for (auto& word : set.words) {
    if (word.load(std::memory_order_relaxed) != entry.word) continue;
    // Who comes between has kept it, or moved it: either way it is not ours to write any more.
    (void)replace(word, entry, {(entry.word & ~end_mask) | end});
    return;
  }
}

/// Copies `newest` among the older ones: where an earlier copy of it is, where nobody is any more,
/// or in the place of the one whose time ends first. False: somebody else was at that place.
bool StickyTable::push_down(Set& set, StickyEntry newest, std::uint64_t now, bool& evicted) {
  std::size_t best = 1;
  std::uint64_t best_left = UINT64_MAX;
  StickyEntry there;
  for (std::size_t way = 1; way < ways; ++way) {
    const StickyEntry entry{set.words[way].load(std::memory_order_relaxed)};
    const bool copy = entry.tag() == newest.tag();
    const std::uint64_t left = copy ? 0 : entry.left(now);
    if (left >= best_left && !copy) continue;
    best = way;
    best_left = left;
    there = entry;
    if (copy) break;
  }
  if (there.word == newest.word) return true;
  if (!replace(set.words[best], there, newest)) return false;
  evicted = evicted || best_left != 0;
  return true;
}

StickyTable::Settled StickyTable::settle(StickyToken token, StickyEntry seen, TargetId wanted,
                                         StickyTerm term) {
  const StickyEntry mine = entry_of(tag_of(token), wanted, term);
  Settled settled{mine, false};
  if (sets_count_ == 0) return settled;
  Set& set = sets_[set_of(token)];
  const std::uint64_t now = seconds(term.now);
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    // acquire: whoever was at this place before `newest` is seen among the older ones (the release
    // below). So a client that has entered is found, or this place changes before our exchange, or
    // it has been evicted. (That the place has the very same word again, ABA, would take eight
    // evictions and a return within one second.)
    StickyEntry newest{set.words[0].load(std::memory_order_acquire)};
    const Found found = look(set, newest, tag_of(token));
    if (found.way != ways) {
      if (found.entry.left(now) != 0 && !found.entry.same_target(seen)) {
        settled.entry = found.entry;
        return settled;
      }
      if (replace(set.words[found.way], found.entry, mine)) return settled;
      continue;
    }
    if (newest.left(now) != 0 && !push_down(set, newest, now, settled.evicted)) continue;
    if (set.words[0].compare_exchange_strong(newest.word, mine.word, std::memory_order_release,
                                             std::memory_order_relaxed)) {
      return settled;
    }
  }
  return settled;  // not remembered: in a set where that much happens it would not be for long
}

std::size_t StickyTable::sweep(std::size_t first, std::size_t last, Instant now) {
  std::size_t alive = 0;
  for (std::size_t i = first; i < last; ++i) {
    std::array<std::uint64_t, ways> tags{};
    for (std::size_t way = 0; way < ways; ++way) {
      std::atomic<std::uint64_t>& word = sets_[i].words[way];
      const StickyEntry entry{word.load(std::memory_order_relaxed)};
      if (!entry.known()) continue;
      // Two workers may have copied one client to two places. Not to be asked of the newest: its
      // copy is about to be the only one.
      bool copy = false;
      for (std::size_t other = 1; other < way; ++other) copy = copy || tags[other] == entry.tag();
      if (copy || entry.left(seconds(now)) == 0) {
        (void)replace(word, entry, {});
        continue;
      }
      tags[way] = entry.tag();
      const bool doubled = way != 0 && tags[0] == entry.tag();
      alive += doubled ? 0 : 1;
    }
  }
  return alive;
}

}  // namespace dataplane
