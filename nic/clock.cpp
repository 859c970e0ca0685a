#include "nic/clock.h"

#include <cpuid.h>

#include <fstream>
#include <string>

namespace nic {

bool Clock::counter_is_steady() {
  // Invariant TSC (CPUID 8000_0007, EDX bit 8); hypervisors may hide it from a guest that has it,
  // then the kernel's own choice of clock says the same.
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0) return true;
  std::string source;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> source;
  return source == "tsc";
}

}  // namespace nic
