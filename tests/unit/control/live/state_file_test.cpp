#include "control/live/state_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config/sample.h"

namespace control {
namespace {

class StateFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return files_.path("deep/er/edge-1.state"); }
  static std::string text_of(const StateFile& file) {
    const auto read = file.read();
    return std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : "none";
  }
  config::Files files_;
};

TEST_F(StateFileTest, IsReplacedAsAWhole) {
  StateFile file{path()};
  EXPECT_TRUE(std::holds_alternative<StateFile::Absent>(file.read()));
  ASSERT_EQ(file.prepare("one"), std::nullopt);
  EXPECT_EQ(text_of(file), "none") << "before commit()";
  ASSERT_EQ(file.commit(), std::nullopt);
  EXPECT_EQ(text_of(file), "one");
  ASSERT_EQ(file.prepare("two"), std::nullopt);
  EXPECT_EQ(text_of(file), "one");
  file.abandon();
  EXPECT_EQ(text_of(file), "one");
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u & 0777u);
}

TEST_F(StateFileTest, OfNothingIsNoFile) {
  StateFile file{path()};
  ASSERT_EQ(file.prepare(""), std::nullopt);
  ASSERT_EQ(file.commit(), std::nullopt) << "there was none";
  EXPECT_FALSE(std::filesystem::exists(files_.path("deep")));
  ASSERT_EQ(file.prepare("one"), std::nullopt);
  ASSERT_EQ(file.commit(), std::nullopt);
  ASSERT_EQ(file.prepare(""), std::nullopt);
  EXPECT_EQ(text_of(file), "one");
  ASSERT_EQ(file.commit(), std::nullopt);
  EXPECT_TRUE(std::holds_alternative<StateFile::Absent>(file.read()));
}

TEST_F(StateFileTest, ALeftoverOrALinkBesideItIsNoWayOut) {
  StateFile file{path()};
  files_.write("deep/er/edge-1.state.new", "half of an older o");
  const std::string victim = files_.write("victim", "precious");
  ASSERT_EQ(file.prepare("one"), std::nullopt);
  ASSERT_EQ(file.commit(), std::nullopt);
  EXPECT_EQ(text_of(file), "one");
  ASSERT_EQ(symlink(victim.c_str(), (path() + ".new").c_str()), 0);
  ASSERT_EQ(file.prepare("two"), std::nullopt);
  ASSERT_EQ(file.commit(), std::nullopt);
  EXPECT_EQ(text_of(StateFile{victim}), "precious");
}

TEST_F(StateFileTest, SaysWhatCannotBeWritten) {
  files_.write("deep", "no directory");
  StateFile file{path()};
  const auto error = file.prepare("one");
  ASSERT_TRUE(error);
  EXPECT_NE(error->find("--state-dir"), std::string::npos) << *error;
}

TEST_F(StateFileTest, OfAnotherUsersDirectoryIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a directory away";
  files_.write("deep/er/x", "");
  ASSERT_EQ(chown(files_.path("deep/er").c_str(), 65534, 65534), 0);
  StateFile file{path()};
  const auto error = file.prepare("one");
  ASSERT_TRUE(error);
  EXPECT_NE(error->find("belongs to another user (uid 65534)"), std::string::npos) << *error;
}

TEST_F(StateFileTest, IsSetAsideAndNotLost) {
  StateFile file{path()};
  EXPECT_EQ(file.set_aside(), std::nullopt) << "there is none";
  ASSERT_EQ(file.prepare("one"), std::nullopt);
  ASSERT_EQ(file.commit(), std::nullopt);
  ASSERT_EQ(file.set_aside(), std::nullopt);
  EXPECT_EQ(text_of(file), "none");
  EXPECT_EQ(text_of(StateFile{path() + ".discarded"}), "one");
}

TEST_F(StateFileTest, ADirectoryInItsPlaceIsUnreadable) {
  std::filesystem::create_directories(path());
  EXPECT_TRUE(std::holds_alternative<StateFile::Unreadable>(StateFile{path()}.read()));
}

}  // namespace
}  // namespace control
