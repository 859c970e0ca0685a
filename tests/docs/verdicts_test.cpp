// docs/metrics.md explains every verdict in the words that spillwayctl status has for it.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "dataplane/packet/verdict.h"

namespace {

TEST(Documents, EveryVerdictIsExplained) {
  const std::ifstream in{SPILLWAY_SOURCE_ROOT "/docs/metrics.md"};
  std::stringstream document;
  document << in.rdbuf();
  for (std::size_t i = 1; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<dataplane::Verdict>(i);
    const std::string row =
        "| `" + std::string(to_string(verdict)) + "` | " + std::string(explain(verdict)) + " |\n";
    EXPECT_NE(document.str().find(row), std::string::npos) << "docs/metrics.md lacks\n" << row;
  }
}

}  // namespace
