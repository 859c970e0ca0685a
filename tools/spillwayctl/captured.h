// Captured: a packet that the daemon has copied, as a line for people and as frames of a file.
//
// Pure text: the documents of control/captures.h in, lines and bytes out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/report/documents.h"

namespace tools {

using report::Json;

/// "03:04:05.678901  DropNoTarget  udp 198.51.100.7:5555 > 203.0.113.10:53  60 bytes  dns", without
/// an end. What was sent follows an arrow.
[[nodiscard]] std::string show_captured(const Json& packet, bool colours);

/// "before DropNoTarget listener=dns worker=0 (new UDP flow, but …)"
[[nodiscard]] std::string comment_of(const Json& packet, bool after);

/// A pcapng file with an interface for each of the instance's ports.
class CaptureFile {
 public:
  /// `head`: the answer's first document; `question`: what was asked, as a comment of the file.
  CaptureFile(const Json& head, std::string_view question);

  /// The file's beginning.
  [[nodiscard]] const std::string& beginning() const { return beginning_; }
  /// A packet's frames: as it came, and as it left if it did.
  [[nodiscard]] std::string frames(const Json& packet) const;

 private:
  std::string beginning_;
  std::map<std::string, std::uint32_t> interfaces_;  // by port's name
};

}  // namespace tools
