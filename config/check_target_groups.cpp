// What must hold for target groups: names, targets, and settings that only make sense together.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "config/checks.h"
#include "dataplane/table/maglev.h"

namespace config {
namespace {

using dataplane::Algorithm;
using dataplane::Mode;

/// One target group and its path, and what it is judged by.
struct Subject {
  const Config& config;
  const TargetGroup& group;
  std::string path;
  Complaints& complaints;

  [[nodiscard]] bool readable(std::string_view key) const {
    return complaints.readable(path + std::string{key});
  }
  [[nodiscard]] bool written(std::string_view key) const {
    return config.places.written(path + std::string{key});
  }
  void complain(std::string_view key, Error error) const {
    error.setting = path + std::string{key};
    complaints.add(std::move(error));
  }
};

void check_maglev(const Subject& subject) {
  const TargetGroup& group = subject.group;
  if (!subject.readable(".algorithm") || !subject.readable(".maglev_table_size")) return;
  const std::uint32_t size = group.maglev_table_size;
  if (!dataplane::is_prime(size)) {
    subject.complain(".maglev_table_size",
                     {.value = std::to_string(size),
                      .problem = "is not a prime number",
                      .allowed = fmt::format("primes up to {}", dataplane::MaglevTable::size_max),
                      .remedy = fmt::format("The next one is {}.", dataplane::next_prime(size))});
  } else if (dataplane::is_consistent(group.algorithm) && group.targets.size() > size) {
    const auto enough = static_cast<std::uint32_t>(100 * group.targets.size());
    subject.complain(
        ".maglev_table_size",
        {.value = std::to_string(size),
         .problem = fmt::format("is less than the number of targets, {}", group.targets.size()),
         .allowed = "one place for each target at least, better a hundred",
         .remedy = fmt::format("Take {}.", dataplane::next_prime(enough))});
  }
}

void check_unknown_flow(const Subject& subject) {
  const TargetGroup& group = subject.group;
  if (group.unknown_flow != dataplane::UnknownFlow::PickUp) return;
  if (!subject.readable(".unknown_flow") || !subject.readable(".mode") ||
      !subject.readable(".algorithm")) {
    return;
  }
  if (group.mode == Mode::Nat && dataplane::is_consistent(group.algorithm)) return;
  subject.complain(
      ".unknown_flow",
      {.value = "\"pick_up\"",
       .problem =
           "needs mode nat and algorithm maglev or source_ip, by which a flow's target can be "
           "found again",
       .allowed = "\"reset\" for this target group",
       .remedy = "Set mode = \"nat\" and algorithm = \"maglev\", or remove it."});
}

void check_stickiness(const Subject& subject) {
  if (subject.group.stickiness.type != dataplane::Stickiness::None) return;
  if (!subject.readable(".stickiness.type") || !subject.written(".stickiness.timeout")) return;
  subject.complain(".stickiness.timeout",
                   {.value = std::to_string(subject.group.stickiness.timeout.count()),
                    .problem = "has no meaning with type \"none\": no client is remembered",
                    .allowed = "no timeout, or another type",
                    .remedy = "Remove it, or set type = \"source_ip\"."});
}

void check_unique_targets(const Subject& subject) {
  std::map<std::pair<dataplane::IpAddress, std::uint16_t>, std::string> first;
  const bool port_readable = subject.readable(".port");
  for (std::size_t i = 0; i < subject.group.targets.size(); ++i) {
    const Target& target = subject.group.targets[i];
    const std::string key = element(".targets", i);
    const bool own_port = subject.written(key + ".port");
    if (!subject.readable(key + ".address") || !subject.readable(key + ".port")) continue;
    if (!own_port && !port_readable) continue;
    const auto [found, added] =
        first.emplace(std::pair{target.address, target.port}, subject.path + key);
    if (added) continue;
    subject.complain(key,
                     {.value = with_port(target.address, target.port),
                      .problem = "is in this target group twice: " + found->second +
                                 written_at(subject.config, found->second),
                      .allowed = "each address and port once in a target group",
                      .remedy = "Remove it, or correct its address or port; for a larger share "
                                "give it a larger weight."});
  }
}

/// With port = "same" there is no port that a target could have, or be checked on, of its own.
void check_kept_ports(const Subject& subject) {
  const TargetGroup& group = subject.group;
  if (group.port != 0 || !subject.written(".port") || !subject.readable(".port")) return;
  for (std::size_t t = 0; t < group.targets.size(); ++t) {
    const std::string key = element(".targets", t) + ".port";
    if (!subject.written(key) || !subject.readable(key)) continue;
    subject.complain(key, {.value = std::to_string(group.targets[t].port),
                           .problem = "has no meaning in a target group with port = \"same\"",
                           .allowed = "targets without a port of their own",
                           .remedy = "Remove it, or give the target group a port."});
  }
  const HealthCheck& check = group.health_check;
  if (!check.enabled || check.port != 0 || check.protocol == CheckProtocol::Icmp ||
      !subject.readable(".health_check.port") || !subject.readable(".health_check.protocol") ||
      !subject.readable(".health_check.enabled")) {
    return;
  }
  subject.complain(
      subject.written(".health_check") ? ".health_check.port" : ".port",
      {.value = subject.written(".health_check") ? "\"traffic-port\"" : "\"same\"",
       .problem = "tells no port for health checks: flows of this target group keep the port that "
                  "the client asked for",
       .allowed = "1 to 65535 as health_check.port, or protocol = \"icmp\", or enabled = false",
       .remedy = "Add port = 80; or another number to health_check."});
}

/// Where the flows that a target has decide, a ramp of its weight would be undone by them.
void check_slow_start(const Subject& subject) {
  if (subject.group.slow_start.count() == 0 || !subject.readable(".slow_start")) return;
  if (subject.group.algorithm != Algorithm::LeastConnections || !subject.readable(".algorithm")) {
    return;
  }
  subject.complain(".slow_start",
                   {.value = std::to_string(subject.group.slow_start.count()),
                    .problem = "has no meaning with algorithm least_connections, which gives a "
                               "target without flows the next ones whatever its weight",
                    .allowed = "0 with this algorithm",
                    .remedy = "Remove it, or choose another algorithm."});
}

void check_full_nat(const Subject& subject) {
  if (subject.group.mode != Mode::FullNat || !subject.readable(".mode")) return;
  // Targets are judged one by one, each by the port it is behind: see check_reachable().
  if (!subject.group.targets.empty() || !subject.complaints.readable("ports")) return;
  for (std::size_t i = 0; i < subject.config.ports.size(); ++i) {
    if (!subject.config.ports[i].local_addresses.empty() ||
        !subject.complaints.readable(element("ports", i) + ".local_addresses")) {
      return;
    }
  }
  subject.complain(".mode", {.value = "\"full_nat\"",
                             .problem = "needs local_addresses, and no port has any",
                             .allowed = "\"nat\", without local_addresses",
                             .remedy = "Give the port towards the targets local_addresses, or "
                                       "change the mode."});
}

void check_count(std::size_t count, std::size_t most, const char* what, Complaints& complaints) {
  if (count <= most) return;
  complaints.add({.setting = "target_groups",
                  .value = fmt::format("{} {}", count, what),
                  .problem = "are too many",
                  .allowed = fmt::format("at most {}", most),
                  .remedy = "Spread them over several instances."});
}

}  // namespace

void check_target_groups(const Config& config, Complaints& complaints) {
  std::size_t targets = 0;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const TargetGroup& group = config.target_groups[i];
    targets += group.targets.size();
    const Subject subject{config, group, element("target_groups", i), complaints};
    check_name(subject.path + ".name", group.name, complaints);
    for (std::size_t t = 0; t < group.targets.size(); ++t) {
      if (group.targets[t].zone.empty()) continue;  // no zone
      check_name(element(subject.path + ".targets", t) + ".zone", group.targets[t].zone,
                 complaints);
    }
    check_maglev(subject);
    check_unknown_flow(subject);
    check_stickiness(subject);
    check_unique_targets(subject);
    check_full_nat(subject);
    check_kept_ports(subject);
    check_slow_start(subject);
  }
  check_unique_names(config, config.target_groups, "target_groups", complaints);
  check_count(config.target_groups.size(), dataplane::target_groups_max, "target groups",
              complaints);
  check_count(targets, dataplane::targets_max, "targets in all", complaints);
}

}  // namespace config
