#include "control/live/live_config.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "config/check.h"
#include "control/live/state_document.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

using config::Changes;
using config::Config;

constexpr const char* way_out =
    "; start with --discard-changes to go back to the file alone (the state file is kept as "
    "NAME.state.discarded), or correct it";

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// What was kept before a restart. Not ignored if it cannot be read: targets that the operator has
/// taken out would get flows again.
State kept_state(const StateFile& file, const std::string& instance) {
  const auto text = file.read();
  if (std::holds_alternative<StateFile::Absent>(text)) return {};
  if (const auto* unreadable = std::get_if<StateFile::Unreadable>(&text)) {
    throw std::runtime_error(unreadable->sentence + way_out);
  }
  auto read = read_state(instance, std::get<std::string>(text));
  if (const auto* wrong = std::get_if<std::string>(&read)) {
    throw std::runtime_error(fmt::format("{}: {}{}", file.path().string(), *wrong, way_out));
  }
  return std::move(std::get<State>(read));
}

StateFile set_aside(StateFile file, bool discard) {
  if (!discard) return file;
  if (auto error = file.set_aside()) throw std::runtime_error(*error);
  return file;
}

/// Those that the configuration has.
std::set<TargetName> present(const std::set<TargetName>& names, const Config& config) {
  std::set<TargetName> result;
  if (names.empty()) return result;
  for (const config::TargetGroup& group : config.target_groups) {
    for (const config::Target& target : group.targets) {
      const TargetName name{group.name, target.address, target.port};
      if (names.contains(name)) result.insert(name);
    }
  }
  return result;
}

std::set<TargetName> only_in(const std::set<TargetName>& a, const std::set<TargetName>& b) {
  std::set<TargetName> result;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                      std::inserter(result, result.begin()));
  return result;
}

}  // namespace

std::string Proposal::refusal(bool force) const {
  std::string text = to_string(wrong) + to_string(needs_restart);
  if (!wrong.empty() && !changes.kept.empty()) {
    text +=
        "This is the file with the changes that were made beside it: spillwayctl changes lists "
        "them, spillwayctl reload --discard-changes goes back to the file alone.";
  }
  if (text.empty() && !losses.empty() && !force) text = to_string(losses);
  return trimmed(text);
}

LiveConfig::LiveConfig(Config file, const std::filesystem::path& state_directory,
                       bool discard_changes, Parts parts)
    : parts_(std::move(parts)),
      file_(std::move(file)),
      state_(set_aside(StateFile(state_directory / (file_.instance + ".state")), discard_changes)),
      history_(StateFile(state_directory / (file_.instance + ".history")), file_) {
  CHECK(parts_.apply);
  CHECK(parts_.facts);
  State kept = kept_state(state_, file_.instance);
  const config::Reconciled meant =
      config::without_edited_weights(kept.weights_instead_of, file_, kept.changes);
  config::Reconciled reconciled = config::reconcile(file_, meant.kept);
  for (const std::string& reason : meant.reasons) spdlog::warn("{}", reason);
  for (const std::string& reason : reconciled.reasons) spdlog::warn("{}", reason);
  drains_began_ = std::move(kept.drains_began);
  shifts_before_ = std::move(kept.zone_shifts);
  changes_ = std::move(reconciled.kept);
  effective_ = config::with_changes(file_, changes_);
  if (const config::Errors errors = config::check_with_changes(effective_); !errors.empty()) {
    throw std::runtime_error(fmt::format("{} does not fit {}:\n{}{}", state_.path().string(),
                                         file_.file, trimmed(to_string(errors)), way_out));
  }
  if (!changes_.empty()) {
    spdlog::info("{} change{} beside the file, kept in {}", changes_.size(),
                 changes_.size() == 1 ? "" : "s", state_.path().string());
  }
}

void LiveConfig::resume() {
  for (const TargetName& name : changes_.drained) {
    const auto found = drains_began_.find(name);
    const auto began = found == drains_began_.end() ? std::nullopt : std::optional{found->second};
    if (const auto refusal = parts_.drain(name, began)) spdlog::warn("{}", refusal->sentence);
  }
  const auto before = std::exchange(shifts_before_, {});
  if (before.empty()) return;
  parts_.restore(before);
  if (parts_.shifts().size() == before.size()) return;
  // What has expired is told once, not at each start.
  static_cast<void>(keep(state_with(changes_, effective_), [] { return std::nullopt; }));
}

Proposal LiveConfig::propose(Config file, const Changes& changes) const {
  Proposal proposal;
  proposal.changes = config::reconcile(file, changes);
  proposal.effective = config::with_changes(file, proposal.changes.kept);
  proposal.file = std::move(file);
  proposal.wrong = config::check_with_changes(proposal.effective);
  if (proposal.wrong.empty()) proposal.needs_restart = parts_.cannot_change(proposal.effective);
  proposal.losses = losses(proposal.effective, proposal.changes.kept.drained, parts_.facts());
  return proposal;
}

Proposal LiveConfig::propose_reload(Config file, bool discard_changes) const {
  if (discard_changes) return propose(std::move(file), {});
  config::Reconciled edited =
      config::without_edited_weights(config::weights_of(file_), file, changes_);
  Proposal proposal = propose(std::move(file), edited.kept);
  proposal.changes.dropped.weights.merge(edited.dropped.weights);
  proposal.changes.reasons.insert(proposal.changes.reasons.end(), edited.reasons.begin(),
                                  edited.reasons.end());
  return proposal;
}

std::optional<Proposal> LiveConfig::earlier() const {
  const History::Entry* entry = history_.newest();
  if (entry == nullptr || !entry->source) return std::nullopt;
  auto loaded = config::load(*entry->source);
  if (!std::holds_alternative<Config>(loaded)) return std::nullopt;  // it was one when it came in
  return propose(std::move(std::get<Config>(loaded)), config::merged(entry->dropped, changes_));
}

State LiveConfig::state_with(const Changes& changes, const Config& effective) const {
  State state{.changes = changes, .zone_shifts = parts_.shifts()};
  for (const TargetName& name : changes.drained) {
    const auto found = drains_began_.find(name);
    state.drains_began.emplace(
        name, found == drains_began_.end() ? report::now_unix_milliseconds() : found->second);
  }
  for (const config::TargetGroup& group : effective.target_groups) {
    for (const config::Target& target : group.targets) {
      const TargetName name{group.name, target.address, target.port};
      if (!changes.weights.contains(name)) continue;
      state.weights_instead_of.emplace(name, target.configured_weight.value_or(target.weight));
    }
  }
  return state;
}

std::optional<Outcome> LiveConfig::keep(State state,
                                        const std::function<std::optional<Outcome>()>& act) {
  if (auto error = state_.prepare(state.empty() ? "" : state_text(file_.instance, state))) {
    return refused(500, fmt::format("nothing is changed, since it could not be kept: {}", *error));
  }
  if (auto outcome = act()) {
    state_.abandon();
    return outcome;
  }
  if (const auto error = state_.commit()) {
    spdlog::error("a restart will forget the last change: {}", *error);
  }
  drains_began_ = std::move(state.drains_began);
  return std::nullopt;
}

std::optional<Outcome> LiveConfig::apply(Proposal proposal, bool force) {
  if (const std::string refusal = proposal.refusal(force); !refusal.empty()) {
    return refused(409, refusal);
  }
  const Changes& kept = proposal.changes.kept;
  const std::set<TargetName> drained = only_in(kept.drained, changes_.drained);
  // A drain of a target that leaves goes on as it is.
  const std::set<TargetName> undrained =
      present(only_in(changes_.drained, kept.drained), proposal.effective);
  const auto act = [&]() -> std::optional<Outcome> {
    if (const auto error = parts_.apply(proposal.effective, undrained)) return refused(409, *error);
    return std::nullopt;
  };
  if (auto outcome = keep(state_with(kept, proposal.effective), act)) return outcome;
  for (const std::string& reason : proposal.changes.reasons) spdlog::warn("{}", reason);
  // Of what a rollback brings back.
  for (const TargetName& name : drained) {
    if (const auto refusal = parts_.drain(name, {})) spdlog::warn("{}", refusal->sentence);
  }
  file_ = std::move(proposal.file);
  changes_ = std::move(proposal.changes.kept);
  effective_ = std::move(proposal.effective);
  return std::nullopt;
}

std::optional<Outcome> LiveConfig::change(const Changes& changes, bool force) {
  return apply(propose(file_, changes), force);
}

}  // namespace control
