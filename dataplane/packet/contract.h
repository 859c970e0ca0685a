// CHECK and DCHECK: the two grades of "our own mistake".
//
// CHECK is always on: start-up, control, once per burst. DCHECK is for per-packet conditions: on in
// tests, fuzzers and sanitizer builds (SPILLWAY_DCHECKS), free otherwise. One condition per check,
// so that the message names the one that failed. Neither is for packets or operators: an odd packet
// gets a Verdict, an odd config a message.
#pragma once

namespace dataplane {

[[noreturn]] void contract_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace dataplane

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::dataplane::contract_failed(#condition, __FILE__, __LINE__))

#ifdef SPILLWAY_DCHECKS
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif
