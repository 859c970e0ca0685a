// LineSink: where the flow log's lines go: a file that is appended to, or a Unix stream socket that
// somebody listens on.
//
//   take() ─▶ buffer of whole lines ─▶ flush() ─▶ write(2) or send(2)
//
// A socket (and a FIFO) is never waited for; a file may be, so this belongs to the flow log's own
// thread. What the destination does not take stays in the buffer and is tried again once a second;
// what does not fit into that is dropped and counted by why. A file that was renamed or removed
// (logrotate) is opened anew before the next line; nothing is written to the old one. A line is
// written whole, or its rest is dropped with its destination; one that was left unfinished in a
// file is ended before the next.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace control {

struct LineCounts {
  std::uint64_t written = 0;  // lines that the destination took
  std::uint64_t written_bytes = 0;
  std::uint64_t dropped_slow = 0;         // the destination takes lines, but too slowly
  std::uint64_t dropped_unavailable = 0;  // it takes none
  std::uint64_t opened = 0;               // times
};

class LineSink {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Kind : std::uint8_t { File, Socket };
  static constexpr std::chrono::milliseconds retry{1'000};

  /// Counts go on from `counts`. Nothing is opened before the first flush().
  LineSink(Kind kind, std::string path, std::size_t buffer_bytes, LineCounts counts = {});
  ~LineSink();
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  void resize(std::size_t buffer_bytes) { buffer_bytes_ = buffer_bytes; }

  /// The buffer, for a line to be appended, with its end, and committed; null: it is full, and the
  /// line is dropped.
  [[nodiscard]] std::string* room();
  void commit() { ++waiting_; }

  /// Opens what is to be, and writes what it takes.
  void flush(Time now);
  /// What still waits is dropped.
  void abandon();

  [[nodiscard]] const LineCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t waiting() const { return waiting_; }  // lines
  [[nodiscard]] std::size_t waiting_bytes() const { return buffer_.size() - begin_; }
  [[nodiscard]] bool open() const { return file_ >= 0 && trouble_.empty(); }
  /// Why lines are or were just lost, or will soon be; "": they are not.
  [[nodiscard]] std::string problem() const;

 private:
  [[nodiscard]] bool open_destination();
  [[nodiscard]] int open_file();
  [[nodiscard]] int open_socket() const;
  [[nodiscard]] bool was_replaced() const;
  [[nodiscard]] bool end_unfinished_line();
  void write_some();
  void taken(std::size_t bytes);
  void fail(std::string_view what, int error);
  void close_destination();

  const Kind kind_;
  const std::string path_;
  std::size_t buffer_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what has not been written
  bool in_line_ = false;   // the destination has the beginning of the first line
  std::uint64_t waiting_ = 0;
  LineCounts counts_;
  int file_ = -1;
  dev_t device_ = 0;  // of the open file
  ino_t inode_ = 0;
  std::string trouble_;      // "": none
  Time again_{};             // not before
  bool overflowed_ = false;  // lines were dropped, and the buffer has not been empty since
};

}  // namespace control
