#include "config/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "config/check.h"

namespace config {
namespace {

constexpr std::string_view registered_prefix = "registered target ";

using Groups = std::map<std::string_view, std::size_t>;

Groups groups_of(const Config& file) {
  Groups groups;
  for (std::size_t i = 0; i < file.target_groups.size(); ++i) {
    groups.emplace(file.target_groups[i].name, i);
  }
  return groups;
}

std::set<TargetName> targets_of(const Config& config) {
  std::set<TargetName> names;
  for (const TargetGroup& group : config.target_groups) {
    for (const Target& target : group.targets) {
      names.insert({group.name, target.address, target.port});
    }
  }
  return names;
}

/// Sorts changes into those that stay and those that go, one kind after the other.
class Reconciliation {
 public:
  explicit Reconciliation(const Config& file) : groups_(groups_of(file)), file_(targets_of(file)) {}

  Reconciled result(const Changes& changes) && {
    for (const TargetName& name : changes.deregistered) take_deregistration(name);
    for (const auto& [name, registration] : changes.registered)
      take_registration(name, registration);
    for (const auto& [name, weight] : changes.weights) {
      if (stays(name, "weight")) {
        result_.kept.weights.emplace(name, weight);
      } else {
        result_.dropped.weights.emplace(name, weight);
      }
    }
    for (const TargetName& name : changes.drained) {
      (stays(name, "drain") ? result_.kept : result_.dropped).drained.insert(name);
    }
    return std::move(result_);
  }

 private:
  bool group_is_there(const TargetName& name, std::string_view what) {
    if (groups_.contains(name.target_group)) return true;
    say(name, what, fmt::format("the file has no target group \"{}\"", name.target_group));
    return false;
  }

  void take_deregistration(const TargetName& name) {
    const bool there = group_is_there(name, "deregistration");
    if (there && file_.contains(name)) {
      result_.kept.deregistered.insert(name);
      return;
    }
    if (there) say(name, "deregistration", "the file does not have it either");
    result_.dropped.deregistered.insert(name);
  }

  void take_registration(const TargetName& name, const Registration& registration) {
    const bool there = group_is_there(name, "registration");
    const bool own = file_.contains(name) && !result_.kept.deregistered.contains(name);
    if (there && own) say(name, "registration", "the file has it itself, which counts");
    (there && !own ? result_.kept : result_.dropped).registered.emplace(name, registration);
  }

  bool stays(const TargetName& name, std::string_view what) {
    const bool of_file = file_.contains(name) && !result_.kept.deregistered.contains(name);
    if (of_file || result_.kept.registered.contains(name)) return true;
    say(name, what, "there is no such target");
    return false;
  }

  void say(const TargetName& name, std::string_view what, const std::string& why) {
    result_.reasons.push_back(fmt::format("{} of {} is dropped: {}", what, to_string(name), why));
  }

  Groups groups_;
  std::set<TargetName> file_;
  Reconciled result_;
};

/// The index in "LIST[7].port" of an element of `list`.
std::size_t index_in(std::string_view path, std::string_view list) {
  std::size_t index = 0;
  const std::string_view digits = path.substr(list.size() + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return index;
}

/// Elements of a list have gone: `now` says where each is now, if anywhere. What is known by paths
/// of theirs moves along. In order, so that each place is free when it is taken.
template <class Value>
void move_elements(std::map<std::string, Value, std::less<>>& known, const std::string& list,
                   const std::vector<std::optional<std::size_t>>& now) {
  const std::string begin = list + "[";
  std::vector<std::pair<std::string, Value>> moved;
  auto at = known.lower_bound(begin);
  while (at != known.end() && at->first.starts_with(begin)) {
    const std::size_t index = index_in(at->first, list);
    if (index >= now.size() || now[index]) {
      const std::size_t to = index < now.size() ? *now[index] : index;
      const std::size_t end = at->first.find(']', begin.size());
      moved.emplace_back(element(list, to) + at->first.substr(end + 1), std::move(at->second));
    }
    at = known.erase(at);
  }
  for (auto& [path, value] : moved) known.insert_or_assign(std::move(path), std::move(value));
}

void remove_targets(Config& config, std::size_t index, const std::set<TargetName>& gone) {
  TargetGroup& group = config.target_groups[index];
  std::vector<std::optional<std::size_t>> now;
  std::vector<Target> left;
  for (Target& target : group.targets) {
    const bool stays = !gone.contains({group.name, target.address, target.port});
    now.push_back(stays ? std::optional{left.size()} : std::nullopt);
    if (stays) left.push_back(std::move(target));
  }
  if (left.size() == group.targets.size()) return;
  group.targets = std::move(left);
  const std::string list = element("target_groups", index) + ".targets";
  move_elements(config.places.settings, list, now);
  move_elements(config.places.values, list, now);
}

std::string port_text(std::uint16_t port) { return port == 0 ? "\"same\"" : std::to_string(port); }

void add_target(Config& config, std::size_t index, const Registration& registration) {
  TargetGroup& group = config.target_groups[index];
  const Target& target = registration.target;
  const std::string path =
      element(element("target_groups", index) + ".targets", group.targets.size());
  Places& places = config.places;
  const Place place{static_cast<std::uint32_t>(places.files.size()), 0};
  places.files.push_back(fmt::format(
      "{}{}", registered_prefix, to_string(TargetName{group.name, target.address, target.port})));
  for (const char* key : {"", ".address", ".port", ".weight", ".zone", ".max_connections"}) {
    places.settings.insert_or_assign(path + key, place);
  }
  places.values.insert_or_assign(path + ".address", in_quotes(to_string(target.address)));
  places.values.insert_or_assign(path + ".port", port_text(target.port));
  places.values.insert_or_assign(path + ".weight", std::to_string(target.weight));
  places.values.insert_or_assign(path + ".zone", in_quotes(target.zone));
  places.values.insert_or_assign(path + ".max_connections", std::to_string(target.max_connections));
  group.targets.push_back(target);
}

}  // namespace

std::string to_string(const TargetName& name) {
  return fmt::format("{} {}", name.target_group, target_text(name.address, name.port));
}

Reconciled reconcile(const Config& file, const Changes& changes) {
  return Reconciliation{file}.result(changes);
}

Weights weights_of(const Config& config) {
  Weights weights;
  for (const TargetGroup& group : config.target_groups) {
    for (const Target& target : group.targets) {
      weights.emplace(TargetName{group.name, target.address, target.port}, target.weight);
    }
  }
  return weights;
}

Reconciled without_edited_weights(const Weights& before, const Config& after,
                                  const Changes& changes) {
  Reconciled result;
  result.kept = changes;
  if (changes.weights.empty()) return result;
  const Weights new_weights = weights_of(after);
  for (const auto& [name, weight] : changes.weights) {
    const auto was = before.find(name);
    const auto is = new_weights.find(name);
    if (was == before.end() || is == new_weights.end() || was->second == is->second) continue;
    if (changes.registered.contains(name)) continue;  // that is about the registration's
    result.kept.weights.erase(name);
    result.dropped.weights.emplace(name, weight);
    result.reasons.push_back(fmt::format("weight of {} is dropped: the file has {} now, not {}",
                                         to_string(name), is->second, was->second));
  }
  return result;
}

Changes merged(const Changes& older, const Changes& newer) {
  Changes all = newer;
  all.registered.insert(older.registered.begin(), older.registered.end());
  all.deregistered.insert(older.deregistered.begin(), older.deregistered.end());
  all.weights.insert(older.weights.begin(), older.weights.end());
  all.drained.insert(older.drained.begin(), older.drained.end());
  return all;
}

Config with_changes(const Config& file, const Changes& changes) {
  Config config = file;
  const Groups groups = groups_of(file);
  std::set<std::size_t> reduced;
  for (const TargetName& name : changes.deregistered) reduced.insert(groups.at(name.target_group));
  for (const std::size_t index : reduced) remove_targets(config, index, changes.deregistered);
  for (const auto& [name, registration] : changes.registered) {
    add_target(config, groups.at(name.target_group), registration);
  }
  for (std::size_t g = 0; g < config.target_groups.size(); ++g) {
    TargetGroup& group = config.target_groups[g];
    for (std::size_t t = 0; t < group.targets.size(); ++t) {
      Target& target = group.targets[t];
      target.configured_weight = target.weight;
      const auto found = changes.weights.find({group.name, target.address, target.port});
      if (found == changes.weights.end()) continue;
      target.weight = found->second;
      const std::string path = element(element("target_groups", g) + ".targets", t) + ".weight";
      config.places.values.insert_or_assign(path, std::to_string(target.weight));
    }
  }
  return config;
}

Errors check_with_changes(const Config& config) {
  Errors errors = check(config);
  for (Error& error : errors) {
    if (!error.file.starts_with(registered_prefix)) continue;
    const std::size_t end = error.setting.rfind(']');
    if (end == std::string::npos) continue;
    error.setting.erase(0, end + 1);
    if (error.setting.starts_with('.')) error.setting.erase(0, 1);
  }
  return errors;
}

}  // namespace config
