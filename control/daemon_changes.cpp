// What changes the daemon's configuration while it runs, between live_ and the parts that run.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/check.h"
#include "config/restart.h"
#include "config/source_document.h"
#include "config/steering.h"
#include "control/daemon.h"
#include "control/live/plan.h"
#include "control/log.h"
#include "tools/report/documents.h"

namespace control {
namespace {

/// So many targets are named in one event.
constexpr std::size_t named_max = 5;

std::string text_in(const report::Json& document, const char* key) {
  return document.value(key, std::string());
}

std::uint64_t count_in(const report::Json& document, const char* key) {
  return document.value(key, std::uint64_t{0});
}

/// What became of several targets of a group, from the answer to who asked for it.
Event targets_event(const std::string& target_group, const char* verb,
                    const report::Json& document) {
  std::vector<std::string> names;
  for (const report::Json& target : document.value("targets", report::Json::array())) {
    const auto address = dataplane::parse_address(text_in(target, "address"));
    const auto port = static_cast<std::uint16_t>(count_in(target, "port"));
    if (address) names.push_back(target_text(*address, port));
  }
  std::string listed;
  for (std::size_t i = 0; i < std::min(names.size(), named_max); ++i) {
    listed += (i == 0 ? ": " : ", ") + names[i];
  }
  if (names.size() > named_max) listed += fmt::format(" and {} more", names.size() - named_max);
  const std::uint64_t count = count_in(document, fmt::format("{}ed", verb).c_str());
  return {.kind = "operator",
          .target_group = target_group,
          .target = names.size() == 1 ? names.front() : "",
          .to = verb,
          .sentence = fmt::format("the operator {}s {} target{}{}", verb, count,
                                  count == 1 ? "" : "s", listed)};
}

}  // namespace

void Daemon::start_live(const config::Options& options) {
  LiveConfig::Parts parts;
  parts.apply = [this](const config::Config& wanted, const std::set<TargetName>& undrained) {
    return take_over(wanted, undrained);
  };
  parts.cannot_change = [this](const config::Config& wanted) { return cannot_change(wanted); };
  parts.facts = [this] { return facts(); };
  parts.drain = [this](const TargetName& name, std::optional<std::uint64_t> began) {
    using Time = std::chrono::system_clock::time_point;
    return lifecycle_->drain(
        name, began ? std::optional{Time(std::chrono::milliseconds(*began))} : std::nullopt);
  };
  parts.undrain = [this](const TargetName& name) { return lifecycle_->undrain(name); };
  parts.shift = [this](const ZonalShift& shift) { return lifecycle_->shift(shift); };
  parts.unshift = [this](const std::string& zone) { return lifecycle_->unshift(zone); };
  parts.shifts = [this] { return lifecycle_->shifts(); };
  parts.restore = [this](const std::vector<ZonalShift>& shifts) { lifecycle_->restore(shifts); };
  parts.documents = [this](const std::vector<TargetName>& names) {
    return target_documents(names);
  };
  parts.generation = [this] { return generation_.number; };
  live_ = std::make_unique<LiveConfig>(std::move(config_), options.state_dir,
                                       options.discard_changes, std::move(parts));
  config_ = live_->effective();
}

config::Errors Daemon::cannot_change(const config::Config& wanted) const {
  config::Errors errors = restart_needed(config_, wanted);
  if (errors.empty()) errors = steering_conflicts(wanted, client_rss_.get());
  return errors;
}

/// Makes a checked configuration the running one, as one generation; or says why everything stays
/// as it was.
std::optional<std::string> Daemon::take_over(const config::Config& wanted,
                                             const std::set<TargetName>& undrained) {
  if (auto error = lifecycle_->apply(wanted)) return error;
  for (const TargetName& name : undrained) {
    // Not there any more, or out of its drain already: then there is nothing to do.
    static_cast<void>(lifecycle_->undrain(name));
  }
  // The tables are there whether or not a listener uses them, and so are the flow log's rings.
  const std::uint32_t capacity_ipv6 = config::ipv6_capacity(config_);
  const std::uint32_t ring = config_.flow_log.ring;
  config_ = wanted;
  config_.flows.capacity_ipv6 = capacity_ipv6;
  config_.flow_log.ring = ring;
  publish();
  flow_log_->configure(config_.flow_log);
  return std::nullopt;
}

report::Json Daemon::target_documents(const std::vector<TargetName>& names) const {
  // By the words of the records, which are cut to fit nowhere here.
  using Words = std::tuple<std::string_view, std::string_view, std::uint16_t>;
  const Records records = lifecycle_->records();
  std::map<Words, const dataplane::TargetRecord*> known;
  for (const dataplane::TargetRecord& record : records.targets) {
    known.emplace(Words{record.target_group.view(), record.address.view(), record.port}, &record);
  }
  report::Json documents = report::Json::array();
  for (const TargetName& name : names) {
    const std::string address = to_string(name.address);
    const auto found = known.find(Words{name.target_group, address, name.port});
    if (found == known.end()) continue;
    documents.push_back(report::target_document(segment_.view(), *found->second));
  }
  return documents;
}

Outcome Daemon::reload(const ReloadWanted& wanted) {
  Outcome outcome = live_->reload(config_file_, wanted);
  const bool done = outcome.status == 200;
  const std::string error = done ? "" : outcome.document.value("error", "");
  instance_.last_reload_unix_milliseconds = report::now_unix_milliseconds();
  instance_.last_reload_error.assign(error);
  ++(done ? instance_.reloads : instance_.reloads_refused);
  segment_.write(instance_);
  if (!done) {
    spdlog::error("reload refused, the running configuration stays:");
    log_error_lines(error);
    events_.add({.kind = "reload", .to = "refused", .sentence = error});
    events_.published(generation_);
    return outcome;
  }
  events_.add({.kind = "reload", .to = "applied", .sentence = "read " + config_file_});
  events_.published(generation_);
  outcome.document["reloads"] = instance_.reloads;
  spdlog::info("reloaded {}: generation {}", config_file_, generation_.number);
  return outcome;
}

void Daemon::tell(const Outcome& outcome, Event event) {
  if (outcome.status != 200) return;
  events_.add(std::move(event));
  events_.published(generation_);
}

void Daemon::add_live_commands(Commands& commands) {
  commands.reload = [this](const ReloadWanted& wanted, const Done& done) { done(reload(wanted)); };
  commands.rollback = [this](bool force, const Done& done) {
    Outcome outcome = live_->rollback(force);
    if (outcome.status == 200) {
      tell(outcome, {.kind = "rollback",
                     .to = "applied",
                     .sentence = fmt::format("back to {} as it was until {}", config_file_,
                                             text_in(outcome.document, "replaced"))});
    } else {
      events_.add(
          {.kind = "rollback", .to = "refused", .sentence = text_in(outcome.document, "error")});
      events_.published(generation_);
    }
    done(std::move(outcome));
  };
  commands.plan = [this](const PlanWanted& wanted, const Done& done) { done(plan(wanted)); };
  commands.changes = [this] { return live_->changes_document(); };
  commands.discard = [this](const std::string& target_group, bool force, const Done& done) {
    Outcome outcome = live_->discard(target_group, force);
    if (count_in(outcome.document, "discarded") > 0) {
      tell(outcome, {.kind = "operator",
                     .target_group = target_group,
                     .to = "discard",
                     .sentence = fmt::format("{} changes beside the file are discarded",
                                             count_in(outcome.document, "discarded"))});
    }
    done(std::move(outcome));
  };
  commands.add_targets = [this](const TargetsWanted& wanted, const Done& done) {
    Outcome outcome = live_->add(wanted.target_group, wanted.targets);
    if (count_in(outcome.document, "registered") > 0) {
      tell(outcome, targets_event(wanted.target_group, "register", outcome.document));
    }
    done(std::move(outcome));
  };
  commands.remove_targets = [this](const TargetsWanted& wanted, const Done& done) {
    Outcome outcome = live_->remove(wanted.target_group, wanted.targets, wanted.force);
    tell(outcome, targets_event(wanted.target_group, "deregister", outcome.document));
    done(std::move(outcome));
  };
  commands.drain = [this](const DrainWanted& wanted, const Done& done) {
    done(live_->drain(wanted, wanted.force));
  };
  commands.undrain = [this](const TargetName& target, const Done& done) {
    done(live_->undrain(target));
  };
  commands.weight = [this](const TargetName& target, std::uint16_t weight, const Done& done) {
    done(set_weight(target, weight));
  };
}

Outcome Daemon::set_weight(const TargetName& name, std::uint16_t weight) {
  const std::optional<std::uint16_t> before = live_->weight(name);
  // No --force: who says 0 has said so.
  Outcome outcome = live_->set_weight(name, weight, true);
  if (outcome.status != 200) return outcome;
  outcome.document["previous_weight"] = before ? report::Json(*before) : report::Json();
  if (before != weight) {
    tell(outcome, {.kind = "operator",
                   .target_group = name.target_group,
                   .target = target_text(name.address, name.port),
                   .to = "weight",
                   .sentence = fmt::format("the operator sets its weight from {} to {}",
                                           before.value_or(0), weight)});
  }
  const std::string note = lifecycle_->weight_note(name);
  outcome.document["note"] = note.empty() ? report::Json() : report::Json(note);
  return outcome;
}

Outcome Daemon::plan(const PlanWanted& wanted) {
  std::optional<Proposal> proposal;
  if (wanted.source.is_null()) {
    proposal = live_->earlier();
    if (!proposal) return refused(409, std::string(LiveConfig::nothing_earlier));
  } else {
    auto source = config::source_of(wanted.source);
    if (const auto* wrong = std::get_if<std::string>(&source)) return refused(400, *wrong);
    auto loaded = config::load(std::get<config::Source>(source));
    if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
      return refused(400, to_string(*errors));
    }
    proposal =
        live_->propose_reload(std::move(std::get<config::Config>(loaded)), wanted.discard_changes);
  }
  const Present present{
      .running = live_->effective(),
      .facts = facts(),
      .snapshot = publication_->newest(),
      .target_flows =
          [this](dataplane::TargetId id) {
            return report::total(segment_.view(), id, &dataplane::TargetCounters::active_flows);
          },
      .listener_flows = [this](dataplane::ListenerId id) { return listener_flows(id); }};
  return {200, plan_document(present, *proposal)};
}

}  // namespace control
