// The seal itself: each kind of call that a worker may not make is noticed, so its silence in
// quiet_test.cpp means something.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/sealed/sealed_thread.h"

namespace tests {
namespace {

std::atomic<void*> kept;  // so that no compiler leaves an allocation out

Offences offences_of(std::function<void()> body) { return SealedThread(std::move(body)).join(); }

TEST(Seal, LetsThroughWhatIsInOrder) {
  std::atomic<int> sum{0};
  const Offences none = offences_of([&] {
    for (int i = 0; i < 1000; ++i) sum.store(sum.load() + i);
  });
  EXPECT_EQ(none, Offences{});
  EXPECT_EQ(sum.load(), 499'500);
}

// `kept` and the free are for the sanitizers' builds; in others a new thread's first allocation
// needs a system call, which ends it there.
void keep(void* memory) {
  kept = memory;
  std::free(kept.exchange(nullptr));
}

TEST(Seal, NoticesEveryWayToAllocate) {
  std::vector<std::pair<const char*, std::function<void()>>> ways = {
      {"malloc", [] { keep(std::malloc(8)); }},
      {"calloc", [] { keep(std::calloc(1, 8)); }},
      {"realloc", [] { keep(std::realloc(nullptr, 1 << 20)); }},
      {"new", [] { std::make_unique<std::atomic<int>>(1)->store(2); }},
      {"new, aligned",
       [] {
         kept = ::operator new (64, std::align_val_t{64});
         ::operator delete (kept.exchange(nullptr), std::align_val_t{64});
       }},
      {"new, no exception",
       [] {
         kept = ::operator new(8, std::nothrow);
         ::operator delete(kept.exchange(nullptr));
       }},
      {"string", [] { kept = std::make_shared<std::string>(100, 'x').get(); }},
  };
  if (watches_everything) {  // ThreadSanitizer's hooks leave these two out
    ways.emplace_back("aligned_alloc", [] { keep(std::aligned_alloc(64, 64)); });
    ways.emplace_back("posix_memalign", [] {
      void* given = nullptr;
      if (posix_memalign(&given, 64, 64) == 0) keep(given);
    });
  }
  for (const auto& [name, way] : ways) EXPECT_GE(offences_of(way).allocations, 1u) << name;
}

TEST(Seal, NoticesFrees) {
  void* memory = std::malloc(64);
  EXPECT_EQ(offences_of([=] { std::free(memory); }).allocations, 1u);
}

TEST(Seal, NoticesLocks) {
  std::mutex mutex;
  std::shared_mutex shared;
  std::condition_variable condition;
  pthread_spinlock_t spin{};
  ASSERT_EQ(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
  const auto locks = [](std::function<void()> body) { return offences_of(std::move(body)).locks; };
  const std::uint64_t two = watches_everything ? 2 : 0;
  EXPECT_EQ(locks([&] { std::lock_guard guard(mutex); }), two);
  EXPECT_EQ(locks([&] { std::lock_guard guard(shared); }), two);
  EXPECT_EQ(locks([&] { std::shared_lock guard(shared); }), two);
  EXPECT_EQ(locks([&] {
              pthread_spin_lock(&spin);
              pthread_spin_unlock(&spin);
            }),
            two);
  EXPECT_EQ(locks([&] {
              condition.notify_one();
              condition.notify_all();
            }),
            two);
}

TEST(Seal, EndsAtTheFirstSystemCall) {
  std::atomic<bool> went_on{false};
  const Offences caught = offences_of([&] {
    syscall(SYS_getppid);
    went_on = true;
  });
  EXPECT_EQ(caught.system_call, watches_everything ? SYS_getppid : -1);
  EXPECT_EQ(went_on.load(), !watches_everything);
}

}  // namespace
}  // namespace tests
