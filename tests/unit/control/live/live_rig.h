// LiveRig: a LiveConfig on files of its own, over parts that only note what is done to them.
//
// All targets that run are healthy, unless the test takes them out. Slots are given in order.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/live/live_config.h"
#include "tests/unit/config/sample.h"

namespace control {

inline dataplane::IpAddress ip(const std::string& text) { return *dataplane::parse_address(text); }
inline TargetName web(const std::string& address, std::uint16_t port = 8080) {
  return {"web", ip(address), port};
}

class LiveRig : public testing::Test {
 protected:
  LiveRig() { write("10.0.1.11", "10.0.1.12"); }

  /// The file has these targets in group web, which a listener uses, and an empty group api.
  template <class... Addresses>
  void write(const Addresses&... addresses) {
    std::string targets;
    for (const std::string& address : {std::string(addresses)...}) {
      targets += (targets.empty() ? "" : ", ") + ("{ address = \"" + address + "\"; }");
    }
    write_groups("{ name = \"web\"; port = 8080; targets = ( " + targets +
                 " ); },\n{ name = \"api\"; port = 81; }");
  }
  void write_groups(const std::string& groups) {
    config::Sample sample;
    sample.top = "instance = \"edge-1\";\n";
    sample.groups = groups;
    file_ = files_.write("edge.cfg", sample.text());
  }
  [[nodiscard]] std::string state_path() const { return files_.path("state/edge-1.state"); }
  [[nodiscard]] std::string state() const {
    std::ifstream file(state_path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  LiveConfig& start(bool discard = false) {
    auto loaded = config::load(file_);
    if (auto* errors = std::get_if<config::Errors>(&loaded)) {
      ADD_FAILURE() << to_string(*errors);
      loaded = config::Config{};
    }
    live_.reset();
    live_ = std::make_unique<LiveConfig>(std::get<config::Config>(loaded), files_.path("state"),
                                         discard, parts());
    running_ = live_->effective();
    return *live_;
  }
  [[nodiscard]] std::string start_refusal() {
    try {
      start();
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  [[nodiscard]] LiveConfig::Parts parts() {
    LiveConfig::Parts parts;
    parts.apply = [this](const config::Config& wanted,
                         const std::set<TargetName>& undrained) -> std::optional<std::string> {
      if (!no_slots_.empty()) return no_slots_;
      for (const TargetName& name : undrained) drained_.erase(name);
      running_ = wanted;
      ++generation_;
      return std::nullopt;
    };
    parts.cannot_change = [](const config::Config&) { return config::Errors{}; };
    parts.facts = [this] { return facts(); };
    parts.drain = [this](const TargetName& name,
                         std::optional<std::uint64_t> began) -> std::optional<Refusal> {
      began_[name] = began;
      if (!drained_.insert(name).second) {
        return Refusal{Refusal::Kind::Conflict, to_string(name) + " is drained already"};
      }
      return std::nullopt;
    };
    parts.undrain = [this](const TargetName& name) -> std::optional<Refusal> {
      if (drained_.erase(name) == 0) {
        return Refusal{Refusal::Kind::Conflict, to_string(name) + " is not drained"};
      }
      return std::nullopt;
    };
    parts.shift = [this](const ZonalShift& shift) -> std::optional<Refusal> {
      if (shift.zone == "nowhere") {
        return Refusal{Refusal::Kind::NotFound, "there is no zone nowhere"};
      }
      std::erase_if(shifts_, [&](const ZonalShift& one) { return one.zone == shift.zone; });
      shifts_.push_back(shift);
      return std::nullopt;
    };
    parts.unshift = [this](const std::string& zone) -> std::optional<Refusal> {
      const auto ended =
          std::erase_if(shifts_, [&](const ZonalShift& one) { return one.zone == zone; });
      if (ended == 0) return Refusal{Refusal::Kind::Conflict, "zone " + zone + " is not shifted"};
      return std::nullopt;
    };
    parts.shifts = [this] { return shifts_; };
    parts.restore = [this](const std::vector<ZonalShift>& shifts) {
      restored_ = shifts;
      for (const ZonalShift& shift : shifts) {
        if (shift.expires > std::chrono::system_clock::now()) shifts_.push_back(shift);
      }
    };
    parts.documents = [](const std::vector<TargetName>& names) {
      report::Json documents = report::Json::array();
      for (const TargetName& name : names) documents.push_back(to_string(name));
      return documents;
    };
    parts.generation = [this] { return generation_; };
    return parts;
  }

  [[nodiscard]] config::Facts facts() const {
    config::Facts facts;
    std::uint16_t slot = 0, group_slot = 0;
    for (const config::Listener& listener : running_.listeners) {
      facts.listeners.push_back({listener.name, dataplane::ListenerId{0}, 0});
    }
    for (const config::TargetGroup& group : running_.target_groups) {
      facts.target_groups.push_back({group.name, dataplane::TargetGroupId{group_slot++}});
      for (const config::Target& target : group.targets) {
        const TargetName name{group.name, target.address, target.port};
        const bool healthy = !unhealthy_.contains(name) && !drained_.contains(name);
        facts.targets.push_back({.id = {slot++, 0},
                                 .target_group = group.name,
                                 .address = target.address,
                                 .port = target.port,
                                 .weight = target.weight,
                                 .availability = healthy ? config::Availability::Serving
                                                         : config::Availability::FailOpen});
      }
    }
    return facts;
  }

  [[nodiscard]] std::vector<std::string> addresses() const {
    std::vector<std::string> result;
    for (const config::TargetGroup& group : running_.target_groups) {
      for (const config::Target& target : group.targets) {
        result.push_back(to_string(target.address));
      }
    }
    return result;
  }
  static report::Json targets(const std::string& text) { return report::Json::parse(text); }
  static std::string error_of(const Outcome& outcome) {
    return outcome.document.value("error", "");
  }
  static bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
  }

  config::Files files_;
  std::string file_;
  std::unique_ptr<LiveConfig> live_;
  config::Config running_;
  std::set<TargetName> unhealthy_;
  std::set<TargetName> drained_;
  std::map<TargetName, std::optional<std::uint64_t>> began_;  // as drain() was told
  std::vector<ZonalShift> shifts_;
  std::vector<ZonalShift> restored_;
  std::string no_slots_;
  std::uint64_t generation_ = 1;
};

using Strings = std::vector<std::string>;

}  // namespace control
