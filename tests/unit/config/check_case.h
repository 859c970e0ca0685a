// Check cases: configurations with one thing wrong, and the one complaint that check() must make.
//
// The fixture is shared: check_test.cpp has its test, the other files add their tables of cases.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/config/sample.h"

namespace config {

/// A sample with one thing wrong, and the one complaint about it.
struct Case {
  const char* why;
  Sample sample;
  const char* setting;
  const char* words;
};

inline void PrintTo(const Case& one, std::ostream* out) { *out << one.why; }

inline std::string port(const std::string& keys) {
  return "{ name = \"a\"; device = \"net_null0\"; addresses = [\"10.0.1.2/24\"]; " + keys + " }";
}
inline std::string two_ports(const std::string& second) {
  return port("") + ",\n{ " + second + " }";
}
inline std::string group(const std::string& keys) {
  return "{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } ); " + keys +
         " }";
}
inline std::string targets(const std::string& list, const std::string& keys = "") {
  return "{ name = \"web\"; port = 8080; targets = ( " + list + " ); " + keys + " }";
}
inline std::string listener(const std::string& name, const std::string& keys = "") {
  return "{ name = \"" + name +
         "\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; " + keys + " }";
}

class Check : public testing::TestWithParam<Case> {};

}  // namespace config
