// Trial: one worker on its own, which takes frames through the product's own path and says what
// became of each. Nothing of a running instance is touched: its tables, counters and clients' table
// are a trial's own.
//
// For spillway-replay (a capture, one frame after another) and for `explain` (one packet that was
// never sent, through the snapshot that runs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/core.h"
#include "dataplane/table/snapshot.h"

namespace explain {

/// What became of a frame, and by what.
struct Fate {
  dataplane::Verdict verdict{};
  dataplane::Kind kind{};
  std::optional<dataplane::FlowKey<dataplane::IpAddress>> key;  // as it came in
  std::uint8_t tcp_flags = 0;
  bool known = false;    // its flow was there before
  bool started = false;  // it made a flow
  bool sticky = false;   // its client was known to the group
  dataplane::ListenerId listener;
  dataplane::TargetGroupId group;
  dataplane::TargetId target;
  std::vector<dataplane::RuleId> rules;  // of security groups, that let it through
  dataplane::PortId egress;              // of forwards and replies
  dataplane::WorkerId worker;            // that dealt with it
  std::vector<std::uint8_t> bytes;       // as it leaves
};

class Trial {
 public:
  /// `flows`: of each family, at least 1,024. `owner_seed`: the instance's, or packets belong to
  /// other workers than they do there.
  explicit Trial(std::size_t flows, dataplane::Seed owner_seed = {});
  ~Trial();

  /// As the worker that owns the frame's flow would. `at` must not go back.
  [[nodiscard]] Fate run(const dataplane::Snapshot& snapshot, std::span<const std::uint8_t> frame,
                         dataplane::PortId port, dataplane::Instant at);
  /// What a worker does between bursts: idle flows end.
  void pass(const dataplane::Snapshot& snapshot, dataplane::Instant until);

  [[nodiscard]] const dataplane::WorkerBlock& counters() const { return *block_; }

 private:
  dataplane::Instant passed_{};
  std::vector<std::byte> memory_;
  std::unique_ptr<dataplane::WorkerBlock> block_;
  std::unique_ptr<dataplane::StickyTable> sticky_;
  std::unique_ptr<dataplane::Gate> gate_;
  std::unique_ptr<dataplane::Core> core_;
  std::unique_ptr<dataplane::Burst> burst_;
};

}  // namespace explain
