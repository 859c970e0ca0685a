// Commands: what the control socket can ask of the daemon, and the form of an answer.
//
// Filled in by main with functions that run on the control thread and do not block; called by the
// API. Where a `Done` is taken, it is called exactly once: at once, or later on the same thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/target_name.h"
#include "control/capture_wanted.h"
#include "control/events_wanted.h"
#include "dataplane/flow_query.h"
#include "dataplane/packet/address.h"
#include "dataplane/packet/headers.h"
#include "tools/report/documents.h"

namespace control {

/// What follows a document: more of them, a line each, as they come. Dropped when the client has
/// all of it, or is gone.
struct Stream {
  using Take = std::function<void(std::string)>;
  /// Calls `take` once, at once or later: with some lines, or with nothing behind the last. Not
  /// asked again before.
  std::function<void(Take take)> next;
  /// The client wants no more: the last lines are due.
  std::function<void()> end;
};

/// A JSON document, and the HTTP status that says what it is.
struct Outcome {
  unsigned status = 200;
  report::Json document;
  std::shared_ptr<Stream> stream{};  // null: the document is all
};

/// {"error": "sentence"}. 400: the question is wrong; 404: no such thing; 409: not in this state;
/// 500: it failed.
[[nodiscard]] inline Outcome refused(unsigned status, std::string_view sentence) {
  return {status, {{"error", sentence}}};
}

using Done = std::function<void(Outcome)>;

/// The largest weight of a target (config/ranges.h).
inline constexpr std::uint16_t weight_max = 999;

using TargetName = config::TargetName;

/// What is to be done, also where a group is left without healthy targets if `force`.
struct DrainWanted : TargetName {
  bool force = false;
};

/// What a reload does besides reading the file.
struct ReloadWanted {
  bool force = false;            // also where a group is left without healthy targets
  bool discard_changes = false;  // back to the file alone
};

/// A change of a group's targets; their list as the client wrote it.
struct TargetsWanted {
  std::string target_group;
  report::Json targets;
  bool force = false;
};

/// What might be done: a file's text (config/source_document.h), or a rollback.
struct PlanWanted {
  report::Json source;  // null: the configuration before
  bool discard_changes = false;
};

/// Where a list of flows goes on.
struct FlowCursor {
  std::size_t worker = 0;
  std::uint32_t bucket = 0;  // of its tables: FlowQuery::cursor()
  std::size_t skip = 0;      // so many of that bucket's flows that fit have been listed
};

/// Which flows are asked for.
struct FlowsWanted {
  static constexpr std::size_t limit_default = 1'000;
  /// Answers are built on the control thread, in one go: about 10 ms for so many. Who wants more
  /// asks on, with `from`.
  static constexpr std::size_t limit_max = 10'000;

  /// By which figure they are ordered, the largest first; None: as they were found.
  enum class Sort : std::uint8_t { None, Bytes, Packets, Idle, Age };

  std::size_t limit = limit_default;
  FlowCursor from;                              // not with an order
  std::string target_group;                     // "": any
  std::optional<dataplane::IpAddress> address;  // of the target
  std::uint16_t port = 0;                       // with address
  std::string listener;                         // its name; "": any
  dataplane::FlowFilter filter;                 // but for targets and listener
  Sort sort = Sort::None;
};

/// A packet that a client might send.
struct ExplainWanted {
  dataplane::Protocol protocol = dataplane::Protocol::Tcp;
  dataplane::AddressAndPort from, to;
  std::string port;                                    // that it comes in by; "": by the route
  std::uint8_t tcp_flags = dataplane::TcpHeader::syn;  // of TCP
};

/// A zonal shift: always for a while. ELB allows a minute to three days; we also less.
struct ShiftWanted {
  static constexpr std::chrono::seconds expires_max{72 * 3600};
  static constexpr std::size_t comment_size_max = 127;

  std::string zone;
  std::chrono::seconds expires{0};
  std::string comment;
};

struct Commands {
  std::function<report::Json()> version;
  std::function<report::Json()> status;
  std::function<report::Json()> listeners;
  std::function<report::Json()> targets;
  std::function<report::Json()> target_groups;
  std::function<report::Json()> zones;
  std::function<void(const FlowsWanted&, Done)> flows;
  /// The document of explain::story(), with "generation".
  std::function<void(const ExplainWanted&, Done)> explain;
  /// Goes on: Captures.
  std::function<void(const CaptureWanted&, Done)> capture;
  std::function<report::Json(const EventsWanted&)> events;
  std::function<void(const ReloadWanted&, Done)> reload;
  std::function<void(bool force, Done)> rollback;
  std::function<void(const PlanWanted&, Done)> plan;
  /// What differs from the file: live/state_document.h.
  std::function<report::Json()> changes;
  std::function<void(const std::string& target_group, bool force, Done)> discard;
  std::function<void(const TargetsWanted&, Done)> add_targets;
  std::function<void(const TargetsWanted&, Done)> remove_targets;
  /// The document of both: the target as in targets_document().
  std::function<void(const DrainWanted&, Done)> drain;
  std::function<void(const TargetName&, Done)> undrain;
  /// The same with "previous_weight", and with a "note" where the group does not go by weights.
  std::function<void(const TargetName&, std::uint16_t weight, Done)> weight;
  /// The document of both: that of zones.
  std::function<void(const ShiftWanted&, Done)> shift;
  std::function<void(const std::string& zone, Done)> unshift;
};

}  // namespace control
