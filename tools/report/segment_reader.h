// SegmentReader: a read-only mapping of an instance's shared memory segment.
//
// Used by the tools; works while the daemon is busy, stuck or dead, because it asks the daemon
// nothing. The mapping stays valid when the daemon ends or starts anew (a new daemon makes a new
// segment); follow() moves on to the new one. Only the daemon's own lock tells life from death,
// never its pid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "tools/report/segment_view.h"

namespace report {

struct ReadError {
  enum class Kind : std::uint8_t {
    NotRunning,   // there is no segment, or it is not complete yet
    Refused,      // no permission, or another failure of the system
    NotASegment,  // something else has that name
    OtherLayout,  // written by another version
    Truncated,    // shorter than it says
  };
  Kind kind;
  std::string message;  // a sentence with what to do
};

class SegmentReader {
 public:
  [[nodiscard]] static std::variant<SegmentReader, ReadError> open(std::string_view instance);

  SegmentReader(SegmentReader&& other) noexcept;
  SegmentReader& operator=(SegmentReader&& other) noexcept;
  ~SegmentReader();

  [[nodiscard]] const std::string& instance() const { return instance_; }
  [[nodiscard]] SegmentView view() const { return view_of(base_, workers_); }
  [[nodiscard]] Liveness liveness(std::uint64_t now_unix_milliseconds) const;

  /// Maps the newer segment, if a daemon has made one since. True: figures start anew.
  bool follow();

 private:
  explicit SegmentReader(std::string_view instance) : instance_(instance) {}
  [[nodiscard]] bool map(ReadError& error);
  [[nodiscard]] bool check_header(std::size_t file_size, ReadError& error) const;

  std::string instance_;
  int file_ = -1;  // kept open: it is asked for the daemon's lock
  const std::byte* base_ = nullptr;
  std::size_t size_ = 0;
  std::size_t workers_ = 0;
};

}  // namespace report
