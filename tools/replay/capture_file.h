// Capture files, by libpcap: pcap and pcapng in, pcap with nanoseconds out. Ethernet only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct pcap;
struct pcap_dumper;

namespace tools::replay {

struct CapturedFrame {
  std::uint64_t nanoseconds = 0;  // since 1970
  std::vector<std::uint8_t> bytes;
  bool cut = false;  // the capture has only its beginning
};

/// Throws std::runtime_error with a sentence that names the file: it cannot be read, is no capture,
/// or not of Ethernet.
class CaptureReader {
 public:
  explicit CaptureReader(std::string file);
  /// nullopt at the end.
  [[nodiscard]] std::optional<CapturedFrame> next();
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };
  std::string file_;
  std::unique_ptr<pcap, Close> handle_;
};

/// Throws std::runtime_error: the file cannot be written.
class CaptureWriter {
 public:
  explicit CaptureWriter(std::string file);
  void write(std::uint64_t nanoseconds, std::span<const std::uint8_t> bytes);
  /// Everything is in the file, or it throws. Without it, what is there may be short.
  void finish();

 private:
  struct Close {
    void operator()(pcap* handle) const;
    void operator()(pcap_dumper* dumper) const;
  };
  std::string file_;
  std::unique_ptr<pcap, Close> handle_;
  std::unique_ptr<pcap_dumper, Close> dumper_;
};

}  // namespace tools::replay
