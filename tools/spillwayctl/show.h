// Show: the JSON documents as tables for people.
//
// Pure text: a document in, lines out. With an earlier document of the same kind, rates between the
// two are shown as well (--watch).
#pragma once

#include <cstdint>
#include <string>

#include "tools/report/documents.h"

namespace tools {

using report::Json;

struct View {
  std::uint64_t now_unix_milliseconds = 0;  // "for 3m 12s" counts from here
  bool colours = false;
  bool wide = false;              // every column
  const Json* earlier = nullptr;  // for rates
  double seconds = 0;             // between the two
};

[[nodiscard]] std::string show_status(const Json& document, const View& view);
[[nodiscard]] std::string show_listeners(const Json& document, const View& view);
[[nodiscard]] std::string show_targets(const Json& document, const View& view);
[[nodiscard]] std::string show_security_groups(const Json& document, const View& view);
[[nodiscard]] std::string show_flows(const Json& document, const View& view);
/// One target's state in a sentence: "web 10.0.1.11:8080 is draining: 12 flows left, …".
[[nodiscard]] std::string show_target_state(const Json& target, const View& view);

}  // namespace tools
