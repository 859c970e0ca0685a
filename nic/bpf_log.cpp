#include "nic/bpf_log.h"

#include <dlfcn.h>
#include <rte_log.h>

#include <cstdarg>
#include <cstdint>

namespace nic {
namespace {

// libbpf_print_fn_t and libxdp_print_fn_t, whose headers the build does not need for this alone.
// Levels of both: 0 warning, 1 information, 2 debug.
using Print = int (*)(int level, const char* format, va_list arguments);
using SetPrint = Print (*)(Print);

int print(int level, const char* format, va_list arguments) {
  // Their warnings are mostly about ways that were tried first (no bpffs): notices to us. What
  // fails in the end, the driver complains about.
  const std::uint32_t severity = level == 0   ? RTE_LOG_NOTICE
                                 : level == 1 ? RTE_LOG_INFO
                                              : RTE_LOG_DEBUG;
  return rte_vlog(severity, RTE_LOGTYPE_USER1, format, arguments);
}

void redirect(const char* library, const char* function) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  if (handle == nullptr) return;
  if (auto* set_print = reinterpret_cast<SetPrint>(dlsym(handle, function))) set_print(&print);
  dlclose(handle);
}

}  // namespace

void redirect_bpf_logs() {
  redirect("libbpf.so.1", "libbpf_set_print");
  redirect("libxdp.so.1", "libxdp_set_print");
}

}  // namespace nic
