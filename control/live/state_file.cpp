#include "control/live/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "dataplane/packet/contract.h"

namespace control {
namespace {

namespace fs = std::filesystem;

/// An open file, closed in the end.
class OpenFile {
 public:
  explicit OpenFile(int number) : number_(number) {}
  ~OpenFile() {
    if (number_ >= 0) ::close(number_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool good() const { return number_ >= 0; }

 private:
  int number_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(file, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace

StateFile::StateFile(StateFile&& other) noexcept
    : path_(std::move(other.path_)), prepared_(std::exchange(other.prepared_, Prepared::Nothing)) {}

fs::path StateFile::beside() const { return path_.string() + ".new"; }

std::string StateFile::failure(const char* what) const {
  return fmt::format(
      "{}: cannot {}: {}; make room, give the user that runs spillway the right to "
      "write there, or choose another directory with --state-dir",
      path_.string(), what, std::strerror(errno));
}

std::variant<std::string, StateFile::Absent, StateFile::Unreadable> StateFile::read() const {
  const OpenFile file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.good() && (errno == ENOENT || errno == ENOTDIR)) return Absent{};
  if (!file.good()) {
    return Unreadable{fmt::format("{}: cannot be read: {}", path_.string(), std::strerror(errno))};
  }
  std::string text;
  char chunk[65'536];
  for (;;) {
    const ssize_t size = ::read(file.number(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return Unreadable{
          fmt::format("{}: cannot be read: {}", path_.string(), std::strerror(errno))};
    }
    if (size == 0) return text;
    text.append(chunk, static_cast<std::size_t>(size));
    if (text.size() > size_max) {
      return Unreadable{fmt::format("{}: is larger than {} bytes, which Spillway never writes",
                                    path_.string(), size_max)};
    }
  }
}

/// Root's is open to look into, anybody else's is private. In /tmp anybody may have made it first.
std::optional<std::string> StateFile::make_directory() const {
  const fs::path directory = path_.parent_path();
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);  // what is missing is said below
  if (::mkdir(directory.c_str(), geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST) {
    return failure("make its directory");
  }
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return failure("look at its directory");
  if (!S_ISDIR(status.st_mode)) {
    return fmt::format("{} is not a directory; choose another with --state-dir",
                       directory.string());
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return fmt::format("{} belongs to another user (uid {}); choose another with --state-dir",
                       directory.string(), status.st_uid);
  }
  return std::nullopt;
}

std::optional<std::string> StateFile::prepare(const std::string& text) {
  abandon();
  if (text.empty()) {
    prepared_ = Prepared::Removal;
    return std::nullopt;
  }
  if (auto error = make_directory()) return error;
  // O_EXCL: never through a link that somebody else has laid.
  ::unlink(beside().c_str());
  const OpenFile file(
      ::open(beside().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!file.good()) return failure("write");
  prepared_ = Prepared::Text;
  if (!write_all(file.number(), text) || ::fsync(file.number()) != 0) {
    std::string sentence = failure("write");
    abandon();
    return sentence;
  }
  return std::nullopt;
}

std::optional<std::string> StateFile::commit() {
  CHECK(prepared_ != Prepared::Nothing);
  const Prepared prepared = std::exchange(prepared_, Prepared::Nothing);
  if (prepared == Prepared::Removal) {
    if (::unlink(path_.c_str()) == 0) return sync_directory();
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return failure("remove");
  }
  if (::rename(beside().c_str(), path_.c_str()) != 0) return failure("replace");
  return sync_directory();
}

std::optional<std::string> StateFile::sync_directory() const {
  const OpenFile directory(::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.good() || ::fsync(directory.number()) != 0) return failure("sync its directory");
  return std::nullopt;
}

void StateFile::abandon() {
  if (std::exchange(prepared_, Prepared::Nothing) == Prepared::Text) ::unlink(beside().c_str());
}

std::optional<std::string> StateFile::set_aside() {
  const std::string aside = path_.string() + ".discarded";
  if (::rename(path_.c_str(), aside.c_str()) == 0) return sync_directory();
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return failure("rename");
}

}  // namespace control
