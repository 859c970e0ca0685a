#include "tests/support/cpp/scratch_segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "tools/report/place.h"

namespace test_support {
namespace {

constexpr std::align_val_t alignment{64};

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

std::string fresh_instance_name() {
  static unsigned count = 0;
  return fmt::format("test-{}-{}", getpid(), ++count);
}

void ScratchSegment::Free::operator()(std::byte* memory) const {
  ::operator delete(memory, alignment);
}

ScratchSegment::ScratchSegment(std::size_t workers)
    : size_(dataplane::segment_size(workers)),
      workers_(workers),
      memory_(static_cast<std::byte*>(::operator new(size_, alignment))) {
  std::memset(memory_.get(), 0, size_);
  new (&header()) dataplane::SegmentHeader{};
  new (&control()) dataplane::ControlBlock{};
  for (std::size_t i = 0; i < workers; ++i) new (&worker(i)) dataplane::WorkerBlock{};
  header().version = dataplane::layout_version;
  header().workers = static_cast<std::uint32_t>(workers);
  header().size = size_;
  header().pid = 4711;
  header().magic.store(dataplane::segment_magic, std::memory_order_release);
}

ScratchSegment::~ScratchSegment() {
  let_go();
  if (!published_.empty()) shm_unlink(published_.c_str());
}

dataplane::SegmentHeader& ScratchSegment::header() {
  return *reinterpret_cast<dataplane::SegmentHeader*>(memory_.get());
}

dataplane::ControlBlock& ScratchSegment::control() {
  return *reinterpret_cast<dataplane::ControlBlock*>(memory_.get() +
                                                     dataplane::control_block_offset);
}

dataplane::WorkerBlock& ScratchSegment::worker(std::size_t number) {
  return *reinterpret_cast<dataplane::WorkerBlock*>(
      memory_.get() + dataplane::worker_blocks_offset + number * sizeof(dataplane::WorkerBlock));
}

report::SegmentView ScratchSegment::view() const {
  return report::view_of(memory_.get(), workers_);
}

void ScratchSegment::set_instance(std::string_view name, std::uint64_t started_unix_milliseconds) {
  dataplane::InstanceRecord record{};
  record.instance.assign(name);
  record.version.assign("1.2.3");
  record.config_file.assign("/etc/spillway/test.cfg");
  record.started_unix_milliseconds = started_unix_milliseconds;
  record.generation = 1;
  control().instance.write(record);
}

void ScratchSegment::publish(const std::string& instance, bool hold, std::size_t size) {
  let_go();
  published_ = report::segment_name(instance);
  shm_unlink(published_.c_str());
  file_ = shm_open(published_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0640);
  require(file_ >= 0, "shm_open");
  const std::size_t bytes = size == 0 ? size_ : size;
  require(write(file_, memory_.get(), bytes) == static_cast<ssize_t>(bytes), "write");
  if (!hold) return;
  struct flock exclusive {};
  exclusive.l_type = F_WRLCK;
  exclusive.l_whence = SEEK_SET;
  require(fcntl(file_, F_OFD_SETLK, &exclusive) == 0, "lock");
}

void ScratchSegment::let_go() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

}  // namespace test_support
