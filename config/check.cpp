#include "config/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "config/checks.h"
#include "config/ranges.h"
#include "config/read.h"

namespace config {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

void check_workers(const Config& config, Complaints& complaints) {
  std::map<int, std::string> first;
  for (std::size_t i = 0; i < config.worker_cpus.size(); ++i) {
    const std::string path = element("workers", i);
    if (!complaints.readable(path)) continue;
    if (first.emplace(config.worker_cpus[i], path).second) continue;
    complaints.add({.setting = path,
                    .value = std::to_string(config.worker_cpus[i]),
                    .problem = "is named twice",
                    .allowed = "one worker on a CPU",
                    .remedy = "Name another CPU, or remove it."});
  }
}

Errors check_read(const Config& config, Paths unread) {
  Complaints complaints{config.places, std::move(unread)};
  check_name("instance", config.instance, complaints);
  check_workers(config, complaints);
  check_ports(config, complaints);
  check_target_groups(config, complaints);
  check_health_checks(config, complaints);
  check_overload(config, complaints);
  check_listeners(config, complaints);
  check_security_groups(config, complaints);
  check_addresses(config, complaints);
  check_reachable(config, complaints);
  return complaints.take();
}

std::variant<Config, Errors> checked(Reading reading) {
  // Of a file with that many mistakes not all are known, so what else is wrong is guesswork.
  if (reading.parsed && reading.errors.size() < complaints_max) {
    Errors more = check_read(reading.config, std::move(reading.unread));
    std::move(more.begin(), more.end(), std::back_inserter(reading.errors));
  }
  if (reading.errors.empty()) return std::move(reading.config);
  const auto& files = reading.config.places.files;
  const auto order = [&files](const Error& error) {
    return std::pair{std::find(files.begin(), files.end(), error.file), error.line};
  };
  std::stable_sort(reading.errors.begin(), reading.errors.end(),
                   [&](const Error& a, const Error& b) { return order(a) < order(b); });
  return std::move(reading.errors);
}

// --- listeners ---

void check_endpoints(const Config& config, Complaints& complaints) {
  std::map<std::tuple<dataplane::IpAddress, std::uint16_t, dataplane::Protocol>, std::size_t> first;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    const std::string path = element("listeners", i);
    if (!complaints.readable(path + ".address") || !complaints.readable(path + ".port") ||
        !complaints.readable(path + ".protocol")) {
      continue;
    }
    const auto [found, added] =
        first.emplace(std::tuple{listener.address, listener.port, listener.protocol}, i);
    if (added) continue;
    const std::string other = element("listeners", found->second);
    complaints.add({.setting = path,
                    .value = fmt::format("{} {}", with_port(listener.address, listener.port),
                                         to_string(listener.protocol)),
                    .problem = fmt::format("is the same address, port and protocol as listener "
                                           "{}{}",
                                           in_quotes(config.listeners[found->second].name),
                                           written_at(config, other)),
                    .allowed = "one listener for each",
                    .remedy = "Change its address or port, or remove it."});
  }
}

std::string_view name_of(dataplane::Family family) {
  return family == dataplane::Family::V4 ? "IPv4" : "IPv6";
}

/// Packets keep their family on the way through.
void check_family_of(const Config& config, std::size_t listener, std::size_t group,
                     Complaints& complaints) {
  const std::vector<Target>& targets = config.target_groups[group].targets;
  const std::string path = element("listeners", listener);
  const std::string list = element("target_groups", group) + ".targets";
  const dataplane::Family family = config.listeners[listener].address.family();
  if (!complaints.readable(path + ".address")) return;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const std::string target = element(list, t);
    if (!complaints.readable(target + ".address")) continue;
    if (targets[t].address.family() == family) continue;
    return complaints.add(
        {.setting = path + ".target_group",
         .value = in_quotes(config.listeners[listener].target_group),
         .problem = fmt::format("has an {} target, {}{}, but the listener's address is {}",
                                name_of(targets[t].address.family()), to_string(targets[t].address),
                                written_at(config, target), name_of(family)),
         .allowed = fmt::format("a target group with {} targets only", name_of(family)),
         .remedy = "Make a listener and a target group for each family."});
  }
}

void check_target_group_of(const Config& config, std::size_t index, Complaints& complaints) {
  const Listener& listener = config.listeners[index];
  const std::string path = element("listeners", index) + ".target_group";
  if (!complaints.readable(path) || !complaints.readable("target_groups")) return;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const TargetGroup& group = config.target_groups[i];
    const std::string group_path = element("target_groups", i);
    if (!complaints.readable(group_path + ".name")) return;  // it may be the one that is meant
    names.push_back(group.name);
    if (group.name != listener.target_group) continue;
    check_family_of(config, index, i, complaints);
    if (group.protocol == listener.protocol || !complaints.readable(group_path + ".protocol") ||
        !complaints.readable(element("listeners", index) + ".protocol")) {
      return;
    }
    complaints.add(
        {.setting = path,
         .value = in_quotes(listener.target_group),
         .problem = fmt::format("is a target group for {}{}, but the listener's protocol "
                                "is {}",
                                to_string(group.protocol), written_at(config, group_path),
                                to_string(listener.protocol)),
         .allowed = "a target group of the listener's protocol",
         .remedy = "Make the two the same, or name another target group."});
    return;
  }
  std::string allowed;
  for (const std::string& name : names) {
    if (allowed.size() > 200) {
      allowed += ", …";
      break;
    }
    allowed += (allowed.empty() ? "" : ", ") + in_quotes(name);
  }
  complaints.add({.setting = path,
                  .value = in_quotes(listener.target_group),
                  .problem = "is no target group of this configuration",
                  .allowed = allowed.empty() ? "none, there are no target groups" : allowed,
                  .remedy = "Add a target group of that name to target_groups, or name one that "
                            "is there." +
                            did_you_mean(listener.target_group, names)});
}

void check_ipv6_capacity(const Config& config, Complaints& complaints) {
  if (ipv6_capacity(config) != 0 || !complaints.readable("flows.capacity_ipv6")) return;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string path = element("listeners", i) + ".address";
    if (!complaints.readable(path) || config.listeners[i].address.is_v4()) continue;
    return complaints.add(
        {.setting = "flows.capacity_ipv6",
         .value = "0",
         .problem = fmt::format("leaves no room for flows of listener {}{}",
                                in_quotes(config.listeners[i].name), written_at(config, path)),
         .allowed = "at least 1 with an IPv6 listener",
         .remedy = "Raise it, or leave it out: then there is as much room as for IPv4."});
  }
}

}  // namespace

void check_listeners(const Config& config, Complaints& complaints) {
  if (config.listeners.size() > dataplane::listeners_max) {
    complaints.add({.setting = "listeners",
                    .value = fmt::format("{} listeners", config.listeners.size()),
                    .problem = "are too many",
                    .allowed = fmt::format("at most {}", dataplane::listeners_max),
                    .remedy = "Spread them over several instances."});
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    check_name(element("listeners", i) + ".name", config.listeners[i].name, complaints);
    check_target_group_of(config, i, complaints);
  }
  check_ipv6_capacity(config, complaints);
  check_unique_names(config, config.listeners, "listeners", complaints);
  check_endpoints(config, complaints);
}

void check_name(const std::string& path, std::string_view name, Complaints& complaints) {
  if (!complaints.readable(path)) return;
  const bool good = !name.empty() && name.size() <= ranges::name_size_max &&
                    std::all_of(name.begin(), name.end(), is_name_byte) && name.front() != '-' &&
                    name.back() != '-';
  if (good) return;
  complaints.add({.setting = path,
                  .value = in_quotes(name),
                  .problem = name.empty() ? "is empty" : "is not a name",
                  .allowed = fmt::format("1 to {} letters, digits and hyphens, no hyphen first or "
                                         "last",
                                         ranges::name_size_max),
                  .remedy = "Choose a name of that form."});
}

std::string written_at(const Config& config, std::string_view path) {
  const Place place = config.places.find(path);
  if (place.line == 0) return {};
  if (config.places.files.size() == 1) return fmt::format(" (line {})", place.line);
  return fmt::format(" ({}:{})", config.places.file_name(place), place.line);
}

Errors check(const Config& config) { return check_read(config, {}); }

std::variant<Config, Errors> load(const std::string& path) { return checked(read_all(path)); }

std::variant<Config, Errors> load_text(std::string_view text, const std::string& name) {
  return checked(read_all_text(text, name));
}

}  // namespace config
