// The names below stand in this program in front of the C library's, for the program itself and
// for the libraries it uses (libstdc++'s operator new, for one).
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tests/sealed/watch.h"

namespace tests {
namespace {

thread_local bool watched = false;
thread_local Offences offences;

void count_allocation() {
  if (watched) ++offences.allocations;
}

/// Counts, and then calls the C library's function of that name.
template <class Function>
class Lock {
 public:
  explicit constexpr Lock(const char* name) : name_(name) {}

  template <class... Arguments>
  int operator()(Arguments... arguments) {
    if (watched) ++offences.locks;
    void* found = real_.load(std::memory_order_relaxed);
    if (found == nullptr) {  // whoever is first; all find the same
      found = dlsym(RTLD_NEXT, name_);
      real_.store(found, std::memory_order_relaxed);
    }
    return reinterpret_cast<Function*>(found)(arguments...);
  }

 private:
  const char* name_;
  std::atomic<void*> real_{nullptr};
};

using OnMutex = int(pthread_mutex_t*);
using OnRwlock = int(pthread_rwlock_t*);
using OnCondition = int(pthread_cond_t*);
using OnSpinlock = int(pthread_spinlock_t*);
using OnSemaphore = int(sem_t*);

constinit Lock<OnMutex> mutex_lock("pthread_mutex_lock");
constinit Lock<OnMutex> mutex_trylock("pthread_mutex_trylock");
constinit Lock<OnMutex> mutex_unlock("pthread_mutex_unlock");
constinit Lock<OnRwlock> rwlock_rdlock("pthread_rwlock_rdlock");
constinit Lock<OnRwlock> rwlock_wrlock("pthread_rwlock_wrlock");
constinit Lock<OnRwlock> rwlock_unlock("pthread_rwlock_unlock");
constinit Lock<int(pthread_cond_t*, pthread_mutex_t*)> cond_wait("pthread_cond_wait");
constinit Lock<OnCondition> cond_signal("pthread_cond_signal");
constinit Lock<OnCondition> cond_broadcast("pthread_cond_broadcast");
constinit Lock<OnSpinlock> spin_lock("pthread_spin_lock");
constinit Lock<OnSpinlock> spin_unlock("pthread_spin_unlock");
constinit Lock<OnSemaphore> semaphore_wait("sem_wait");
constinit Lock<OnSemaphore> semaphore_post("sem_post");

}  // namespace

const bool watches_everything = true;

void watch() {
  offences = {};
  watched = true;
}
void unwatch() { watched = false; }
Offences seen() { return offences; }

}  // namespace tests

extern "C" {

// glibc's own allocator, by the names that it has for such as us.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);

void* malloc(std::size_t size) noexcept {
  tests::count_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  tests::count_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  tests::count_allocation();
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  tests::count_allocation();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  tests::count_allocation();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  tests::count_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) noexcept {
  tests::count_allocation();
  __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept { return tests::mutex_lock(mutex); }
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept { return tests::mutex_trylock(mutex); }
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept { return tests::mutex_unlock(mutex); }
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept { return tests::rwlock_rdlock(lock); }
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept { return tests::rwlock_wrlock(lock); }
int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept { return tests::rwlock_unlock(lock); }
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return tests::cond_wait(condition, mutex);
}
int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  return tests::cond_signal(condition);
}
int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  return tests::cond_broadcast(condition);
}
int pthread_spin_lock(pthread_spinlock_t* lock) noexcept { return tests::spin_lock(lock); }
int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept { return tests::spin_unlock(lock); }
int sem_wait(sem_t* semaphore) { return tests::semaphore_wait(semaphore); }
int sem_post(sem_t* semaphore) noexcept { return tests::semaphore_post(semaphore); }

}  // extern "C"
