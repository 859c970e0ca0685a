#include "tools/report/segment_reader.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/report/place.h"

namespace report {
namespace {

ReadError cannot_open(std::string_view instance, int reason) {
  if (reason == ENOENT) {
    return {ReadError::Kind::NotRunning,
            fmt::format("instance {0} is not running: there is no {1}; start it, or name another "
                        "one with --instance",
                        instance, segment_file(instance))};
  }
  if (reason == EACCES) {
    return {ReadError::Kind::Refused,
            fmt::format("no permission to read {}: run this as root, as the user that runs the "
                        "instance, or as a member of that file's group",
                        segment_file(instance))};
  }
  return {ReadError::Kind::Refused,
          fmt::format("cannot read {}: {}", segment_file(instance), std::strerror(reason))};
}

ReadError not_complete(std::string_view instance) {
  return {ReadError::Kind::NotRunning,
          fmt::format("instance {} is just starting, or died while it was: {} is not complete yet; "
                      "try again in a second",
                      instance, segment_file(instance))};
}

}  // namespace

std::variant<SegmentReader, ReadError> SegmentReader::open(std::string_view instance) {
  if (!is_instance_name(instance)) {
    return ReadError{ReadError::Kind::NotRunning,
                     fmt::format("\"{}\" cannot be an instance's name: 1 to 63 letters, digits, "
                                 "'.', '_' and '-' are allowed",
                                 instance)};
  }
  SegmentReader reader(instance);
  ReadError error{};
  if (!reader.map(error)) return error;
  return reader;
}

bool SegmentReader::map(ReadError& error) {
  file_ = shm_open(segment_name(instance_).c_str(), O_RDONLY, 0);
  if (file_ < 0) {
    error = cannot_open(instance_, errno);
    return false;
  }
  struct stat status {};
  if (fstat(file_, &status) != 0) {
    error = cannot_open(instance_, errno);
    return false;
  }
  const auto file_size = static_cast<std::size_t>(status.st_size);
  if (file_size == 0) {  // shm_open is done, the size is not set yet
    error = not_complete(instance_);
    return false;
  }
  if (file_size < sizeof(dataplane::SegmentHeader)) {
    error = {ReadError::Kind::Truncated,
             fmt::format("{} has {} bytes, less than any Spillway segment: it was cut or is "
                         "something else; remove it if no instance runs",
                         segment_file(instance_), file_size)};
    return false;
  }
  void* mapped = mmap(nullptr, file_size, PROT_READ, MAP_SHARED, file_, 0);
  if (mapped == MAP_FAILED) {
    error = cannot_open(instance_, errno);
    return false;
  }
  base_ = static_cast<const std::byte*>(mapped);
  size_ = file_size;
  if (!check_header(file_size, error)) return false;
  workers_ = view_of(base_, 0).header->workers;
  return true;
}

bool SegmentReader::check_header(std::size_t file_size, ReadError& error) const {
  const dataplane::SegmentHeader& header = *view_of(base_, 0).header;
  // acquire: pairs with the release in control/segment, so the rest of the header is there too.
  const std::uint64_t magic = header.magic.load(std::memory_order_acquire);
  if (magic == 0) {
    error = not_complete(instance_);
    return false;
  }
  if (magic != dataplane::segment_magic) {
    error = {ReadError::Kind::NotASegment,
             fmt::format("{} is not a Spillway segment (it starts with {:#018x}); remove it if no "
                         "instance runs",
                         segment_file(instance_), magic)};
    return false;
  }
  if (header.version != dataplane::layout_version) {
    error = {ReadError::Kind::OtherLayout,
             fmt::format("instance {} writes layout {} and this program reads layout {}: use the "
                         "programs of one Spillway version",
                         instance_, header.version, dataplane::layout_version)};
    return false;
  }
  const bool plausible = header.workers >= 1 && header.workers <= dataplane::workers_max &&
                         header.size == dataplane::segment_size(header.workers);
  if (!plausible || file_size < header.size) {
    error = {ReadError::Kind::Truncated,
             fmt::format("{} has {} bytes where its header says {} for {} workers: it was cut or "
                         "damaged; remove it if no instance runs",
                         segment_file(instance_), file_size, header.size, header.workers)};
    return false;
  }
  return true;
}

SegmentReader::SegmentReader(SegmentReader&& other) noexcept
    : instance_(other.instance_),
      file_(std::exchange(other.file_, -1)),
      base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      workers_(std::exchange(other.workers_, 0)) {}

SegmentReader& SegmentReader::operator=(SegmentReader&& other) noexcept {
  std::swap(instance_, other.instance_);
  std::swap(file_, other.file_);
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(workers_, other.workers_);
  return *this;
}

SegmentReader::~SegmentReader() {
  if (base_ != nullptr) munmap(const_cast<std::byte*>(base_), size_);
  if (file_ >= 0) close(file_);
}

Liveness SegmentReader::liveness(std::uint64_t now_unix_milliseconds) const {
  // F_OFD_GETLK only asks: unlike taking a shared lock, it cannot make a starting daemon believe
  // that another one is running.
  struct flock question {};
  question.l_type = F_RDLCK;
  question.l_whence = SEEK_SET;
  const bool held = fcntl(file_, F_OFD_GETLK, &question) == 0 && question.l_type == F_WRLCK;
  return report::liveness(view(), held, now_unix_milliseconds);
}

bool SegmentReader::follow() {
  struct stat mine {};
  struct stat named {};
  if (fstat(file_, &mine) != 0 || stat(segment_file(instance_).c_str(), &named) != 0) return false;
  if (mine.st_ino == named.st_ino) return false;
  auto newer = open(instance_);
  if (!std::holds_alternative<SegmentReader>(newer)) return false;  // not complete: next time
  *this = std::move(std::get<SegmentReader>(newer));
  return true;
}

}  // namespace report
