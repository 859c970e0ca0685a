#include <cstddef>

#include "tests/sealed/watch.h"

// Of <sanitizer/allocator_interface.h>, which not every compiler's package brings.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const void*,
                                                                           std::size_t),
                                                         void (*on_free)(const void*));

namespace tests {
namespace {

thread_local bool watched = false;
thread_local Offences offences;

void count() {
  if (watched) ++offences.allocations;
}

}  // namespace

const bool watches_everything = false;

void watch() {
  [[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const void*, std::size_t) { count(); }, [](const void*) { count(); });
  offences = {};
  watched = true;
}
void unwatch() { watched = false; }
Offences seen() { return offences; }

}  // namespace tests
