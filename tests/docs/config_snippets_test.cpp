// Every ```cfg block of the documents is a configuration that loads. A block that shows one section
// is completed with the smallest ports and target group that it can stand on.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "config/check.h"
#include "config/read.h"

namespace {

namespace fs = std::filesystem;

struct Snippet {
  std::string where;  // "docs/configuration.md:18"
  std::string text;
};

void PrintTo(const Snippet& snippet, std::ostream* out) { *out << snippet.where; }

std::vector<Snippet> snippets_of(const fs::path& file, const std::string& name) {
  std::vector<Snippet> found;
  std::ifstream in{file};
  std::string line;
  bool inside = false;
  for (int number = 1; std::getline(in, line); ++number) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      found.back().text += line + '\n';
    } else if (line == "```cfg") {
      inside = true;
      found.push_back({name + ":" + std::to_string(number), ""});
    }
  }
  if (inside) found.back().text = "the block does not end";
  return found;
}

std::vector<Snippet> all_snippets() {
  const fs::path root = SPILLWAY_SOURCE_ROOT;
  std::vector<fs::path> files = {root / "README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  }
  std::vector<Snippet> found;
  for (const fs::path& file : files) {
    for (Snippet& snippet : snippets_of(file, fs::relative(file, root).string())) {
      found.push_back(std::move(snippet));
    }
  }
  return found;
}

/// Appended, so that lines in errors are lines of the block.
std::string completed(const std::string& text) {
  const config::Reading reading = config::read_all_text(text, "snippet");
  std::string whole = text;
  if (!reading.config.places.written("ports")) {
    whole +=
        "ports = (\n"
        "  { name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; },\n"
        "  { name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; } );\n";
  }
  if (!reading.config.places.written("target_groups")) {
    whole +=
        "target_groups = ( { name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } "
        "); } );\n";
  }
  return whole;
}

class DocumentSnippet : public testing::TestWithParam<Snippet> {};

TEST_P(DocumentSnippet, Loads) {
  const auto loaded = config::load_text(completed(GetParam().text), GetParam().where);
  const auto* errors = std::get_if<config::Errors>(&loaded);
  EXPECT_EQ(errors, nullptr) << to_string(*errors) << completed(GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(All, DocumentSnippet, testing::ValuesIn(all_snippets()));

TEST(DocumentSnippets, AreFound) { EXPECT_GE(all_snippets().size(), 8u); }

}  // namespace
