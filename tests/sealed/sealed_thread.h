// SealedThread: runs a function where allocations and locks are counted and the first system call
// is the last: the kernel (seccomp) lets only the thread's own end through. See watch.h for what a
// sanitizer's build does instead.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>

#include "tests/sealed/watch.h"

namespace tests {

class SealedThread {
 public:
  /// Starts it. What `body` uses is made before; it may wait for other threads only by spinning.
  explicit SealedThread(std::function<void()> body);
  ~SealedThread();
  SealedThread(const SealedThread&) = delete;
  SealedThread& operator=(const SealedThread&) = delete;

  /// It has returned, or a system call has ended it.
  [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// Waits for its end; what it did that it may not.
  [[nodiscard]] Offences join();

 private:
  static void* start(void* self);
  static void on_system_call(int, siginfo_t* what, void*);
  void end();

  static thread_local SealedThread* running;

  std::function<void()> body_;
  pthread_t thread_{};
  bool joined_ = false;
  Offences offences_;
  std::atomic<bool> ended_{false};
};

}  // namespace tests
