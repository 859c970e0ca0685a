#include "control/segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "dataplane/packet/contract.h"
#include "tools/report/place.h"

namespace control {
namespace {

[[noreturn]] void fail(std::string_view instance, std::string_view what, int reason,
                       std::string_view remedy) {
  throw std::runtime_error(fmt::format("instance {}: cannot {} {}: {}; {}", instance, what,
                                       report::segment_file(instance), std::strerror(reason),
                                       remedy));
}

/// An open file that is closed unless somebody takes it.
class MemoryFile {
 public:
  explicit MemoryFile(int number) : number_(number) {}
  ~MemoryFile() {
    if (number_ >= 0) close(number_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] int take() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// The pid in a segment's header, for messages only; 0 if there is none.
std::uint64_t pid_in(int file) {
  void* mapped = mmap(nullptr, dataplane::control_block_offset, PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) return 0;
  struct stat status {};
  const bool whole = fstat(file, &status) == 0 &&
                     static_cast<std::size_t>(status.st_size) >= dataplane::control_block_offset;
  const std::uint64_t pid = whole ? static_cast<const dataplane::SegmentHeader*>(mapped)->pid : 0;
  munmap(mapped, dataplane::control_block_offset);
  return pid;
}

/// Takes the lock that says "alive"; false if somebody else has it.
bool lock(int file) {
  struct flock exclusive {};
  exclusive.l_type = F_WRLCK;
  exclusive.l_whence = SEEK_SET;
  return fcntl(file, F_OFD_SETLK, &exclusive) == 0;
}

bool is_named(int file, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return fstat(file, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// Opens what has the name, or makes it. Two steps: with O_CREAT the kernel refuses another user's
/// file in /dev/shm even to root (fs.protected_regular).
int open_or_create(const char* name) {
  const int existing = shm_open(name, O_RDWR, 0);
  if (existing >= 0 || errno != ENOENT) return existing;
  return shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
}

[[noreturn]] void refuse(std::string_view instance, std::uint64_t pid) {
  const std::string who = pid == 0 ? "is just being started by another process"
                                   : fmt::format("is already running as pid {}", pid);
  throw std::runtime_error(fmt::format(
      "instance {} {}; stop that one first, or give this one another name (instance = \"...\")",
      instance, who));
}

/// Plain bytes of a file; false: it has not so many. Not mapped: whoever cuts the file then could
/// kill us.
bool read_at(int file, std::size_t offset, void* bytes, std::size_t size) {
  return pread(file, bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

/// How far the furthest worker of a dead daemon had come on the way over local ports; 0: not known.
std::uint64_t local_port_turn_in(int file) {
  std::uint64_t magic = 0;
  std::uint32_t version = 0, workers = 0;
  using dataplane::SegmentHeader;
  if (!read_at(file, offsetof(SegmentHeader, magic), &magic, sizeof magic) ||
      !read_at(file, offsetof(SegmentHeader, version), &version, sizeof version) ||
      !read_at(file, offsetof(SegmentHeader, workers), &workers, sizeof workers) ||
      magic != dataplane::segment_magic || version != dataplane::layout_version ||
      workers > dataplane::workers_max) {
    return 0;
  }
  std::uint64_t furthest = 0;
  for (std::size_t i = 0; i < workers; ++i) {
    const std::size_t block = dataplane::worker_blocks_offset + i * sizeof(dataplane::WorkerBlock);
    std::uint64_t turn = 0;
    if (!read_at(file, block + offsetof(dataplane::Totals, local_port_turn), &turn, sizeof turn)) {
      return 0;
    }
    furthest = std::max(furthest, turn);
  }
  return furthest;
}

struct Claimed {
  int file;
  std::uint64_t local_port_turn;  // of the one before
};

/// A new, empty, locked file of that name. Several daemons may try at once: whoever holds the lock
/// on the file that has the name now is the one; a leftover is unlinked under its own lock.
Claimed claim(std::string_view instance) {
  const std::string name = report::segment_name(instance);
  constexpr int attempts = 100;  // each one lost means that another daemon made progress
  std::uint64_t turn = 0;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    MemoryFile file(open_or_create(name.c_str()));
    if (file.number() < 0 && errno == EEXIST) continue;
    if (file.number() < 0) {
      fail(instance, "open", errno,
           "start as the user that started it before, or remove that file");
    }
    if (!lock(file.number())) {
      if (!is_named(file.number(), report::segment_file(instance))) continue;
      refuse(instance, pid_in(file.number()));
    }
    if (!is_named(file.number(), report::segment_file(instance))) continue;
    struct stat status {};
    const bool known = fstat(file.number(), &status) == 0;
    // Ours and empty: just made. Another user's could be changed or cut by that user at any time.
    const bool ours = known && status.st_uid == geteuid();
    if (ours && status.st_size == 0) return {file.take(), turn};
    if (ours) turn = local_port_turn_in(file.number());
    shm_unlink(name.c_str());
  }
  throw std::runtime_error(fmt::format(
      "instance {}: {} is made and removed all the time by others; are several daemons being "
      "started under this name?",
      instance, report::segment_file(instance)));
}

/// Its first `dense` bytes, every block of them, so that a full /dev/shm is an error now and not a
/// SIGBUS later. The rest is holes.
void allocate(int file, std::size_t size, std::size_t dense, std::string_view instance) {
  if (fchmod(file, 0640) != 0) fail(instance, "set the mode of", errno, "check /dev/shm");
  if (const int reason = posix_fallocate(file, 0, static_cast<off_t>(dense)); reason != 0) {
    fail(instance, "allocate", reason,
         fmt::format("it needs {} KiB in /dev/shm; free some, or mount it larger", dense / 1024));
  }
  if (ftruncate(file, static_cast<off_t>(size)) != 0) {
    fail(instance, "set the size of", errno, "is there a limit on the size of files (ulimit -f)?");
  }
}

}  // namespace

Segment::Segment(const dataplane::InstanceRecord& instance, std::size_t workers,
                 std::uint64_t now_unix_milliseconds)
    : size_(dataplane::segment_size(workers)), workers_(workers) {
  CHECK(workers >= 1);
  CHECK(workers <= dataplane::workers_max);
  const std::string_view name = instance.instance.view();
  CHECK(report::is_instance_name(name));
  name_ = report::segment_name(name);
  const Claimed claimed = claim(name);
  MemoryFile file(claimed.file);
  allocate(file.number(), size_, dataplane::histogram_blocks_offset(workers), name);
  void* mapped = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (mapped == MAP_FAILED) fail(name, "map", errno, "is there enough memory?");
  file_ = file.take();
  base_ = static_cast<std::byte*>(mapped);

  // Begins every object's life (the pages are zero already), and touches every page.
  auto& head = *new (base_) dataplane::SegmentHeader{};
  new (base_ + dataplane::control_block_offset) dataplane::ControlBlock{};
  for (std::size_t i = 0; i < workers; ++i) {
    new (base_ + dataplane::worker_blocks_offset + i * sizeof(dataplane::WorkerBlock))
        dataplane::WorkerBlock{};
    // All begin where the furthest of them was: what others took before that rests too.
    worker(dataplane::WorkerId{static_cast<std::uint8_t>(i)})
        .totals.local_port_turn.set(claimed.local_port_turn);
  }
  head.version = dataplane::layout_version;
  head.workers = static_cast<std::uint32_t>(workers);
  head.size = size_;
  head.pid = static_cast<std::uint64_t>(getpid());
  write(instance);
  beat(now_unix_milliseconds);
  // release: who sees the magic sees the rest (acquire in report/segment_reader).
  head.magic.store(dataplane::segment_magic, std::memory_order_release);
}

Segment::~Segment() {
  munmap(base_, size_);
  close(file_);  // gives up the lock
}

dataplane::SegmentHeader& Segment::header() const {
  return *std::launder(reinterpret_cast<dataplane::SegmentHeader*>(base_));
}

dataplane::ControlBlock& Segment::control() const {
  return *std::launder(
      reinterpret_cast<dataplane::ControlBlock*>(base_ + dataplane::control_block_offset));
}

dataplane::WorkerBlock& Segment::worker(dataplane::WorkerId id) {
  CHECK(id.number < workers_);
  return *std::launder(reinterpret_cast<dataplane::WorkerBlock*>(
      base_ + dataplane::worker_blocks_offset + id.number * sizeof(dataplane::WorkerBlock)));
}

dataplane::HistogramBlock& Segment::histograms(std::size_t worker) const {
  return reinterpret_cast<dataplane::HistogramBlock*>(
      base_ + dataplane::histogram_blocks_offset(workers_))[worker];
}

dataplane::FlowMeasures Segment::measures(dataplane::WorkerId id) {
  CHECK(id.number < workers_);
  return {histograms(id.number), control().histogram_marks};
}

report::SegmentView Segment::view() const { return report::view_of(base_, workers_); }

void Segment::write(const dataplane::InstanceRecord& instance) {
  control().instance.write(instance);
}

void Segment::write_ports(std::span<const dataplane::PortRecord> ports) {
  CHECK(ports.size() <= dataplane::ports_max);
  for (std::size_t i = 0; i < dataplane::ports_max; ++i) {
    control().ports[i].write(i < ports.size() ? ports[i] : dataplane::PortRecord{});
  }
}

void Segment::write_listeners(std::span<const ListenerEntry> listeners) {
  auto& records = control().listeners;
  std::array<bool, dataplane::listeners_max> listed{};
  for (const ListenerEntry& entry : listeners) {
    CHECK(entry.id.slot < dataplane::listeners_max);
    records[entry.id.slot].write(entry.record);
    listed[entry.id.slot] = true;
  }
  for (std::size_t slot = 0; slot < listed.size(); ++slot) {
    const auto old = listed[slot] ? std::nullopt : records[slot].read();
    if (old && old->used) records[slot].write({});
  }
}

void Segment::write_targets(std::span<const dataplane::TargetRecord> targets) {
  auto& records = control().targets;
  std::array<bool, dataplane::targets_max> listed{};
  for (const dataplane::TargetRecord& target : targets) {
    write_target(target);
    listed[target.id.slot] = true;
  }
  for (std::size_t slot = 0; slot < listed.size(); ++slot) {
    const auto old = listed[slot] ? std::nullopt : records[slot].read();
    if (old && old->used) records[slot].write({});
  }
}

void Segment::write_target_groups(std::span<const TargetGroupEntry> groups) {
  auto& records = control().target_groups;
  std::array<bool, dataplane::target_groups_max> listed{};
  for (const TargetGroupEntry& entry : groups) {
    CHECK(entry.id.slot < dataplane::target_groups_max);
    records[entry.id.slot].write(entry.record);
    listed[entry.id.slot] = true;
  }
  for (std::size_t slot = 0; slot < listed.size(); ++slot) {
    const auto old = listed[slot] ? std::nullopt : records[slot].read();
    if (old && old->used) records[slot].write({});
  }
}

void Segment::write_zones(std::span<const dataplane::ZoneRecord> zones) {
  CHECK(zones.size() <= dataplane::zones_max);
  for (std::size_t i = 0; i < dataplane::zones_max; ++i) {
    control().zones[i].write(i < zones.size() ? zones[i] : dataplane::ZoneRecord{});
  }
}

void Segment::write_rules(std::span<const RuleEntry> rules) {
  auto& records = control().rules;
  std::array<bool, dataplane::rules_max> listed{};
  for (const RuleEntry& entry : rules) {
    CHECK(entry.id.slot < dataplane::rules_max);
    records[entry.id.slot].write(entry.record);
    listed[entry.id.slot] = true;
  }
  for (std::size_t slot = 0; slot < listed.size(); ++slot) {
    const auto old = listed[slot] ? std::nullopt : records[slot].read();
    if (old && old->used) records[slot].write({});
  }
}

void Segment::write_security_groups(std::span<const dataplane::SecurityGroupRecord> groups) {
  auto& records = control().security_groups;
  CHECK(groups.size() <= records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i < groups.size()) {
      records[i].write(groups[i]);
    } else if (const auto old = records[i].read(); old && old->used) {
      records[i].write({});
    }
  }
}

void Segment::write_traffic(const TrafficMeter& meter) {
  dataplane::ControlBlock& block = control();
  block.traffic.write(meter.balancer());
  for (std::size_t slot = 0; slot < dataplane::target_groups_max; ++slot) {
    const auto group = block.target_groups[slot].read();
    if (group && group->used) block.group_traffic[slot].write(meter.group(group->name.view()));
  }
  for (std::size_t i = 0; i < dataplane::zones_max; ++i) {
    const auto zone = block.zones[i].read();
    if (zone && zone->used) block.zone_traffic[i].write(meter.zone(zone->name.view()));
  }
}

void Segment::write(const dataplane::FlowLogRecord& flow_log) {
  control().flow_log.write(flow_log);
}

void Segment::write_target(const dataplane::TargetRecord& target) {
  CHECK(target.id.slot < dataplane::targets_max);
  control().targets[target.id.slot].write(target);
}

void Segment::beat(std::uint64_t now_unix_milliseconds) {
  header().heartbeat_unix_milliseconds.set(now_unix_milliseconds);
}

void Segment::stop() { header().stopped.set(1); }

}  // namespace control
