#include "control/flow_log/line_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace control {

LineSink::LineSink(Kind kind, std::string path, std::size_t buffer_bytes, LineCounts counts)
    : kind_(kind), path_(std::move(path)), buffer_bytes_(buffer_bytes), counts_(counts) {}

LineSink::~LineSink() { close_destination(); }

std::string* LineSink::room() {
  if (waiting_bytes() < buffer_bytes_) return &buffer_;
  overflowed_ = true;
  ++(open() ? counts_.dropped_slow : counts_.dropped_unavailable);
  return nullptr;
}

void LineSink::flush(Time now) {
  if (!trouble_.empty() && now < again_) return;
  again_ = now + retry;
  if (file_ >= 0 && was_replaced()) close_destination();
  if (file_ < 0 && !open_destination()) return;
  write_some();
}

bool LineSink::open_destination() {
  file_ = kind_ == Kind::File ? open_file() : open_socket();
  if (file_ < 0) {
    const int error = errno;
    if (kind_ == Kind::Socket && (error == ECONNREFUSED || error == ENOENT)) {
      fail("nobody listens there", error);
    } else {
      fail(kind_ == Kind::File ? "cannot open it" : "cannot connect to it", error);
    }
    return false;
  }
  struct stat status {};
  if (fstat(file_, &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
  const bool used = kind_ == Kind::File && S_ISREG(status.st_mode) && status.st_size > 0;
  if (used && !end_unfinished_line()) {
    const int error = errno;
    close_destination();
    fail("cannot write to it", error);
    return false;
  }
  ++counts_.opened;
  return true;
}

int LineSink::open_file() {
  // Not blocking: of a FIFO that nobody reads.
  return ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                0640);
}

int LineSink::open_socket() const {
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return file;
  }
  const int error = errno;
  ::close(file);
  errno = error;
  return -1;
}

/// The path leads to another file than the open one, or to none.
bool LineSink::was_replaced() const {
  if (kind_ == Kind::Socket) return false;
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return errno == ENOENT;
  return status.st_dev != device_ || status.st_ino != inode_;
}

/// Of a daemon before us that found the disk full, or was killed.
bool LineSink::end_unfinished_line() {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return true;  // who may only append cannot tell
  char last = '\n';
  const off_t end = ::lseek(file, -1, SEEK_END);
  const bool found = end >= 0 && ::read(file, &last, 1) == 1;
  ::close(file);
  return !found || last == '\n' || ::write(file_, "\n", 1) == 1;
}

void LineSink::write_some() {
  trouble_.clear();
  while (waiting_bytes() != 0) {
    const char* const data = buffer_.data() + begin_;
    const ssize_t result = kind_ == Kind::File ? ::write(file_, data, waiting_bytes())
                                               : ::send(file_, data, waiting_bytes(), MSG_NOSIGNAL);
    if (result > 0) {
      taken(static_cast<std::size_t>(result));
      continue;
    }
    const int error = result == 0 ? ENOSPC : errno;
    if (error == EINTR) continue;
    if (error == EAGAIN || error == EWOULDBLOCK) break;
    if (error == EPIPE || error == ECONNRESET) {
      close_destination();
      return fail("its reader has gone", error);
    }
    return fail("cannot write to it", error);
  }
  if (waiting_bytes() * 2 <= buffer_bytes_) overflowed_ = false;
}

void LineSink::taken(std::size_t bytes) {
  const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(begin_);
  const auto to = from + static_cast<std::ptrdiff_t>(bytes);
  const auto lines = static_cast<std::uint64_t>(std::count(from, to, '\n'));
  in_line_ = *(to - 1) != '\n';
  counts_.written += lines;
  counts_.written_bytes += bytes;
  waiting_ -= lines;
  begin_ += bytes;
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  } else if (begin_ >= buffer_bytes_) {
    buffer_.erase(0, std::exchange(begin_, 0));
  }
}

void LineSink::fail(std::string_view what, int error) {
  trouble_ = fmt::format("{}: {}", what, std::strerror(error));
}

/// The next destination gets no half line.
void LineSink::close_destination() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (!in_line_) return;
  in_line_ = false;
  const std::size_t end = buffer_.find('\n', begin_);
  begin_ = end == std::string::npos ? buffer_.size() : end + 1;
  --waiting_;
  ++counts_.dropped_unavailable;
}

void LineSink::abandon() {
  close_destination();
  counts_.dropped_unavailable += waiting_;
  waiting_ = 0;
  buffer_.clear();
  begin_ = 0;
}

std::string LineSink::problem() const {
  if (!trouble_.empty()) return trouble_;
  return overflowed_ ? "it takes lines more slowly than flows end" : "";
}

}  // namespace control
