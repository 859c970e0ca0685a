// Plan: which flow is which, without keeping their frames: a flow's number gives what its client
// sends; what its target sends needs 6 bytes a flow, learnt from the first packet that came out.
//
// A worker among several gets only flows that are its own: those of them that are, in order.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/packet/contract.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/table/target_group.h"
#include "tools/bench/family.h"

namespace tools::bench {

template <class Family>
class Plan {
 public:
  using Key = typename Family::Key;

  Plan(std::uint32_t flows, dataplane::Mode mode, dataplane::Protocol protocol)
      : full_nat_(mode == dataplane::Mode::FullNat), protocol_(protocol), ways_(flows) {}

  [[nodiscard]] std::uint32_t flows() const { return static_cast<std::uint32_t>(ways_.size()); }
  [[nodiscard]] dataplane::Protocol protocol() const { return protocol_; }
  [[nodiscard]] static constexpr std::size_t bytes_needed(std::size_t flows) {
    return flows * sizeof(Way);
  }

  /// Keeps to clients whose flows `is_mine(Key)` says are this worker's.
  template <class IsMine>
  void keep_to(IsMine is_mine) {
    clients_.clear();
    for (std::uint32_t client = 0; clients_.size() < ways_.size(); ++client) {
      if (is_mine(Family::to_listener(client, protocol_))) clients_.push_back(client);
    }
  }

  [[nodiscard]] Key to_listener(std::uint32_t flow) const {
    return Family::to_listener(clients_.empty() ? flow : clients_[flow], protocol_);
  }
  /// What the flow's target sends; learn() it first.
  [[nodiscard]] Key to_client(std::uint32_t flow) const {
    CHECK(flow < ways_.size());
    const Way& way = ways_[flow];
    Key key = full_nat_ ? Key{} : to_listener(flow).reversed();
    key.source = Family::target(way.target);
    key.source_port = dataplane::Be16{target_port(protocol_)};
    if (full_nat_) {
      key.destination = Family::local(way.local);
      key.destination_port = dataplane::Be16{way.local_port};
    }
    key.protocol = protocol_;
    return key;
  }
  /// `forwarded`: a frame of the flow's client as it left for the target.
  void learn(std::uint32_t flow, const std::uint8_t* forwarded) {
    CHECK(flow < ways_.size());
    const Key key = Family::key_of(forwarded);
    Way& way = ways_[flow];
    way.target = static_cast<std::uint16_t>(Family::target_number(key.destination));
    if (!full_nat_) return;
    way.local = static_cast<std::uint16_t>(Family::local_number(key.source));
    way.local_port = key.source_port.value();
  }

 private:
  struct Way {
    std::uint16_t target = 0;
    std::uint16_t local = 0;
    std::uint16_t local_port = 0;
  };
  bool full_nat_;
  dataplane::Protocol protocol_;
  std::vector<Way> ways_;
  std::vector<std::uint32_t> clients_;  // by flow; empty: each flow's number is its client's
};

}  // namespace tools::bench
