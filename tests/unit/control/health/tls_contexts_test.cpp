#include "control/health/tls_contexts.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/support/cpp/certificate.h"

namespace control {
namespace {

namespace fs = std::filesystem;
using Context = TlsContexts::Context;

Context context_of(const std::variant<Context, std::string>& found) {
  const auto* context = std::get_if<Context>(&found);
  EXPECT_NE(context, nullptr) << std::get<std::string>(found);
  return context == nullptr ? nullptr : *context;
}

config::TlsCheck verifying(const std::string& ca_file) {
  return {"", true, ca_file, config::TlsVersion::Tls12};
}

class TlsContextsTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(directory_);
    tests::Certificate("DNS:a.example").write(file_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_ = fs::path(testing::TempDir()) / fs::path("tls_contexts_test");
  fs::path file_ = directory_ / "ca.pem";
  TlsContexts contexts_;
};

TEST_F(TlsContextsTest, SharesThemBetweenEqualSettings) {
  const Context one = context_of(contexts_.get({}));
  EXPECT_EQ(context_of(contexts_.get({"b.example", false, "", config::TlsVersion::Tls12})), one)
      << "the name is the connection's";
  EXPECT_NE(context_of(contexts_.get({"", false, "", config::TlsVersion::Tls13})), one);
  const Context verifies = context_of(contexts_.get(verifying(file_)));
  EXPECT_NE(verifies, one);
  EXPECT_EQ(context_of(contexts_.get(verifying(file_))), verifies);
  EXPECT_EQ(contexts_.size(), 3u);
}

TEST_F(TlsContextsTest, ReadsAChangedFileAgain) {
  const config::TlsCheck settings = verifying(file_);
  const Context before = context_of(contexts_.get(settings));
  fs::last_write_time(file_, fs::last_write_time(file_) + std::chrono::seconds(2));
  EXPECT_NE(context_of(contexts_.get(settings)), before);
  EXPECT_EQ(contexts_.size(), 1u) << "in the place of the old one";
}

TEST_F(TlsContextsTest, SaysWhyThereIsNone) {
  const std::string missing = directory_ / "missing.pem";
  const auto none = contexts_.get(verifying(missing));
  ASSERT_TRUE(std::holds_alternative<std::string>(none));
  EXPECT_EQ(std::get<std::string>(none).rfind("not checked: ca_file " + missing + ": ", 0), 0u)
      << std::get<std::string>(none);
  std::ofstream(file_) << "no certificate";
  const auto wrong = contexts_.get(verifying(file_));
  EXPECT_TRUE(std::holds_alternative<std::string>(wrong));
  EXPECT_EQ(contexts_.size(), 0u);
}

TEST_F(TlsContextsTest, AreBounded) {
  for (std::size_t i = 0; i < TlsContexts::contexts_max; ++i) {
    const fs::path copy = directory_ / std::to_string(i);
    fs::create_hard_link(file_, copy);
    context_of(contexts_.get(verifying(copy)));
  }
  EXPECT_EQ(contexts_.size(), TlsContexts::contexts_max);
  context_of(contexts_.get(verifying(file_)));
  EXPECT_EQ(contexts_.size(), 1u);
}

}  // namespace
}  // namespace control
