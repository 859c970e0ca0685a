// Show: the JSON documents as tables for people.
//
// Pure text: a document in, lines out. With an earlier document of the same kind, rates between the
// two are shown as well (--watch).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
[[nodiscard]] std::string show_target_groups(const Json& document, const View& view);
[[nodiscard]] std::string show_zones(const Json& document, const View& view);
/// "b is shifted away for 1h 59m: comment"
[[nodiscard]] std::string show_shift(const Json& zone, const View& view);
[[nodiscard]] std::string show_security_groups(const Json& document, const View& view);
/// A page of flows; `widths` of the page before, empty for the first: see Table::part().
[[nodiscard]] std::string show_flows(const Json& document, const View& view,
                                     std::vector<std::size_t>& widths);
/// What a plan would do: differences in a table, then what follows from them, a line each.
[[nodiscard]] std::string show_plan(const Json& document, const View& view);
/// What happened, the oldest first.
[[nodiscard]] std::string show_events(const Json& document, bool colours);
/// One event in a line, without its end, for those that come one at a time.
[[nodiscard]] std::string show_event(const Json& event, bool colours);
/// One target's state in a sentence: "web 10.0.1.11:8080 is draining: 12 flows left, …".
[[nodiscard]] std::string show_target_state(const Json& target, const View& view);
/// What became of a target's weight: "web 10.0.1.11:8080 weight 100 -> 50", and what there is to
/// know about it.
[[nodiscard]] std::string show_weight(const Json& target);

}  // namespace tools
