// Capture: control wants to see the packets that it describes; a worker hands over copies of them,
// as they came and as they left.
//
// A mailbox with one asker (control) and one answerer (worker), and a ring that the copies go back
// by. The state says who may touch the request: Idle: control; Wanted and Ending: the worker, which
// looks once a step. Memory is taken once, by the constructor, and lies untouched until the first
// capture. While none is wanted a worker pays for one load a step; path/watch.h is what it does
// while one is.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "dataplane/burst.h"
#include "dataplane/counter.h"
#include "dataplane/packet/address.h"
#include "dataplane/packet/clock.h"
#include "dataplane/packet/contract.h"
#include "dataplane/packet/verdict.h"
#include "dataplane/spsc_ring.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// Addresses and ports that one end of a packet may have. Compared in words, since it is asked for
/// each packet.
class CaptureEnd {
  using Words = std::array<std::uint64_t, 2>;

 public:
  CaptureEnd() = default;  // any
  /// `port` 0: any.
  CaptureEnd(const std::optional<IpPrefix>& hosts, std::uint16_t port) : port_(Be16{port}) {
    if (!hosts) return;
    has_hosts_ = true;
    v4_ = hosts->address.is_v4();
    const Words last = hosts->last().v6().words();
    network_ = hosts->network().address.v6().words();
    for (std::size_t i = 0; i < mask_.size(); ++i) mask_[i] = ~(network_[i] ^ last[i]);
    if (!v4_) return;
    network4_ = hosts->network().address.v4().bits.wire();
    mask4_ = ~(network4_ ^ hosts->last().v4().bits.wire());
  }

  [[nodiscard]] bool is_any() const { return !has_hosts_ && port_ == Be16{0}; }
  [[nodiscard]] bool fits(Ipv4Address address, Be16 port) const {
    if (port_ != Be16{0} && port_ != port) return false;
    return !has_hosts_ || (v4_ && ((address.bits.wire() ^ network4_) & mask4_) == 0);
  }
  [[nodiscard]] bool fits(const Ipv6Address& address, Be16 port) const {
    if (port_ != Be16{0} && port_ != port) return false;
    if (!has_hosts_) return true;
    const Words words = address.words();
    const std::uint64_t differ =
        ((words[0] ^ network_[0]) & mask_[0]) | ((words[1] ^ network_[1]) & mask_[1]);
    return !v4_ && differ == 0;
  }
  [[nodiscard]] bool fits(const IpAddress& address, std::uint16_t port) const {
    return address.is_v4() ? fits(address.v4(), Be16{port}) : fits(address.v6(), Be16{port});
  }

 private:
  Words network_{}, mask_{};  // of IPv6; bits of the mask count
  std::uint32_t network4_ = 0, mask4_ = 0;
  Be16 port_{0};
  bool has_hosts_ = false;
  bool v4_ = false;
};

/// Which packets are wanted: those that fit in all that is given.
struct CaptureFilter {
  std::uint64_t verdicts = 0;          // bit v: those with that verdict
  std::optional<Protocol> protocol{};  // Icmp: of either family
  CaptureEnd from{}, to{};             // of the packet as it came
  CaptureEnd client{};                 // who sent it, or to whom it was sent on
  ListenerId listener = no_listener;   // no_listener: any
  TargetGroupId group{};               // TargetGroupId{}: any
  std::optional<IpAddress> target{};   // its address …
  std::uint16_t target_port = 0;       // … and port, 0: any

  [[nodiscard]] bool asks_for_ends() const {
    return protocol || !from.is_any() || !to.is_any() || !client.is_any();
  }
  [[nodiscard]] bool asks_for_owner() const {
    return listener != no_listener || group != TargetGroupId{} || target;
  }
};

struct CaptureRequest {
  CaptureFilter filter;
  std::uint16_t snap_length = 2'048;  // so many bytes of each frame at most, up to snap_max
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  // packets of this worker's
};

/// So many bytes of a frame can be captured.
inline constexpr std::size_t snap_max = 2'048;

/// A frame, or its beginning.
struct CapturedFrame {
  PortId port;
  std::uint16_t length = 0;    // of the whole frame
  std::uint16_t captured = 0;  // of it, in `bytes`
  std::array<std::uint8_t, snap_max> bytes;
};

struct CapturedPacket {
  Instant at;          // when its burst came
  std::uint64_t lost;  // of the same worker, so far
  Verdict verdict;
  bool handed_off;  // by the worker that received it
  bool waited;      // in a surge queue
  ListenerId listener;
  TargetGroupId group;
  TargetId target;
  CapturedFrame before;
  CapturedFrame after;  // as sent; length 0: nothing was
};

class Capture {
 public:
  static constexpr std::size_t places = 1'024;  // of the ring: 4 MiB

  // --- control ---
  /// No worker looks at an earlier request any more.
  [[nodiscard]] bool at_rest() const {
    return state_.load(std::memory_order_acquire) == State::Idle;  // pairs with look
  }
  /// False while it is not at rest. Forgets what was not taken.
  [[nodiscard]] bool begin(const CaptureRequest& request) {
    if (!at_rest()) return false;
    CHECK(request.snap_length <= snap_max);
    while (packets_.take_each(places, [](const CapturedPacket&) {}) != 0) {
    }
    request_ = request;
    given_.set(0);
    lost_.set(0);
    state_.store(State::Wanted, std::memory_order_release);  // pairs with look
    return true;
  }
  /// The worker hands over no more, as soon as it has noticed.
  void end() {
    State wanted = State::Wanted;
    // relaxed: nothing goes to the worker with it
    state_.compare_exchange_strong(wanted, State::Ending, std::memory_order_relaxed);
  }
  /// Calls take(const CapturedPacket&) for up to `most`, the oldest first; how many there were.
  template <class Take>
  std::size_t take_each(std::size_t most, Take&& take) {
    return packets_.take_each(most, std::forward<Take>(take));
  }
  /// Packets that matched since begin(): on the ring, and lost because that was full.
  [[nodiscard]] std::uint64_t given() const { return given_.read(); }
  [[nodiscard]] std::uint64_t lost() const { return lost_.read(); }

  // --- the worker ---
  /// Once a step: are packets wanted until the next?
  [[nodiscard]] bool look() {
    const State state = state_.load(std::memory_order_acquire);  // pairs with begin
    if (state == State::Idle) [[likely]]
      return false;
    if (state == State::Wanted) return !has_enough();
    state_.store(State::Idle, std::memory_order_release);  // pairs with at_rest
    return false;
  }
  [[nodiscard]] const CaptureRequest& request() const { return request_; }
  [[nodiscard]] bool has_enough() const { return given_.read() >= request_.limit; }
  /// A place to be filled and handed over by give(); null, and counted as lost: there is none.
  [[nodiscard]] CapturedPacket* place() {
    CapturedPacket* const free = packets_.place();
    if (free == nullptr) lost_.add(1);
    return free;
  }
  void give() {
    packets_.push();
    given_.add(1);
  }

  /// A burst before the path changes it: where its frames lie, and how they begin.
  struct Kept {
    // All that a rewrite changes lies in it: link header with a tag, IPv6, an ICMP error and what
    // it quotes. Of a packet where that is not so (long IPv4 options) no more than this is known.
    static constexpr std::size_t head_max = 128;
    std::array<const std::uint8_t*, Burst::capacity> data;
    std::array<std::uint16_t, Burst::capacity> lengths;
    std::array<std::uint16_t, Burst::capacity> head_lengths;
    std::array<std::array<std::uint8_t, head_max>, Burst::capacity> heads;
  };
  [[nodiscard]] Kept& kept() { return *kept_; }

 private:
  enum class State : std::uint8_t { Idle, Wanted, Ending };
  std::atomic<State> state_{State::Idle};
  CaptureRequest request_;
  Counter given_, lost_;
  SpscRing<CapturedPacket> packets_{places};
  std::unique_ptr<Kept> kept_ = std::make_unique_for_overwrite<Kept>();
};

}  // namespace dataplane
