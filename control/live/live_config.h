// LiveConfig: what runs, and every way to change it while it runs: the file's configuration, the
// operator's changes beside it, and what ran before.
//
//     file ─▶ config::load ─┐
//     spillwayctl ─▶ changes ┴▶ propose: reconcile, with_changes, check, restart_needed, losses
//     rollback ─▶ history ───┘      │ refused as a whole, with every reason   (plan stops here)
//                                   └▶ state file prepared ─▶ applied as one generation ─▶
//                                   committed
//
// Owned by the daemon, used on the control thread by the commands of the control socket and SIGHUP.
// Documents that it answers with are for spillwayctl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/changes.h"
#include "config/config.h"
#include "config/errors.h"
#include "config/facts.h"
#include "control/commands.h"
#include "control/lifecycle/lifecycle.h"
#include "control/live/guard.h"
#include "control/live/history.h"
#include "control/live/state_document.h"
#include "control/live/state_file.h"
#include "control/live/target_requests.h"

namespace control {

/// A configuration that could run instead, and what stands against it.
struct Proposal {
  config::Config file;           // without changes
  config::Reconciled changes;    // `kept` are those that it runs with
  config::Config effective;      // with them
  config::Errors wrong;          // in the two together
  config::Errors needs_restart;  // what cannot change while running
  std::vector<Loss> losses;      // what needs --force
  /// Why it would not be applied; empty: it would.
  [[nodiscard]] std::string refusal(bool force) const;
};

class LiveConfig {
 public:
  static constexpr std::string_view nothing_earlier =
      "there is nothing to go back to: no reload has replaced a configuration; the last ones are "
      "kept over a restart where the state directory can be written";

  struct Parts {
    /// Makes it the running one, as one generation. A sentence: why nothing has changed.
    std::function<std::optional<std::string>(const config::Config& effective,
                                             const std::set<TargetName>& undrained)>
        apply;
    std::function<config::Errors(const config::Config& wanted)> cannot_change;
    std::function<config::Facts()> facts;
    /// `began`: Unix time in milliseconds, if that was before a restart.
    std::function<std::optional<Refusal>(const TargetName&, std::optional<std::uint64_t> began)>
        drain;
    std::function<std::optional<Refusal>(const TargetName&)> undrain;
    std::function<std::optional<Refusal>(const ZonalShift&)> shift;
    std::function<std::optional<Refusal>(const std::string& zone)> unshift;
    /// Those that hold now; and those of before a restart, as far as they have not expired.
    std::function<std::vector<ZonalShift>()> shifts;
    std::function<void(const std::vector<ZonalShift>&)> restore;
    /// Each target as in targets_document(); those that are gone are left out.
    std::function<report::Json(const std::vector<TargetName>&)> documents;
    std::function<std::uint64_t()> generation;
  };

  /// Reads the state file of this instance. Throws std::runtime_error with a sentence if it cannot
  /// be read, or if the file cannot run with it; `discard_changes` sets it aside instead.
  LiveConfig(config::Config file, const std::filesystem::path& state_directory,
             bool discard_changes, Parts parts);

  /// For the lifecycle's first apply(); from then on the daemon has it from Parts::apply.
  [[nodiscard]] const config::Config& effective() const { return effective_; }
  /// Takes up what went on before the restart, drains and zonal shifts; once, after the first
  /// apply().
  void resume();

  [[nodiscard]] Proposal propose(config::Config file, const config::Changes& changes) const;
  /// What a reload with that file would come to.
  [[nodiscard]] Proposal propose_reload(config::Config file, bool discard_changes) const;
  [[nodiscard]] const config::Config& file() const { return file_; }
  [[nodiscard]] const config::Changes& changes() const { return changes_; }
  [[nodiscard]] const History& history() const { return history_; }
  /// What a rollback would bring back; nullopt: there is nothing.
  [[nodiscard]] std::optional<Proposal> earlier() const;

  // --- the commands; each is done as a whole or refused with the reason ---
  Outcome reload(const std::string& file, const ReloadWanted& wanted);
  Outcome rollback(bool force);
  Outcome add(const std::string& target_group, const report::Json& targets);
  Outcome remove(const std::string& target_group, const report::Json& targets, bool force);
  Outcome drain(const TargetName& name, bool force);
  Outcome undrain(const TargetName& name);
  /// nullopt: done.
  [[nodiscard]] std::optional<Outcome> shift(const ShiftWanted& wanted);
  [[nodiscard]] std::optional<Outcome> unshift(const std::string& zone);
  /// As it counts now; nullopt: there is no such target.
  [[nodiscard]] std::optional<std::uint16_t> weight(const TargetName& name) const;
  /// Instead of what file or registration say, until the change is discarded or a file has another
  /// weight than the one before. Their own takes it back.
  Outcome set_weight(const TargetName& name, std::uint16_t weight, bool force);
  /// All changes of a group, or of all with "".
  Outcome discard(const std::string& target_group, bool force);
  [[nodiscard]] report::Json changes_document() const;

 private:
  [[nodiscard]] const config::TargetGroup* group_in(const config::Config& config,
                                                    const std::string& name) const;
  [[nodiscard]] Outcome no_such_group(const std::string& name) const;
  /// A sentence: why there is none, or which of several is not said.
  [[nodiscard]] std::variant<TargetName, std::string> find(const config::TargetGroup& group,
                                                           const NamedTarget& named) const;
  /// Takes one into `changes`; false: it is there as wanted. A sentence: why it cannot be.
  [[nodiscard]] std::variant<bool, std::string> add_one(const TargetName& name,
                                                        const WantedTarget& wanted,
                                                        config::Changes& changes) const;
  [[nodiscard]] bool file_has(const TargetName& name) const;
  /// nullopt: it runs now, and a restart will know.
  [[nodiscard]] std::optional<Outcome> apply(Proposal proposal, bool force);
  [[nodiscard]] std::optional<Outcome> change(const config::Changes& changes, bool force);
  /// What is to be kept with these changes of this configuration; shifts are those that hold now.
  [[nodiscard]] State state_with(const config::Changes& changes,
                                 const config::Config& effective) const;
  /// `act` between the two steps of writing the state file.
  [[nodiscard]] std::optional<Outcome> keep(State state,
                                            const std::function<std::optional<Outcome>()>& act);
  [[nodiscard]] Outcome done(report::Json document) const;

  Parts parts_;
  config::Config file_;
  config::Changes changes_;
  config::Config effective_;
  std::map<TargetName, std::uint64_t> drains_began_;  // State's
  std::vector<ZonalShift> shifts_before_;             // the restart; until resume()
  StateFile state_;
  History history_;
};

}  // namespace control
