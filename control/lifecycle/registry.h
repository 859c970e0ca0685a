// Registry: what exists of one kind, under its name and in its slot, until it is gone for good.
//
//     add ──▶ registered ──leave──▶ left ──release, once nothing uses it──▶ slot rests, then next
//     use
//                  ◀─────return────────┘
//
// Used by the lifecycle for listeners, target groups and targets. An entry stays where it is in
// memory. Bounded by the number of slots: add() CHECKs that one is free, ask free() first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "control/lifecycle/slots.h"
#include "dataplane/packet/contract.h"

namespace control {

template <class Name, class Thing>
class Registry {
 public:
  struct Entry {
    Name name;
    Slot slot;
    Thing thing;
    std::optional<std::uint64_t> left;  // when (by the caller's count); nullopt: registered
    [[nodiscard]] bool registered() const { return !left; }
  };

  explicit Registry(std::size_t slots) : slots_(slots) {}

  [[nodiscard]] std::size_t free() const { return slots_.free(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t left() const { return left_; }

  [[nodiscard]] Entry* find(const Name& name) {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Entry* find(const Name& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Entry* find(Slot slot) {
    const auto found = by_slot_.find(slot);
    return found == by_slot_.end() ? nullptr : found->second;
  }

  /// `make(slot)` gives the new entry's thing. CHECKs that the name is new.
  template <class Make>
  Entry& add(const Name& name, Make make) {
    CHECK(find(name) == nullptr);
    const Slot slot = slots_.take();
    Entry& entry = entries_.emplace(name, Entry{name, slot, make(slot), {}}).first->second;
    by_slot_.emplace(slot, &entry);
    return entry;
  }
  /// Under another name, in the same slot and place in memory. CHECKs that the name is new.
  void rename(Entry& entry, const Name& name) {
    CHECK(find(name) == nullptr);
    auto node = entries_.extract(entry.name);
    node.key() = node.mapped().name = name;
    entries_.insert(std::move(node));
  }
  void leave(Entry& entry, std::uint64_t now) {
    CHECK(entry.registered());
    entry.left = now;
    ++left_;
  }
  void return_to(Entry& entry) {
    CHECK(!entry.registered());
    entry.left.reset();
    --left_;
  }

  /// Removes every entry that left before `now` and is `unused(entry)`; their slots become free.
  template <class Unused>
  std::vector<Entry> release(std::uint64_t now, Unused unused) {
    std::vector<Entry> released;
    if (left_ == 0) return released;
    for (auto at = entries_.begin(); at != entries_.end();) {
      if (at->second.registered() || *at->second.left >= now || !unused(at->second)) {
        ++at;
        continue;
      }
      slots_.give_back(at->second.slot);
      by_slot_.erase(at->second.slot);
      released.push_back(std::move(at->second));
      at = entries_.erase(at);
      --left_;
    }
    return released;
  }

  /// Calls `visit(entry)` from this name on, in their order, as long as it says true.
  template <class Visit>
  void for_each_from(const Name& first, Visit visit) const {
    for (auto at = entries_.lower_bound(first); at != entries_.end() && visit(at->second);) ++at;
  }
  /// Calls `visit(entry)` for all, in the order of their names.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [name, entry] : entries_) visit(entry);
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, entry] : entries_) visit(entry);
  }

 private:
  Slots slots_;
  std::map<Name, Entry> entries_;
  std::map<Slot, Entry*> by_slot_;
  std::size_t left_ = 0;
};

}  // namespace control
