#include "tests/support/cpp/scratch_segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "tools/report/place.h"

namespace test_support {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

std::byte* map(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(memory != MAP_FAILED, "mmap");
  return static_cast<std::byte*>(memory);
}

}  // namespace

std::string fresh_instance_name() {
  static unsigned count = 0;
  return fmt::format("test-{}-{}", getpid(), ++count);
}

void ScratchSegment::Free::operator()(std::byte* memory) const { munmap(memory, size); }

ScratchSegment::ScratchSegment(std::size_t workers)
    : size_(dataplane::segment_size(workers)), workers_(workers), memory_(map(size_), Free{size_}) {
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

dataplane::HistogramBlock& ScratchSegment::block(std::size_t worker) const {
  return reinterpret_cast<dataplane::HistogramBlock*>(
      memory_.get() + dataplane::histogram_blocks_offset(workers_))[worker];
}

dataplane::FlowHistograms& ScratchSegment::histograms(std::size_t worker,
                                                      dataplane::TargetId target) {
  control().histogram_marks.targets[target.slot].set(target.incarnation);
  return block(worker).targets[target.slot];
}

dataplane::FlowHistograms& ScratchSegment::histograms(std::size_t worker,
                                                      dataplane::ListenerId listener,
                                                      std::uint16_t incarnation) {
  control().histogram_marks.listeners[listener.slot].set(incarnation);
  return block(worker).listeners[listener.slot];
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
  const std::size_t dense = std::min(bytes, dataplane::histogram_blocks_offset(workers_));
  require(write(file_, memory_.get(), dense) == static_cast<ssize_t>(dense), "write");
  require(ftruncate(file_, static_cast<off_t>(bytes)) == 0, "ftruncate");
  if (size == 0) write_places();
  if (!hold) return;
  struct flock exclusive {};
  exclusive.l_type = F_WRLCK;
  exclusive.l_whence = SEEK_SET;
  require(fcntl(file_, F_OFD_SETLK, &exclusive) == 0, "lock");
}

void ScratchSegment::write_places() {
  const auto write_one = [this](const dataplane::FlowHistograms& place) {
    const auto offset = reinterpret_cast<const std::byte*>(&place) - memory_.get();
    require(pwrite(file_, &place, sizeof place, offset) == static_cast<ssize_t>(sizeof place),
            "write");
  };
  const dataplane::HistogramMarks& marks = control().histogram_marks;
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    for (std::size_t slot = 0; slot < dataplane::targets_max; ++slot) {
      if (marks.targets[slot].any()) write_one(block(worker).targets[slot]);
    }
    for (std::size_t slot = 0; slot < dataplane::listeners_max; ++slot) {
      if (marks.listeners[slot].any()) write_one(block(worker).listeners[slot]);
    }
  }
}

void ScratchSegment::let_go() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

}  // namespace test_support
