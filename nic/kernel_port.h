// KernelPort: a port's TAP twin and the two rings between it and the workers.
//
//   worker ── punt ──▶ ring ──▶ to_kernel() ──▶ TAP         any worker writes, control reads
//   worker ◀── take ── ring ◀── from_kernel() ◀── TAP       control writes, one worker reads
//
// The twin has the port's name, MAC and MTU, so that Linux's own stack answers for the port's own
// addresses. Its side of a VLAN port is untagged. A punt wakes control through an eventfd, written
// once per wake-up; a frame of the kernel waits for the worker's next poll. What does not fit is
// freed and counted by whoever offered it: the path limits punts anyway
// (Snapshot::punts_per_second).
#pragma once

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "nic/failure.h"
#include "nic/hand_off.h"
#include "nic/mbuf_pool.h"
#include "nic/tap.h"

namespace nic {

struct KernelPortOptions {
  TapOptions tap;
  std::uint16_t vlan = 0;
  Writers punters = Writers::One;  // how many workers there are
  int numa_node = 0;
};

class KernelPort {
 public:
  static constexpr std::uint32_t ring_capacity = 1024;
  static constexpr unsigned frames_per_call = 64;  // so that control's other work goes on

  [[nodiscard]] static Result<std::unique_ptr<KernelPort>> create(const KernelPortOptions& options,
                                                                  const MbufPool& pool);
  ~KernelPort();
  KernelPort(const KernelPort&) = delete;
  KernelPort& operator=(const KernelPort&) = delete;

  // --- control: wait for both descriptors, call the function that goes with each ---
  [[nodiscard]] const Tap& tap() const { return tap_; }
  /// Readable when the kernel has frames: from_kernel().
  [[nodiscard]] int tap_descriptor() const { return tap_.descriptor(); }
  /// Readable when workers have punted: to_kernel().
  [[nodiscard]] int wake_descriptor() const { return wake_; }
  /// Moves up to frames_per_call frames towards the wire. Returns how many it read.
  unsigned from_kernel();
  /// Moves up to frames_per_call packets into the kernel. Returns how many; if there may be more,
  /// the wake descriptor stays readable.
  unsigned to_kernel();
  /// Frames that control lost: no buffer, ring full, or refused by the kernel (interface down).
  [[nodiscard]] std::uint64_t lost_from_kernel() const { return lost_from_kernel_; }
  [[nodiscard]] std::uint64_t lost_to_kernel() const { return lost_to_kernel_; }

  /// Frees what waits in either direction; workers have left. The descriptors stay open.
  void clear() {
    to_kernel_.clear();
    from_kernel_.clear();
  }

  // --- any worker ---
  /// How many of the packets it took, from the first on.
  [[nodiscard]] unsigned punt(rte_mbuf* const* packets, unsigned count);

  // --- the worker that sends for the kernel ---
  [[nodiscard]] unsigned take(rte_mbuf** packets, unsigned count) {
    return from_kernel_.take(packets, count);
  }

 private:
  KernelPort(Tap tap, int wake, Ring to_kernel, Ring from_kernel, const MbufPool& pool,
             std::uint16_t vlan)
      : tap_(std::move(tap)),
        wake_(wake),
        to_kernel_(std::move(to_kernel)),
        from_kernel_(std::move(from_kernel)),
        pool_(pool),
        vlan_(vlan) {}
  [[nodiscard]] rte_mbuf* read_frame();
  void wake_control() const;

  Tap tap_;
  int wake_;
  Ring to_kernel_;
  Ring from_kernel_;
  const MbufPool& pool_;
  std::uint16_t vlan_;
  std::uint64_t lost_from_kernel_ = 0;  // control's
  std::uint64_t lost_to_kernel_ = 0;    // control's
  // True from a punt until control begins to empty the ring: the eventfd is written once in
  // between.
  alignas(64) std::atomic<bool> woken_{false};
};

/// Puts the tag behind the two MAC addresses. False: no headroom.
[[nodiscard]] bool add_tag(rte_mbuf* packet, std::uint16_t vlan);
/// Takes the tag away if the frame carries this one.
void remove_tag(rte_mbuf* packet, std::uint16_t vlan);

}  // namespace nic
