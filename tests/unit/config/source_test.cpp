#include "config/source.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config/sample.h"

namespace config {
namespace {

struct Broken {
  std::string text;
  int line;
  const char* words;
};

void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.text.substr(0, 60); }

class ReadBroken : public testing::TestWithParam<Broken> {};

TEST_P(ReadBroken, IsOneErrorWithTheLineOfTheCause) {
  const Errors errors = read_wrong(GetParam().text);
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_EQ(errors[0].line, GetParam().line) << to_string(errors);
  EXPECT_NE(to_string(errors[0]).find(GetParam().words), std::string::npos) << to_string(errors);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReadBroken,
    testing::Values(
        Broken{"", 0, "there is no setting in this file"},
        Broken{"# only\n// comments\n/* here */\n", 0, "there is no setting in this file"},
        Broken{"a = 1;\nb = front;\n", 2, "\"b = front;\": syntax error"},
        Broken{"a = 1;\n\na = 2;\n", 3, "there twice"},
        Broken{"a = 1;\nb = [1,\n \"x\"];\n", 3, "different types"},
        Broken{"a = 1;\nb = \"x;\nc = 2;\n", 2, "string that begins in this line does not end"},
        Broken{"a = 1; /*\n\n", 1, "comment that begins in this line does not end"},
        Broken{"a = (\n{ b = 1;\n);\n", 3, "'}' must close the '{' of line 2"},
        Broken{"a = (\n{ b = 1; }\n\n", 1, "the '(' in this line is never closed"},
        Broken{"a = 1;\n);\n", 2, "')' closes nothing"},
        Broken{std::string{"a = 1;\nb = \"x\0y\";\n", 18}, 2, "NUL byte"},
        Broken{"a = 1;\nb = \"x\\x00y\";\n", 2, "NUL byte"},
        Broken{"a = 1;\n@include \"other.cfg\"\n", 2, "not in a file"},
        Broken{"a = 1;\n  @include other.cfg\n", 2, "@include \"FILE\""},
        Broken{"a = 1;\nb = @x;\n", 2, "syntax error"},
        Broken{"a = " + std::string(65, '(') + std::string(65, ')') + ";", 1, "nested too deeply"},
        Broken{"a = " + std::string(100'000, '('), 1, "nested too deeply"}));

TEST(Read, IsNotMisledByCommentsAndStrings) {
  const Config config = read_right(
      "instance = \"a/*b\"; # \"no string\n"
      "/* @include \"x\"\n@include \"y\"\n*/ ports = (); // ( [ {\n"
      "workers = 2; /* \" */ punt_rate = 7;\n");
  EXPECT_EQ(config.instance, "a/*b");
  EXPECT_EQ(config.workers, 2u);
  EXPECT_EQ(config.punt_rate, 7u);
}

TEST(Read, RefusesAGroupOrListThatIsTooLong) {
  std::string keys, elements;
  for (int i = 0; i < 1001; ++i) keys += fmt::format("k{} = 1;\n", i);
  for (int i = 0; i < 16'385; ++i) elements += "1,\n";
  const Errors of_keys = read_wrong(keys);
  ASSERT_EQ(of_keys.size(), 1u);
  EXPECT_EQ(of_keys[0].line, 1001);
  const Errors of_elements = read_wrong("workers = (\n" + elements + "1);");
  ASSERT_EQ(of_elements.size(), 1u);
  EXPECT_EQ(of_elements[0].line, 16'385);
}

// --- files ---

Errors errors_of_file(const std::string& path) {
  auto result = read(path);
  if (auto* errors = std::get_if<Errors>(&result)) return std::move(*errors);
  ADD_FAILURE() << "nothing is wrong with " << path;
  return {};
}

void expect_refused(const std::string& path, const std::string& words) {
  const Errors errors = errors_of_file(path);
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_EQ(errors[0].file, path);
  EXPECT_NE(errors[0].problem.find(words), std::string::npos) << to_string(errors);
}

TEST(ReadFile, ReadsAFile) {
  const Files files;
  auto result = read(files.write("a.cfg", "ports = ();\n"));
  ASSERT_TRUE(std::holds_alternative<Config>(result));
  EXPECT_EQ(std::get<Config>(result).file, files.path("a.cfg"));
}

TEST(ReadFile, RefusesWhatIsNoFile) {
  const Files files;
  expect_refused(files.path("missing.cfg"), "No such file or directory");
  expect_refused(files.root().string(), "is a directory");
  expect_refused(files.write("empty.cfg", ""), "there is no setting");
  expect_refused(files.write("file", "") + "/below", "Not a directory");
  expect_refused("/dev/zero", "is not a regular file");
  ASSERT_EQ(mkfifo(files.path("fifo").c_str(), 0600), 0);
  expect_refused(files.path("fifo"), "is not a regular file");  // and does not wait for a writer
}

TEST(ReadFile, RefusesAFileOf10MegabytesOrABinary) {
  const Files files;
  expect_refused(files.write("large.cfg", std::string(10'000'000, ' ')),
                 "is too large (10000000 bytes)");
  expect_refused(files.write("binary", std::string("\x7f"
                                                   "ELF\0\0",
                                                   6)),
                 "NUL byte");
}

TEST(ReadFile, TakesAFileOfNearly8MiB) {
  const Files files;
  const std::string text =
      "ports = ();\n" + std::string(source_size_max - 100, '#') + "\nworkers = 3;";
  auto result = read(files.write("large.cfg", text));
  ASSERT_TRUE(std::holds_alternative<Config>(result));
  EXPECT_EQ(std::get<Config>(result).workers, 3u);
}

TEST(ReadFile, RefusesWhatItMayNotRead) {
  const Files files;
  const std::string path = files.write("secret.cfg", "ports = ();\n");
  ASSERT_EQ(chmod(path.c_str(), 0000), 0);
  ASSERT_EQ(chmod(files.root().c_str(), 0755), 0);
  const bool root = geteuid() == 0;  // root may read everything: be nobody for a moment
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  expect_refused(path, "Permission denied");
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
}

// --- @include ---

TEST(Include, PutsAFileInItsPlace) {
  const Files files;
  files.write("conf/groups.cfg", "target_groups = (\n  @include \"web.cfg\"\n);");
  files.write("conf/web.cfg", "{ name = \"web\";\n  port = 8080; }");
  const std::string path =
      files.write("main.cfg", "ports = ();\n@include \"conf/groups.cfg\"\nworkers = 3;\n");
  auto result = read(path);
  ASSERT_TRUE(std::holds_alternative<Config>(result)) << to_string(std::get<Errors>(result));
  const Config& config = std::get<Config>(result);
  EXPECT_EQ(config.workers, 3u);
  ASSERT_EQ(config.target_groups.size(), 1u);
  EXPECT_EQ(config.target_groups[0].port, 8080);
  const Place place = config.places.find("target_groups[0].port");
  EXPECT_EQ(config.places.file_name(place), files.path("conf/web.cfg"));
  EXPECT_EQ(place.line, 2);
}

TEST(Include, NamesTheIncludedFileInItsErrors) {
  const Files files;
  files.write("part.cfg", "\n\nidle = 3;\n");
  const std::string path = files.write(
      "main.cfg", "ports = ();\nworkers = 0;\n@include \"part.cfg\"\npunt_rate = -1;\n");
  const Errors errors = errors_of_file(path);
  ASSERT_EQ(errors.size(), 3u) << to_string(errors);
  EXPECT_EQ(errors[0].line, 2);
  EXPECT_EQ(errors[1].line, 4);
  EXPECT_EQ(errors[1].file, path);
  EXPECT_EQ(errors[2].line, 3);
  EXPECT_EQ(errors[2].file, files.path("part.cfg"));
}

TEST(Include, NamesTheIncludedFileInSyntaxErrors) {
  const Files files;
  files.write("part.cfg", "idle = \"spin\";\nidle = \"spin\";\n");
  files.write("open.cfg", "\n(\n");
  const Errors twice =
      errors_of_file(files.write("main.cfg", "ports = ();\n@include \"part.cfg\"\n"));
  ASSERT_EQ(twice.size(), 1u);
  EXPECT_EQ(twice[0].file, files.path("part.cfg"));
  EXPECT_EQ(twice[0].line, 2);
  const Errors open =
      errors_of_file(files.write("main.cfg", "ports = ();\n@include \"open.cfg\"\n"));
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].file, files.path("open.cfg"));
  EXPECT_EQ(open[0].line, 2);
}

TEST(Include, SaysWhereAFileThatCannotBeReadIsWanted) {
  const Files files;
  const std::string path = files.write(
      "main.cfg", "ports = ();\n@include \"missing.cfg\"\n@include \".\"\n@include \"big.cfg\"\n");
  files.write("big.cfg", std::string(source_size_max, ' '));
  const Errors errors = errors_of_file(path);
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 3u) << to_string(errors);
  EXPECT_EQ(errors[0].line, 2);
  EXPECT_NE(errors[0].problem.find("No such file"), std::string::npos);
  EXPECT_NE(errors[0].value.find("missing.cfg"), std::string::npos);
  EXPECT_NE(errors[1].problem.find("is a directory"), std::string::npos);
  EXPECT_NE(errors[2].problem.find("is too large"), std::string::npos) << "together they are";
  for (const Error& error : errors) EXPECT_EQ(error.file, path);
}

TEST(Include, RefusesCyclesAndDepth) {
  const Files files;
  files.write("a.cfg", "@include \"b.cfg\"\n");
  files.write("b.cfg", "\n@include \"./a.cfg\"\n");
  const Errors cycle = errors_of_file(files.path("a.cfg"));
  ASSERT_EQ(cycle.size(), 1u) << to_string(cycle);
  EXPECT_EQ(cycle[0].file, files.path("b.cfg"));
  EXPECT_EQ(cycle[0].line, 2);
  for (int i = 0; i < 12; ++i) {
    files.write(fmt::format("d{}.cfg", i), fmt::format("@include \"d{}.cfg\"\n", i + 1));
  }
  const Errors depth = errors_of_file(files.path("d0.cfg"));
  ASSERT_EQ(depth.size(), 1u) << to_string(depth);
  EXPECT_NE(depth[0].problem.find("too deeply"), std::string::npos);
}

}  // namespace
}  // namespace config
