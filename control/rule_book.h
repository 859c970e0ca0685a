// RuleBook: where the hits of each security group's rule are counted, and how it is shown.
//
// A rule keeps its place among the counters (and so its hits) through reloads, as long as its
// group, direction, protocol, ports and peer stay the same. Used by the daemon, on the control
// thread: apply() at start and at every reload, places() for Facts, records() and groups() for the
// segment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "dataplane/segment.h"
#include "dataplane/table/ids.h"

namespace control {

/// A rule's record and the slot it belongs in.
struct RuleEntry {
  dataplane::RuleId id;
  dataplane::RuleRecord record;
};

class RuleBook {
 public:
  /// What all workers have counted at a place so far.
  using Hits = std::function<std::uint64_t(dataplane::RuleId)>;

  /// Takes over a checked configuration's rules. A new one begins at 0 hits, wherever the counter
  /// of its place stands. False: they are the same as before, and nothing was done.
  bool apply(const config::Config& config, const Hits& hits);

  /// By the order of config::all_rules().
  [[nodiscard]] const std::vector<dataplane::RuleId>& places() const { return places_; }
  [[nodiscard]] const std::vector<RuleEntry>& records() const { return records_; }
  /// All groups, also those without rules, in the configuration's order.
  [[nodiscard]] const std::vector<dataplane::SecurityGroupRecord>& groups() const {
    return groups_;
  }

 private:
  /// All that the records are made of.
  struct Source {
    std::vector<config::SecurityGroup> groups;
    std::map<std::string, std::string> attached_to;  // by group
    friend bool operator==(const Source&, const Source&) = default;
  };
  struct Place {
    dataplane::RuleId id;
    std::uint64_t hits_before;
  };
  [[nodiscard]] dataplane::RuleId next_free();

  [[nodiscard]] static Source source_of(const config::Config& config);

  Source source_;
  std::map<std::string, Place> known_;  // by all that a rule is
  std::vector<bool> used_ = std::vector<bool>(dataplane::rules_max);
  std::size_t cursor_ = 0;  // places rest as long as others are free
  std::vector<dataplane::RuleId> places_;
  std::vector<RuleEntry> records_;
  std::vector<dataplane::SecurityGroupRecord> groups_;
};

}  // namespace control
