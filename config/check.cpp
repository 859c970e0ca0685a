#include "config/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
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
  check_routing(config, complaints);
  check_health_checks(config, complaints);
  check_unhealthy(config, complaints);
  check_overload(config, complaints);
  check_limits(config, complaints);
  check_flow_log(config, complaints);
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

}  // namespace

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

std::variant<Config, Errors> load(const Source& source) { return checked(read_all(source)); }

}  // namespace config
