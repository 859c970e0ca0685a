// Trial: one worker on its own, which takes frames through the product's own path and says what
// became of each. Nothing of a running instance is touched: its tables, counters and clients' table
// are a trial's own.
//
// For spillway-replay (a capture, one frame after another) and for `explain` (one packet that was
// never sent, through the snapshot that runs, beside what is known of that instance's connections).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
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

  /// Of who found no place: how many connections the group's targets have, and how many clients
  /// wait, this one among them if it does.
  struct Crowd {
    std::uint64_t connections = 0;
    std::size_t waiting = 0;
  };
  std::optional<Crowd> crowd;
};

/// A frame that has waited in a surge queue: how it came, and what became of it then.
struct Released {
  std::uint64_t number = 0;  // of the frames run, from 1
  std::vector<std::uint8_t> arrived;
  dataplane::PortId port;
  dataplane::Instant since, until;
  Fate fate;
};

struct TrialOptions {
  std::size_t flows = 1'024;       // of each family, at least 1,024
  dataplane::Seed owner_seed{};    // the instance's, or packets belong to other workers than there
  std::size_t surge_capacity = 0;  // SYNs that all queues hold together
};

class Trial {
 public:
  explicit Trial(const TrialOptions& options);
  ~Trial();

  // --- what there is beside the frames; before the first of them ---

  /// A target has so many connections already.
  void assume_connections(dataplane::TargetId target, std::uint64_t connections);
  /// A group has a surge queue, in which so many wait already. Who has none is refused at once.
  void assume_queue(dataplane::TargetGroupId group, std::size_t waiting = 0);
  /// A connection that there is.
  void assume_flow(const dataplane::FlowRecord& flow, const dataplane::Snapshot& snapshot,
                   dataplane::Instant at);

  // --- the frames ---

  /// As the worker that owns the frame's flow would. `at` must not go back.
  [[nodiscard]] Fate run(const dataplane::Snapshot& snapshot, std::span<const std::uint8_t> frame,
                         dataplane::PortId port, dataplane::Instant at);
  /// What a worker does between bursts: idle flows end, and waiting does.
  [[nodiscard]] std::vector<Released> pass(const dataplane::Snapshot& snapshot,
                                           dataplane::Instant until);
  /// How many wait.
  [[nodiscard]] std::size_t waiting() const;

  [[nodiscard]] const dataplane::WorkerBlock& counters() const { return *block_; }

 private:
  /// A frame and its buffer; the path knows it by its address.
  struct Frame;

  void step(const dataplane::Snapshot& snapshot, dataplane::Instant now,
            std::vector<Released>& released);
  [[nodiscard]] Fate fate_of(std::size_t i, const dataplane::Snapshot& snapshot);

  dataplane::Instant passed_{};
  std::uint64_t frames_ = 0;
  std::vector<std::byte> memory_;
  std::unique_ptr<dataplane::WorkerBlock> block_;
  std::unique_ptr<dataplane::StickyTable> sticky_;
  std::unique_ptr<dataplane::Gate> gate_;
  std::unique_ptr<dataplane::Core> core_;
  std::unique_ptr<dataplane::Burst> burst_;
  std::unordered_map<const void*, std::unique_ptr<Frame>> held_;  // in the waiting room
};

}  // namespace explain
