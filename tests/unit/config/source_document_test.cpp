#include "config/source_document.h"

#include "tests/unit/config/sample.h"

namespace config {
namespace {

Source source_of_file(const std::string& path) {
  auto loaded = load_source(path);
  if (auto* errors = std::get_if<Errors>(&loaded)) {
    ADD_FAILURE() << to_string(*errors);
    return {};
  }
  return std::get<Source>(loaded);
}

void expect_same_after_the_way(const Source& source) {
  const auto back = source_of(nlohmann::ordered_json::parse(source_document(source).dump()));
  ASSERT_TRUE(std::holds_alternative<Source>(back)) << std::get<std::string>(back);
  EXPECT_EQ(std::get<Source>(back).text, source.text);
  EXPECT_EQ(std::get<Source>(back).files, source.files);
  ASSERT_EQ(std::get<Source>(back).lines.size(), source.lines.size());
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    EXPECT_EQ(std::get<Source>(back).lines[i].file, source.lines[i].file) << i;
    EXPECT_EQ(std::get<Source>(back).lines[i].line, source.lines[i].line) << i;
  }
}

TEST(SourceDocument, KeepsTextFilesAndLines) {
  Files files;
  files.write("groups.cfg", "# a comment\ntarget_groups = (\n{ name = \"web\"; port = 1; }, );\n");
  const std::string path =
      files.write("edge.cfg",
                  "ports = ( { name = \"front\"; device = \"net_null0\"; } );\n/* two\nlines */\n"
                  "@include \"groups.cfg\"\nworkers = 4294967376;\nidle = \"sp\\\"in\"; # so\n");
  expect_same_after_the_way(source_of_file(path));
  expect_same_after_the_way(source_of_file(files.write("empty.cfg", "")));
}

TEST(SourceDocument, KeepsTheExamples) {
  const std::filesystem::path examples =
      std::filesystem::path(SPILLWAY_SOURCE_ROOT) / "config" / "examples";
  for (const auto& entry : std::filesystem::directory_iterator(examples)) {
    expect_same_after_the_way(source_of_file(entry.path().string()));
  }
}

TEST(SourceDocument, ErrorsNameTheFileAndLineThatTheTextCameFrom) {
  Files files;
  files.write("groups.cfg", "\n\ntarget_groups = ( { name = \"web\"; port = 70000; } );\n");
  const std::string path = files.write("edge.cfg", "@include \"groups.cfg\"\n");
  const auto back = source_of(source_document(source_of_file(path)));
  const auto loaded = load(std::get<Source>(back));
  const auto& errors = std::get<Errors>(loaded);
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors.back().file, files.path("groups.cfg"));
  EXPECT_EQ(errors.back().line, 3);
}

TEST(SourceDocument, WhatHasNotBeenThroughTheScannerIsRefused) {
  for (const char* document :
       {"{}", "[]", "null", R"({"text": "a = 1;\n", "files": [], "lines": []})",
        R"({"text": 1, "files": ["a"], "lines": []})",
        R"({"text": "a = 1;\n", "files": ["a"], "lines": [[1, 1, 1]]})",
        R"({"text": "a = 1;\n", "files": ["a"], "lines": [[0, 1, 99]]})",
        R"({"text": "a = 1;\n", "files": ["a"], "lines": [[0, -1, 1]]})",
        R"({"text": "a = 1;\n", "files": ["a"], "lines": [[0, 1]]})",
        R"({"text": "@include \"/etc\"\n", "files": ["a"], "lines": [[0, 1, 1]]})",
        R"({"text": "a = ( 1\n", "files": ["a"], "lines": [[0, 1, 1]]})",
        R"({"text": "a = 1; # comment\n", "files": ["a"], "lines": [[0, 1, 1]]})"}) {
    EXPECT_TRUE(
        std::holds_alternative<std::string>(source_of(nlohmann::ordered_json::parse(document))))
        << document;
  }
}

}  // namespace
}  // namespace config
