// FlowQuery: the control thread asks a worker for its flows; the worker answers a few buckets a
// step, a page at a time.
//
// A mailbox with one asker (control) and one answerer (worker). The state says who may touch the
// rest: Idle and Answered: control; Asked: the worker. Memory is allocated once, by the
// constructor, and never grows: the worker only writes into places that are there. A page that is
// full ends with a whole bucket, so the next one begins where it ended, whatever happened
// meanwhile; a flow whose entry an insert has moved in between may be in none, or in two.
#pragma once

#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/contract.h"
#include "dataplane/table/flow.h"
#include "dataplane/table/flow_table.h"

namespace dataplane {

/// A connection as the tools show it.
struct FlowRecord {
  FlowKey<IpAddress> to_target;  // as the client sends
  FlowKey<IpAddress> to_client;  // as the target sends
  ListenerId listener;
  TargetId target;
  Phase phase{};
  MacAddress client_mac;  // where the client's packets came from last
  PortId client_port;
  std::uint64_t packets_to_target = 0, bytes_to_target = 0;
  std::uint64_t packets_to_client = 0, bytes_to_client = 0;
  std::uint32_t idle_milliseconds = 0;
  std::uint64_t age_milliseconds = 0;  // modulo 78 hours, unless there is a flow log (416 days)
  std::uint32_t bucket = 0;            // where it was found: see FlowQuery::cursor()
};

/// Which flows are wanted: those that fit in all that is given.
struct FlowFilter {
  /// Of either direction: the one flow that a packet with this key belongs to. It is looked up, and
  /// nothing else is asked.
  std::optional<FlowKey<IpAddress>> packet{};
  /// Slots: none is given to another target while a flow lives. Unset: any target.
  std::optional<std::bitset<targets_max>> targets{};
  ListenerId listener = no_listener;
  std::optional<IpPrefix> client{};
  Be16 client_port{0};                     // 0: any
  std::optional<IpAddress> destination{};  // the listener's address
  Be16 destination_port{0};                // 0: any
  std::optional<Protocol> protocol{};
  std::optional<Phase> phase{};
  std::uint32_t idle_milliseconds = 0;  // at least so long without a packet
  std::uint64_t age_milliseconds = 0;   // at least so old

  /// Of an entry towards the target, all but its times: its twin knows those, too.
  template <class Address>
  [[nodiscard]] bool fits(const Flow<Address>& flow) const {
    const FlowKey<Address>& key = flow.key;
    return (!targets || (*targets)[flow.target.slot]) &&
           (listener == no_listener || flow.listener() == listener) &&
           (client_port == Be16{0} || key.source_port == client_port) &&
           (destination_port == Be16{0} || key.destination_port == destination_port) &&
           (!protocol || key.protocol == *protocol) && (!phase || flow.phase == *phase) &&
           (!client || client->contains(key.source)) &&
           (!destination || key.destination == *destination);
  }
  [[nodiscard]] bool fits(const FlowRecord& record) const {
    return record.idle_milliseconds >= idle_milliseconds &&
           record.age_milliseconds >= age_milliseconds;
  }
};

class FlowQuery {
 public:
  /// Of one answer.
  static constexpr std::size_t records_max = 8'192;
  /// Some 50 flows, and as many entries of theirs elsewhere: a few microseconds between two bursts.
  static constexpr std::uint32_t buckets_per_step = 16;

  // --- control ---
  /// False while an earlier question is being answered. The answer ends with the bucket in which it
  /// reaches `limit` (cut to what there is room for); `from`: the bucket that it begins with.
  [[nodiscard]] bool ask(std::size_t limit, const FlowFilter& filter, std::uint32_t from = 0) {
    if (state_.load(std::memory_order_acquire) == State::Asked) return false;  // pairs with answer
    limit_ = limit;
    filter_ = filter;
    size_ = 0;
    cursor_ = from;
    complete_ = false;
    state_.store(State::Asked, std::memory_order_release);  // pairs with asked
    return true;
  }
  [[nodiscard]] bool answered() const {
    return state_.load(std::memory_order_acquire) == State::Answered;  // pairs with answer
  }
  /// Valid until the next ask().
  [[nodiscard]] std::span<const FlowRecord> records() const { return {records_.get(), size_}; }
  /// Nothing lies behind what was answered; else cursor() is where the next question goes on.
  [[nodiscard]] bool complete() const { return complete_; }

  // --- worker ---
  [[nodiscard]] bool asked() const {
    return state_.load(std::memory_order_acquire) == State::Asked;  // pairs with ask
  }
  [[nodiscard]] const FlowFilter& filter() const { return filter_; }
  /// The next bucket to look at: first all of IPv4's table, then those of IPv6's.
  [[nodiscard]] std::uint32_t cursor() const { return cursor_; }
  void advance(std::uint32_t buckets) { cursor_ += buckets; }
  /// More is wanted, and there is room for all of one more bucket.
  [[nodiscard]] bool has_room() const {
    return size_ < limit_ && size_ + TagGroup::width <= records_max;
  }
  void add(const FlowRecord& record) {
    DCHECK(size_ < records_max);
    std::construct_at(records_.get() + size_++, record);
  }
  void answer(bool complete) {
    complete_ = complete;
    state_.store(State::Answered, std::memory_order_release);  // pairs with answered
  }

 private:
  enum class State : std::uint8_t { Idle, Asked, Answered };
  std::atomic<State> state_{State::Idle};
  std::size_t limit_ = 0;
  FlowFilter filter_;
  std::uint32_t cursor_ = 0;
  bool complete_ = false;
  std::size_t size_ = 0;  // of records_, so many are an answer
  // Not a vector: the code to grow one would stand in the path.
  struct Free {
    void operator()(FlowRecord* records) const {
      std::allocator<FlowRecord>().deallocate(records, records_max);
    }
  };
  static_assert(std::is_trivially_destructible_v<FlowRecord>);
  std::unique_ptr<FlowRecord, Free> records_{std::allocator<FlowRecord>().allocate(records_max)};
};

}  // namespace dataplane
