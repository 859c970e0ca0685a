// What the operator asks of a running configuration.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "config/check.h"
#include "config/errors.h"
#include "control/live/live_config.h"
#include "control/live/state_document.h"

namespace control {

using config::Changes;
using config::Config;
using config::Target;
using config::TargetGroup;
using report::Json;

namespace {

/// More would fill a terminal, and a log.
constexpr std::size_t sentences_max = 20;

std::string listed(const std::vector<std::string>& sentences) {
  std::string text;
  for (std::size_t i = 0; i < std::min(sentences.size(), sentences_max); ++i) {
    text += (i == 0 ? "" : "\n") + sentences[i];
  }
  if (sentences.size() > sentences_max) {
    text += fmt::format("\n… and {} more", sentences.size() - sentences_max);
  }
  return text;
}

const Target* target_in(const TargetGroup& group, const TargetName& name) {
  for (const Target& target : group.targets) {
    if (target.address == name.address && target.port == name.port) return &target;
  }
  return nullptr;
}

const char* plural(std::size_t count) { return count == 1 ? "" : "s"; }

std::optional<Outcome> answer_of(const std::optional<Refusal>& refusal) {
  if (!refusal) return std::nullopt;
  return refused(refusal->kind == Refusal::Kind::NotFound ? 404 : 409, refusal->sentence);
}

}  // namespace

const TargetGroup* LiveConfig::group_in(const Config& config, const std::string& name) const {
  for (const TargetGroup& group : config.target_groups) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

Outcome LiveConfig::no_such_group(const std::string& name) const {
  std::vector<std::string> known;
  for (const TargetGroup& group : file_.target_groups) known.push_back(group.name);
  return refused(404, fmt::format("there is no target group {}.{} spillwayctl targets lists them",
                                  config::in_quotes(name), config::did_you_mean(name, known)));
}

bool LiveConfig::file_has(const TargetName& name) const {
  const TargetGroup* group = group_in(file_, name.target_group);
  return group != nullptr && target_in(*group, name) != nullptr;
}

Outcome LiveConfig::done(Json document) const {
  document["generation"] = parts_.generation();
  return {200, std::move(document)};
}

// --- the file ---

Outcome LiveConfig::reload(const std::string& file, const ReloadWanted& wanted) {
  auto loaded = config::load(file);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    return refused(409, to_string(*errors));
  }
  Proposal proposal = propose_reload(std::move(std::get<Config>(loaded)), wanted.discard_changes);
  History::Entry replaced{file_.source,
                          wanted.discard_changes ? changes_ : proposal.changes.dropped,
                          report::now_unix_milliseconds()};
  const std::size_t dropped = replaced.dropped.size();
  const auto reasons = proposal.changes.reasons;
  if (auto refusal = apply(std::move(proposal), wanted.force)) return *refusal;
  history_.push(std::move(replaced), file_);
  return done({{"dropped_changes", dropped}, {"reasons", reasons}, {"changes", changes_.size()}});
}

Outcome LiveConfig::rollback(bool force) {
  auto proposal = earlier();
  if (!proposal) return refused(409, nothing_earlier);
  const std::string file = proposal->file.file;
  const std::uint64_t replaced = history_.newest()->replaced_unix_milliseconds;
  if (auto refusal = apply(std::move(*proposal), force)) return *refusal;
  history_.pop(file_);
  spdlog::warn("rolled back to {} as it was until {}; the next reload or restart reads the file",
               file, report::iso_time(replaced));
  return done({{"file", file},
               {"replaced", report::iso_time(replaced)},
               {"earlier", history_.size()},
               {"changes", changes_.size()}});
}

// --- targets ---

std::variant<bool, std::string> LiveConfig::add_one(const TargetName& name,
                                                    const WantedTarget& wanted,
                                                    Changes& changes) const {
  const bool was_drained = changes.drained.erase(name) != 0;  // as ELB: it is to serve again
  const bool in_file = file_has(name);
  if (in_file && !changes.deregistered.contains(name)) {
    if (wanted.bare) return was_drained;
    const Config& file = file_;
    const auto group =
        std::find_if(file.target_groups.begin(), file.target_groups.end(),
                     [&](const TargetGroup& g) { return g.name == name.target_group; });
    return fmt::format(
        "{}: is in {} already, in line {}; allowed: nothing but its address and port. Change it "
        "there and reload, or deregister it first",
        to_string(name), file.file, target_in(*group, name)->line);
  }
  if (in_file && wanted.bare && !changes.registered.contains(name)) {
    changes.deregistered.erase(name);
    return true;
  }
  const auto known = changes.registered.find(name);
  if (known != changes.registered.end() && known->second.text == wanted.text) return was_drained;
  changes.registered.insert_or_assign(name, config::Registration{wanted.target, wanted.text});
  changes.weights.erase(name);
  return true;
}

Outcome LiveConfig::add(const std::string& target_group, const Json& targets) {
  const TargetGroup* group = group_in(file_, target_group);
  if (group == nullptr) return no_such_group(target_group);
  auto read = wanted_targets(*group, targets);
  if (const auto* wrong = std::get_if<std::string>(&read)) return refused(400, *wrong);
  Changes changes = changes_;
  std::vector<TargetName> names;
  std::set<TargetName> seen;
  std::vector<std::string> problems;
  std::size_t added = 0;
  for (const WantedTarget& wanted : std::get<std::vector<WantedTarget>>(read)) {
    const TargetName name{target_group, wanted.target.address, wanted.target.port};
    names.push_back(name);
    if (!seen.insert(name).second) {
      problems.push_back(
          fmt::format("{}: is in the request twice; allowed: once", to_string(name)));
      continue;
    }
    const auto result = add_one(name, wanted, changes);
    if (const auto* problem = std::get_if<std::string>(&result))
      problems.push_back(*problem);
    else if (std::get<bool>(result))
      ++added;
  }
  if (!problems.empty()) return refused(400, listed(problems));
  if (added > 0) {
    if (auto refusal = change(changes, false)) return *refusal;
    spdlog::info("{} target{} registered in {} by the operator: generation {}", added,
                 plural(added), target_group, parts_.generation());
  }
  return done({{"target_group", target_group},
               {"registered", added},
               {"unchanged", names.size() - added},
               {"targets", parts_.documents(names)}});
}

std::variant<TargetName, std::string> LiveConfig::find(const TargetGroup& group,
                                                       const NamedTarget& named) const {
  std::vector<std::uint16_t> ports;
  for (const Target& target : group.targets) {
    if (target.address == named.address && named.port.value_or(target.port) == target.port) {
      ports.push_back(target.port);
    }
  }
  if (ports.size() == 1) return TargetName{group.name, named.address, ports.front()};
  const std::string shown =
      named.port ? target_text(named.address, *named.port) : to_string(named.address);
  if (ports.empty()) {
    return fmt::format("target group \"{}\" has no target {}; spillwayctl targets lists them",
                       group.name, shown);
  }
  return fmt::format("target group \"{}\" has {} on {} ports: say which, such as {}", group.name,
                     shown, ports.size(), target_text(named.address, ports.front()));
}

Outcome LiveConfig::remove(const std::string& target_group, const Json& targets, bool force) {
  const TargetGroup* group = group_in(effective_, target_group);
  if (group == nullptr) return no_such_group(target_group);
  const auto read = named_targets(targets);
  if (const auto* wrong = std::get_if<std::string>(&read)) return refused(400, *wrong);
  Changes changes = changes_;
  std::set<TargetName> names;
  std::vector<std::string> problems;
  for (const NamedTarget& named : std::get<std::vector<NamedTarget>>(read)) {
    const auto found = find(*group, named);
    if (const auto* problem = std::get_if<std::string>(&found)) {
      problems.push_back(*problem);
      continue;
    }
    const TargetName& name = std::get<TargetName>(found);
    names.insert(name);
    changes.registered.erase(name);
    changes.weights.erase(name);
    changes.drained.erase(name);
    if (file_has(name)) changes.deregistered.insert(name);
  }
  if (!problems.empty()) return refused(404, listed(problems));
  if (auto refusal = change(changes, force)) return *refusal;
  spdlog::info("{} target{} deregistered from {} by the operator: generation {}", names.size(),
               plural(names.size()), target_group, parts_.generation());
  return done({{"target_group", target_group},
               {"deregistered", names.size()},
               {"targets", parts_.documents({names.begin(), names.end()})}});
}

Outcome LiveConfig::drain(const TargetName& name, bool force) {
  Changes changes = changes_;
  changes.drained.insert(name);
  const auto lost = losses(effective_, changes.drained, parts_.facts());
  if (!lost.empty() && !force) return refused(409, to_string(lost));
  const auto act = [&]() -> std::optional<Outcome> { return answer_of(parts_.drain(name, {})); };
  if (auto outcome = keep(state_with(changes, effective_), act)) return *outcome;
  changes_ = std::move(changes);
  const Json documents = parts_.documents({name});
  return {200, documents.empty() ? Json::object() : documents.front()};
}

Outcome LiveConfig::undrain(const TargetName& name) {
  Changes changes = changes_;
  changes.drained.erase(name);
  const auto act = [&]() -> std::optional<Outcome> { return answer_of(parts_.undrain(name)); };
  if (auto outcome = keep(state_with(changes, effective_), act)) return *outcome;
  changes_ = std::move(changes);
  const Json documents = parts_.documents({name});
  return {200, documents.empty() ? Json::object() : documents.front()};
}

// --- zones ---

std::optional<Outcome> LiveConfig::shift(const ShiftWanted& wanted) {
  const auto now = std::chrono::system_clock::now();
  const ZonalShift shift{wanted.zone, wanted.comment, now, now + wanted.expires};
  State state = state_with(changes_, effective_);
  std::erase_if(state.zone_shifts, [&](const ZonalShift& one) { return one.zone == wanted.zone; });
  state.zone_shifts.push_back(shift);
  return keep(std::move(state), [&] { return answer_of(parts_.shift(shift)); });
}

std::optional<Outcome> LiveConfig::unshift(const std::string& zone) {
  State state = state_with(changes_, effective_);
  std::erase_if(state.zone_shifts, [&](const ZonalShift& one) { return one.zone == zone; });
  return keep(std::move(state), [&] { return answer_of(parts_.unshift(zone)); });
}

// --- weights ---

std::optional<std::uint16_t> LiveConfig::weight(const TargetName& name) const {
  const TargetGroup* group = group_in(effective_, name.target_group);
  const Target* target = group == nullptr ? nullptr : target_in(*group, name);
  return target == nullptr ? std::nullopt : std::optional{target->weight};
}

Outcome LiveConfig::set_weight(const TargetName& name, std::uint16_t weight, bool force) {
  const TargetGroup* group = group_in(effective_, name.target_group);
  if (group == nullptr) return no_such_group(name.target_group);
  const auto found = find(*group, {name.address, name.port});
  if (const auto* problem = std::get_if<std::string>(&found)) return refused(404, *problem);
  const Target& target = *target_in(*group, name);
  const std::uint16_t before = target.weight;
  const std::uint16_t configured = target.configured_weight.value_or(before);
  Changes changes = changes_;
  changes.weights.erase(name);
  if (weight != configured) changes.weights.emplace(name, weight);
  if (changes.weights != changes_.weights) {
    if (auto refusal = change(changes, force)) return *refusal;
    spdlog::info("target {} weight {} -> {}, set by the operator; the file has {}", to_string(name),
                 before, weight, configured);
  }
  const Json documents = parts_.documents({name});
  return {200, documents.empty() ? Json::object() : documents.front()};
}

// --- changes ---

Outcome LiveConfig::discard(const std::string& target_group, bool force) {
  if (!target_group.empty() && group_in(file_, target_group) == nullptr) {
    return no_such_group(target_group);
  }
  const auto goes = [&](const TargetName& name) {
    return target_group.empty() || name.target_group == target_group;
  };
  Changes changes = changes_;
  std::erase_if(changes.registered, [&](const auto& one) { return goes(one.first); });
  std::erase_if(changes.deregistered, goes);
  std::erase_if(changes.weights, [&](const auto& one) { return goes(one.first); });
  std::erase_if(changes.drained, goes);
  const std::size_t discarded = changes_.size() - changes.size();
  if (discarded > 0) {
    if (auto refusal = change(changes, force)) return *refusal;
    spdlog::info("{} change{} beside the file discarded: generation {}", discarded,
                 plural(discarded), parts_.generation());
  }
  return done({{"discarded", discarded}, {"changes", changes_.size()}});
}

Json LiveConfig::changes_document() const {
  Json document{{"instance", file_.instance},
                {"file", file_.file},
                {"state_file", state_.path().string()},
                {"earlier", history_.size()}};
  document.update(control::changes_document(changes_));
  return document;
}

}  // namespace control
