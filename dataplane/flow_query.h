// FlowQuery: the control thread asks a worker for its flows; the worker answers a few buckets a
// step.
//
// A mailbox with one asker (control) and one answerer (worker). The state says who may touch the
// rest: Idle and Answered: control; Asked: the worker. Memory is allocated once, by the
// constructor, and never grows: the worker only writes into places that are there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/contract.h"
#include "dataplane/table/flow.h"

namespace dataplane {

/// A connection as the tools show it.
struct FlowRecord {
  FlowKey<IpAddress> to_target;  // as the client sends
  FlowKey<IpAddress> to_client;  // as the target sends
  ListenerId listener;
  TargetId target;
  Phase phase{};
  std::uint64_t packets_to_target = 0, bytes_to_target = 0;
  std::uint64_t packets_to_client = 0, bytes_to_client = 0;
  std::uint32_t idle_milliseconds = 0;
};

/// Which flows are wanted: those that fit in all that is given.
struct FlowFilter {
  TargetId target = no_target;
  ListenerId listener = no_listener;
  std::optional<IpPrefix> client{};
  Be16 client_port{0};                     // 0: any
  std::optional<IpAddress> destination{};  // the listener's address
  Be16 destination_port{0};                // 0: any
  std::optional<Protocol> protocol{};
  std::optional<Phase> phase{};
  std::uint32_t idle_milliseconds = 0;  // at least so long without a packet

  /// Of an entry towards the target, all but how long it has been idle: its twin knows that, too.
  template <class Address>
  [[nodiscard]] bool fits(const Flow<Address>& flow) const {
    const FlowKey<Address>& key = flow.key;
    return (target == no_target || flow.target == target) &&
           (listener == no_listener || flow.listener() == listener) &&
           (client_port == Be16{0} || key.source_port == client_port) &&
           (destination_port == Be16{0} || key.destination_port == destination_port) &&
           (!protocol || key.protocol == *protocol) && (!phase || flow.phase == *phase) &&
           (!client || client->contains(key.source)) &&
           (!destination || key.destination == *destination);
  }
};

class FlowQuery {
 public:
  static constexpr std::size_t records_max = 65'536;
  static constexpr std::uint32_t buckets_per_step = 64;

  // --- control ---
  /// False while an earlier question is being answered. `limit` is cut to records_max.
  [[nodiscard]] bool ask(std::size_t limit, const FlowFilter& filter) {
    if (state_.load(std::memory_order_acquire) == State::Asked) return false;  // pairs with answer
    limit_ = limit < records_max ? limit : records_max;
    filter_ = filter;
    size_ = 0;
    cursor_ = 0;
    state_.store(State::Asked, std::memory_order_release);  // pairs with asked
    return true;
  }
  [[nodiscard]] bool answered() const {
    return state_.load(std::memory_order_acquire) == State::Answered;  // pairs with answer
  }
  /// Valid until the next ask().
  [[nodiscard]] std::span<const FlowRecord> records() const { return {records_.get(), size_}; }

  // --- worker ---
  [[nodiscard]] bool asked() const {
    return state_.load(std::memory_order_acquire) == State::Asked;  // pairs with ask
  }
  [[nodiscard]] const FlowFilter& filter() const { return filter_; }
  [[nodiscard]] std::uint32_t cursor() const { return cursor_; }
  void advance(std::uint32_t buckets) { cursor_ += buckets; }
  [[nodiscard]] bool full() const { return size_ >= limit_; }
  void add(const FlowRecord& record) {
    DCHECK(!full());
    std::construct_at(records_.get() + size_++, record);
  }
  void answer() {
    state_.store(State::Answered, std::memory_order_release);  // pairs with answered
  }

 private:
  enum class State : std::uint8_t { Idle, Asked, Answered };
  std::atomic<State> state_{State::Idle};
  std::size_t limit_ = 0;
  FlowFilter filter_;
  std::uint32_t cursor_ = 0;
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
