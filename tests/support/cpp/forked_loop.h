// ForkedLoop: an event loop that runs in a process of its own, so that what its targets cost and
// keep is not counted as the test's.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

namespace tests {

class ForkedLoop {
 public:
  ForkedLoop() = default;
  ForkedLoop(const ForkedLoop&) = delete;
  ForkedLoop& operator=(const ForkedLoop&) = delete;
  ~ForkedLoop() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  /// For targets to be made on, before fork().
  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }

  /// From now on all of it happens in the child; this process never runs the loop.
  void fork() {
    loop_.notify_fork(boost::asio::execution_context::fork_prepare);
    child_ = ::fork();
    if (child_ != 0) {
      loop_.notify_fork(boost::asio::execution_context::fork_parent);
      return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop_.notify_fork(boost::asio::execution_context::fork_child);
    loop_.run();
    _exit(0);
  }

 private:
  boost::asio::io_context loop_;
  pid_t child_ = -1;
};

}  // namespace tests
