#include "tools/replay/capture_file.h"

#include <fmt/core.h>
#include <pcap/pcap.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace tools::replay {
namespace {

constexpr int longest_frame = 65'535;
constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;

}  // namespace

void CaptureReader::Close::operator()(pcap* handle) const { pcap_close(handle); }
void CaptureWriter::Close::operator()(pcap* handle) const { pcap_close(handle); }
void CaptureWriter::Close::operator()(pcap_dumper* dumper) const { pcap_dump_close(dumper); }

CaptureReader::CaptureReader(std::string file) : file_(std::move(file)) {
  std::array<char, PCAP_ERRBUF_SIZE> problem{};
  handle_.reset(pcap_open_offline_with_tstamp_precision(file_.c_str(), PCAP_TSTAMP_PRECISION_NANO,
                                                        problem.data()));
  if (handle_ == nullptr) {
    throw std::runtime_error(fmt::format("cannot read \"{}\": {}", file_, problem.data()));
  }
  if (pcap_datalink(handle_.get()) == DLT_EN10MB) return;
  const char* kind = pcap_datalink_val_to_name(pcap_datalink(handle_.get()));
  throw std::runtime_error(fmt::format(
      "\"{}\" holds frames of kind {}, not Ethernet; capture on an Ethernet interface, not on "
      "\"any\"",
      file_, kind == nullptr ? "unknown" : kind));
}

std::optional<CapturedFrame> CaptureReader::next() {
  pcap_pkthdr* header = nullptr;
  const std::uint8_t* bytes = nullptr;
  const int got = pcap_next_ex(handle_.get(), &header, &bytes);
  if (got == PCAP_ERROR_BREAK) return std::nullopt;
  if (got != 1) {
    throw std::runtime_error(
        fmt::format("cannot read \"{}\" to its end: {}", file_, pcap_geterr(handle_.get())));
  }
  CapturedFrame frame;
  frame.nanoseconds = static_cast<std::uint64_t>(header->ts.tv_sec) * nanoseconds_per_second +
                      static_cast<std::uint64_t>(header->ts.tv_usec);  // nanoseconds, as asked for
  frame.bytes.assign(bytes, bytes + header->caplen);
  frame.cut = header->caplen < header->len;
  return frame;
}

CaptureWriter::CaptureWriter(std::string file) : file_(std::move(file)) {
  handle_.reset(
      pcap_open_dead_with_tstamp_precision(DLT_EN10MB, longest_frame, PCAP_TSTAMP_PRECISION_NANO));
  dumper_.reset(pcap_dump_open(handle_.get(), file_.c_str()));
  if (dumper_ == nullptr) {
    throw std::runtime_error(
        fmt::format("cannot write \"{}\": {}", file_, pcap_geterr(handle_.get())));
  }
}

void CaptureWriter::write(std::uint64_t nanoseconds, std::span<const std::uint8_t> bytes) {
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(nanoseconds / nanoseconds_per_second);
  header.ts.tv_usec = static_cast<suseconds_t>(nanoseconds % nanoseconds_per_second);
  header.caplen = static_cast<bpf_u_int32>(bytes.size());
  header.len = header.caplen;
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, bytes.data());
}

void CaptureWriter::finish() {
  if (pcap_dump_flush(dumper_.get()) != 0 || ferror(pcap_dump_file(dumper_.get())) != 0) {
    throw std::runtime_error(fmt::format("cannot write all of \"{}\"; is the disk full?", file_));
  }
}

}  // namespace tools::replay
