// Hold: something that begins at once and ends only when the reason for it has been gone for a
// while, so that it does not come and go with every probe.
//
//     off ──reason──▶ on ──over──▶ on, resting ──after `rest`──▶ off
//                      ◀──not over──┘
//
// Pure: time is an argument. Used by Traffic for standby groups and zonal affinity.
#pragma once

#include <chrono>
#include <optional>

namespace control {

class Hold {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `reason` begins it; `over`, said without pause for `rest`, ends it. Neither: all stays.
  void judge(bool reason, bool over, std::chrono::seconds rest, Time now) {
    deadline_.reset();
    if (!active_) {
      active_ = reason;
      over_since_.reset();
      return;
    }
    if (!over) {
      over_since_.reset();
      return;
    }
    if (!over_since_) over_since_ = now;
    deadline_ = *over_since_ + rest;
    if (now >= *deadline_) end();
  }
  void end() {
    active_ = false;
    over_since_.reset();
    deadline_.reset();
  }

  [[nodiscard]] bool active() const { return active_; }
  /// When judge() ends it, if nothing changes before.
  [[nodiscard]] std::optional<Time> deadline() const { return deadline_; }

 private:
  bool active_ = false;
  std::optional<Time> over_since_;
  std::optional<Time> deadline_;
};

}  // namespace control
