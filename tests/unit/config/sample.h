// Sample: the smallest configuration that serves something, in parts that a test replaces; and what
// to ask of the errors that come of it. Files: a directory for a test's files.
//
// Used by the tests of config/ alone.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>

#include "config/check.h"
#include "config/errors.h"
#include "config/read.h"

namespace config {

struct Sample {
  std::string top = "";
  std::string ports =
      "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; },\n"
      "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/24\"]; }";
  std::string neighbours = "";
  std::string groups =
      "{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } ); }";
  std::string listeners =
      "{ name = \"web\"; address = \"198.51.100.10\"; port = 80; target_group = \"web\"; }";

  [[nodiscard]] std::string text() const {
    return top + "ports = (\n" + ports + ");\nneighbours = (\n" + neighbours +
           ");\ntarget_groups = (\n" + groups + ");\nlisteners = (\n" + listeners + ");\n";
  }
};

inline Errors errors_in(const std::string& text) {
  auto result = load_text(text, "test.cfg");
  if (auto* errors = std::get_if<Errors>(&result)) return std::move(*errors);
  return {};
}
inline Errors errors_in(const Sample& sample) { return errors_in(sample.text()); }

/// The config of a text that must be right.
inline Config config_of(const std::string& text) {
  auto result = load_text(text, "test.cfg");
  if (const auto* errors = std::get_if<Errors>(&result)) {
    ADD_FAILURE() << to_string(*errors);
    return {};
  }
  return std::move(std::get<Config>(result));
}
inline Config config_of(const Sample& sample) { return config_of(sample.text()); }

/// What read() makes of a text that is right, or wrong, value by value.
inline Config read_right(const std::string& text) {
  auto result = read_text(text, "test.cfg");
  if (const auto* errors = std::get_if<Errors>(&result)) {
    ADD_FAILURE() << to_string(*errors);
    return {};
  }
  return std::move(std::get<Config>(result));
}

inline Errors read_wrong(const std::string& text) {
  auto result = read_text(text, "test.cfg");
  if (auto* errors = std::get_if<Errors>(&result)) return std::move(*errors);
  ADD_FAILURE() << "nothing is wrong with " << text;
  return {};
}

/// Every error says where, what is wrong, what is allowed, and what to do.
inline void expect_complete(const Errors& errors) {
  for (const Error& error : errors) {
    EXPECT_FALSE(error.file.empty()) << to_string(error);
    EXPECT_FALSE(error.problem.empty()) << to_string(error);
    EXPECT_FALSE(error.allowed.empty()) << to_string(error);
    EXPECT_FALSE(error.remedy.empty()) << to_string(error);
  }
}

/// Exactly one error, about this setting, with these words in what it says.
inline void expect_only(const Errors& errors, const std::string& setting,
                        const std::string& words) {
  expect_complete(errors);
  ASSERT_EQ(errors.size(), 1u) << to_string(errors);
  EXPECT_EQ(errors[0].setting, setting);
  EXPECT_NE(to_string(errors[0]).find(words), std::string::npos) << to_string(errors[0]);
}

/// A directory for one test's files, gone afterwards.
class Files {
 public:
  Files() {
    std::string path = (std::filesystem::temp_directory_path() / "spillway-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root_ = path;
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream{root_ / name, std::ios::binary} << text;
    return path(name);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace config
