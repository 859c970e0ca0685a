#include "tests/sealed/sealed_thread.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <utility>

#include "dataplane/packet/contract.h"

namespace tests {
namespace {

/// From here on this thread gets SIGSYS for every system call but exit.
void seal() {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
}

}  // namespace

thread_local SealedThread* SealedThread::running = nullptr;

SealedThread::SealedThread(std::function<void()> body) : body_(std::move(body)) {
  struct sigaction action {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  CHECK(sigaction(SIGSYS, &action, nullptr) == 0);
  CHECK(pthread_create(&thread_, nullptr, start, this) == 0);
}

SealedThread::~SealedThread() {
  if (!joined_) CHECK(pthread_join(thread_, nullptr) == 0);
}

Offences SealedThread::join() {
  CHECK(!joined_);
  CHECK(pthread_join(thread_, nullptr) == 0);
  joined_ = true;
  return offences_;
}

void* SealedThread::start(void* self) {
  running = static_cast<SealedThread*>(self);
  if (watches_everything) seal();
  watch();
  running->body_();
  running->end();
  return nullptr;
}

void SealedThread::on_system_call(int, siginfo_t* what, void*) {
  if (running == nullptr) abort();  // somebody else's SIGSYS
  unwatch();
  running->offences_.system_call = what->si_syscall;
  running->end();
}

void SealedThread::end() {
  unwatch();
  offences_.allocations = seen().allocations;
  offences_.locks = seen().locks;
  ended_.store(true, std::memory_order_release);  // pairs with ended()
  // A thread's usual end makes system calls; without a seal it may.
  if (watches_everything) syscall(SYS_exit, 0);
}

}  // namespace tests
