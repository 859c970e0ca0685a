// Changes: what the operator has changed beside the file, and the configuration that both make.
//
// Made by control from what spillwayctl asks, kept in the state file. Pure: a file's Config and
// Changes in, a Config out, which is checked by the same check() as a file and compiled like one.
// Bounded by targets_max, since that check is. A target is named by its group, address and port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/errors.h"
#include "config/target_name.h"

namespace config {

/// A target that the file does not have.
struct Registration {
  Target target;
  std::string text;  // as it would be written in the file: { address = "10.0.1.11"; weight = 5; }
};

struct Changes {
  std::map<TargetName, Registration> registered;
  std::set<TargetName> deregistered;            // of the file's; registered too: written anew
  std::map<TargetName, std::uint16_t> weights;  // instead of what the file or registration says
  std::set<TargetName> drained;                 // of those that remain

  [[nodiscard]] std::size_t size() const {
    return registered.size() + deregistered.size() + weights.size() + drained.size();
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
};

/// Changes, apart by whether they mean something beside a file.
struct Reconciled {
  Changes kept;
  Changes dropped;
  std::vector<std::string> reasons;  // a sentence for each that is dropped
};
/// What a file makes meaningless: changes of target groups that it has no more, registrations of
/// targets that it has itself, deregistrations, weights and drains of targets that are nowhere.
[[nodiscard]] Reconciled reconcile(const Config& file, const Changes& changes);

using Weights = std::map<TargetName, std::uint16_t>;
/// Of all targets, as the configuration has them.
[[nodiscard]] Weights weights_of(const Config& config);
/// Apart by whether the file has another weight than before: who edits it means it, and not what
/// was set beside it.
[[nodiscard]] Reconciled without_edited_weights(const Weights& before, const Config& after,
                                                const Changes& changes);

/// Everything that is in either; what both have is as in `newer`.
[[nodiscard]] Changes merged(const Changes& older, const Changes& newer);

/// The file's configuration with the changes made; they must be reconciled with it. Elements of
/// `places` follow: a registered target's file is "registered target web 10.0.1.20:8080".
[[nodiscard]] Config with_changes(const Config& file, const Changes& changes);

/// check() of such a configuration; of registered targets it speaks by their names.
[[nodiscard]] Errors check_with_changes(const Config& config);

}  // namespace config
