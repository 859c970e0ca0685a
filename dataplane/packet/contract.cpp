#include "dataplane/packet/contract.h"

#include <cstdio>
#include <cstdlib>

namespace dataplane {

void contract_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace dataplane
