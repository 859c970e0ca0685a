#include "control/socket_file.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace control {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view why) {
  throw std::runtime_error(fmt::format("control socket {}: {}", path.string(), why));
}

/// Root's is open to look into, since the socket's own mode guards it; anybody else's is private.
mode_t directory_mode() { return geteuid() == 0 ? 0755 : 0700; }

void make_directory(const std::filesystem::path& socket) {
  const std::filesystem::path directory = socket.parent_path();
  if (mkdir(directory.c_str(), directory_mode()) != 0 && errno != EEXIST) {
    fail(socket, fmt::format("cannot make the directory {}: {}; make it, or choose another with "
                             "--run-dir",
                             directory.string(), std::strerror(errno)));
  }
  struct stat status {};
  if (lstat(directory.c_str(), &status) != 0) {
    fail(socket, fmt::format("cannot look at {}: {}", directory.string(), std::strerror(errno)));
  }
  if (S_ISLNK(status.st_mode) && status.st_uid == 0) return;  // the machine's own arrangement
  if (!S_ISDIR(status.st_mode)) {
    fail(socket, fmt::format("{} is not a directory; remove it, or choose another with --run-dir",
                             directory.string()));
  }
  // In /tmp anybody may have made it first, to take our commands.
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    fail(socket, fmt::format("{} belongs to another user (uid {}); remove it, or choose another "
                             "with --run-dir",
                             directory.string(), status.st_uid));
  }
}

/// errno of a connection attempt, 0 if somebody answered. Does not wait.
int knock(const std::filesystem::path& path) {
  const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const int result = connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int reason = result == 0 ? 0 : errno;
  close(file);
  return reason;
}

void remove_leftover(const std::filesystem::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) fail(path, "a file that is no socket has that name; remove it");
  const int reason = knock(path);
  if (reason == 0 || reason == EAGAIN) {  // EAGAIN: somebody listens, and is busy
    fail(path,
         "another daemon answers there; stop that one first, or give this one another name "
         "(instance = \"...\") or run directory");
  }
  if (reason != ECONNREFUSED && reason != ENOENT) {
    fail(path, fmt::format("cannot tell whether another daemon listens there: {}",
                           std::strerror(reason)));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    fail(path, fmt::format("cannot remove what a dead daemon left: {}", std::strerror(errno)));
  }
}

}  // namespace

SocketFile::SocketFile(std::filesystem::path path)
    : path_(std::filesystem::absolute(std::move(path))) {
  const std::size_t length_max = sizeof(sockaddr_un::sun_path) - 1;
  if (path_.string().size() > length_max) {
    fail(path_, fmt::format("the path has {} bytes, and a socket's may have {}; choose a shorter "
                            "--run-dir",
                            path_.string().size(), length_max));
  }
  make_directory(path_);
  remove_leftover(path_);
}

SocketFile::~SocketFile() {
  struct stat status {};
  if (inode_ != 0 && lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

void SocketFile::bound() {
  struct stat status {};
  if (lstat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
  if (inode_ == 0 || chmod(path_.c_str(), 0660) != 0) {
    fail(path_, fmt::format("cannot set its mode: {}", std::strerror(errno)));
  }
}

}  // namespace control
