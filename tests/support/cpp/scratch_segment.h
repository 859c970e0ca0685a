// ScratchSegment: a shared memory segment that a test writes by hand, byte for byte as it likes.
//
// In memory for whoever takes a view; publish() puts a copy where readers look for an instance, and
// the destructor takes it away again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/segment.h"
#include "tools/report/segment_view.h"

namespace test_support {

/// A name that no other test process and no earlier test uses.
[[nodiscard]] std::string fresh_instance_name();

class ScratchSegment {
 public:
  explicit ScratchSegment(std::size_t workers = 1);
  ~ScratchSegment();
  ScratchSegment(const ScratchSegment&) = delete;
  ScratchSegment& operator=(const ScratchSegment&) = delete;

  [[nodiscard]] dataplane::SegmentHeader& header();
  [[nodiscard]] dataplane::ControlBlock& control();
  [[nodiscard]] dataplane::WorkerBlock& worker(std::size_t number);
  /// That target's on that worker, with its mark set for all workers.
  dataplane::FlowHistograms& histograms(std::size_t worker, dataplane::TargetId target);
  dataplane::FlowHistograms& histograms(std::size_t worker, dataplane::ListenerId listener,
                                        std::uint16_t incarnation);
  [[nodiscard]] report::SegmentView view() const;

  void set_instance(std::string_view name, std::uint64_t started_unix_milliseconds = 1'000);

  /// Replaces what has that name now; `size` 0: all of it. `hold` takes the daemon's lock.
  void publish(const std::string& instance, bool hold = false, std::size_t size = 0);
  /// As the death of the daemon does.
  void let_go();

 private:
  struct Free {
    std::size_t size;
    void operator()(std::byte* memory) const;
  };
  [[nodiscard]] dataplane::HistogramBlock& block(std::size_t worker) const;
  void write_places();

  std::size_t size_;
  std::size_t workers_;
  std::unique_ptr<std::byte, Free> memory_;  // zeros; what nobody writes takes no memory
  std::string published_;                    // segment name
  int file_ = -1;
};

}  // namespace test_support
