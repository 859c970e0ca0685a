// poll(): a worker's thread is a loop over "do some work, say how much". This is the loop.
//
// It reads the clock once per turn, and decides what to do when there was nothing to do. One writer
// (control) sets the stop flag; the worker reads it once per turn.
#pragma once

#include <rte_pause.h>
#include <sched.h>
#include <time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet/clock.h"
#include "nic/clock.h"

namespace nic {

/// What a worker does when its ports have nothing for it.
enum class Idle : std::uint8_t {
  Spin,   // poll on
  Yield,  // let others of the same CPU run between empty polls
  Sleep,  // after some empty polls, sleep up to 100 µs between them
};

class StopFlag {
 public:
  // relaxed: nothing is handed over with it; joining the thread is what orders its work before
  // ours.
  void raise() { raised_.store(true, std::memory_order_relaxed); }
  void lower() { raised_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool raised() const { return raised_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> raised_{false};
};

/// Calls turn(Instant) → packets until the flag is raised.
template <class Turn>
void poll(Turn&& turn, const Clock& clock, Idle idle, const StopFlag& stop) {
  constexpr unsigned patience = 256;                       // empty polls before the first sleep
  constexpr timespec nap{.tv_sec = 0, .tv_nsec = 50'000};  // the kernel's timer slack doubles it
  unsigned empty = 0;
  while (!stop.raised()) {
    if (turn(clock.now()) != 0) {
      empty = 0;
      continue;
    }
    if (empty < patience) ++empty;
    switch (idle) {
      case Idle::Spin: rte_pause(); break;
      case Idle::Yield: sched_yield(); break;
      case Idle::Sleep:
        if (empty == patience) clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
        break;
    }
  }
}

}  // namespace nic
