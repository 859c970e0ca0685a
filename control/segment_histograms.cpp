// The sparse part of the segment: memory for the histograms of those targets and listeners that
// there are.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>

#include "control/segment.h"

namespace control {
namespace {

using dataplane::FlowHistograms;
using dataplane::HistogramMark;

/// Whether the file system keeps a quarter of its room for others after `bytes` more of it.
bool has_room(int file, std::size_t bytes) {
  struct statvfs room {};
  if (fstatvfs(file, &room) != 0 || room.f_blocks == 0) return true;  // no limit is known
  const std::uint64_t block = room.f_frsize;
  return room.f_bavail * block >= bytes + room.f_blocks * block / 4;
}

}  // namespace

FlowHistograms& Segment::target_histograms(std::size_t worker, std::size_t slot) const {
  return histograms(worker).targets[slot];
}

FlowHistograms& Segment::listener_histograms(std::size_t worker, std::size_t slot) const {
  return histograms(worker).listeners[slot];
}

bool Segment::allocate_place(FlowHistograms& place) {
  const auto offset = reinterpret_cast<std::byte*>(&place) - base_;
  if (posix_fallocate(file_, offset, sizeof place) != 0) return false;
  // Begins their life, and touches every page: no worker faults later.
  new (&place) FlowHistograms{};
  return true;
}

template <class Place>
bool Segment::give_place(HistogramMark& mark, std::uint16_t incarnation, Place place) {
  if (mark.is(incarnation)) return true;
  if (!mark.any() && !has_room(file_, workers_ * sizeof(FlowHistograms))) return false;
  mark.clear();
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    if (!allocate_place(place(worker))) return false;  // the next one who gets it goes on
  }
  mark.set(incarnation);
  return true;
}

template <class Place>
void Segment::take_place(HistogramMark& mark, Place place) {
  if (!mark.any()) return;
  mark.clear();
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    const auto offset = reinterpret_cast<std::byte*>(&place(worker)) - base_;
    // Where that fails the memory stays ours, and is used again with the slot.
    static_cast<void>(fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                                sizeof(FlowHistograms)));
  }
}

std::size_t Segment::place_histograms(const dataplane::Snapshot& snapshot) {
  dataplane::HistogramMarks& marks = control().histogram_marks;
  std::size_t without = 0;
  for (std::size_t slot = 0; slot < dataplane::targets_max; ++slot) {
    const auto place = [&](std::size_t worker) -> auto& { return target_histograms(worker, slot); };
    const bool used =
        slot < snapshot.targets.size() && snapshot.targets[slot].id != dataplane::no_target;
    if (!used) {
      take_place(marks.targets[slot], place);
    } else if (!give_place(marks.targets[slot], snapshot.targets[slot].id.incarnation, place)) {
      ++without;
    }
  }
  for (std::size_t slot = 0; slot < dataplane::listeners_max; ++slot) {
    const auto place = [&](std::size_t worker) -> auto& {
      return listener_histograms(worker, slot);
    };
    const bool used =
        slot < snapshot.listeners.size() && snapshot.listeners[slot].id != dataplane::no_listener;
    if (!used) {
      take_place(marks.listeners[slot], place);
    } else if (!give_place(marks.listeners[slot], snapshot.listeners[slot].incarnation, place)) {
      ++without;
    }
  }
  return without;
}

}  // namespace control
