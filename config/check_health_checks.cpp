// What must hold for health checks: times that fit each other, and only keys that mean something to
// the protocol.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/checks.h"

namespace config {
namespace {

struct KeyOf {
  std::string_view key;
  std::vector<CheckProtocol> protocols;  // that it means something to
};

const std::vector<KeyOf>& keys_of_protocols() {
  using enum CheckProtocol;
  static const std::vector<KeyOf> keys = {
      {"path", {Http, Https, Grpc}},
      {"host", {Http, Https, Grpc}},
      {"matcher", {Http, Https, Grpc}},
      {"weight_header", {Http, Https}},
      {"service", {Grpc}},
      {"tls", {Https, Grpc}},
      {"port", {Tcp, Http, Https, Grpc, Udp}},
      {"send", {Udp}},
      {"expect", {Udp}},
  };
  return keys;
}

std::string_view name_of(CheckProtocol protocol) {
  switch (protocol) {
    case CheckProtocol::Tcp: return "tcp";
    case CheckProtocol::Http: return "http";
    case CheckProtocol::Https: return "https";
    case CheckProtocol::Grpc: return "grpc";
    case CheckProtocol::Udp: return "udp";
    case CheckProtocol::Icmp: break;
  }
  return "icmp";
}

std::string seconds_text(std::chrono::milliseconds duration) {
  return fmt::format("{}", static_cast<double>(duration.count()) / 1000.0);
}

void check_timeout(const HealthCheck& check, const std::string& path, Complaints& complaints) {
  if (!complaints.readable(path + ".interval") || !complaints.readable(path + ".timeout")) return;
  if (check.timeout <= check.interval) return;
  complaints.add(
      {.setting = path + ".timeout",
       .value = seconds_text(check.timeout),
       .problem = "is longer than the interval",
       .allowed = fmt::format("up to the interval, {} seconds", seconds_text(check.interval)),
       .remedy = "Shorten it, or lengthen the interval."});
}

void check_keys(const Config& config, const HealthCheck& check, const std::string& path,
                Complaints& complaints) {
  if (!complaints.readable(path + ".protocol")) return;
  for (const auto& [key, protocols] : keys_of_protocols()) {
    const std::string setting = fmt::format("{}.{}", path, key);
    if (!config.places.written(setting) || !complaints.readable(setting)) continue;
    if (std::find(protocols.begin(), protocols.end(), check.protocol) != protocols.end()) continue;
    std::string allowed;
    for (const CheckProtocol protocol : protocols) {
      allowed += fmt::format("{}\"{}\"", allowed.empty() ? "" : " or ", name_of(protocol));
    }
    complaints.add({.setting = setting,
                    .problem = fmt::format("has no meaning for a health check over {}",
                                           name_of(check.protocol)),
                    .allowed = fmt::format("only with protocol = {} in health_check", allowed),
                    .remedy = fmt::format("Add protocol = \"{}\"; to health_check, or remove it.",
                                          name_of(protocols.front()))});
  }
}

void check_service(const Config& config, const HealthCheck& check, const std::string& path,
                   Complaints& complaints) {
  if (check.protocol != CheckProtocol::Grpc || check.path == grpc_health_path) return;
  if (!config.places.written(path + ".service") || !complaints.readable(path + ".service") ||
      !complaints.readable(path + ".protocol") || !complaints.readable(path + ".path")) {
    return;
  }
  complaints.add({.setting = path + ".service",
                  .value = in_quotes(check.service),
                  .problem = "has no meaning for this path",
                  .allowed = fmt::format("only with path = \"{}\"", grpc_health_path),
                  .remedy = fmt::format("Add path = \"{}\"; or remove it.", grpc_health_path)});
}

/// Who names a ca_file means to verify; without verify it would not even be opened.
void check_tls(const HealthCheck& check, const std::string& path, Complaints& complaints) {
  if (!check.tls || check.tls->verify || check.tls->ca_file.empty()) return;
  if (!complaints.readable(path + ".tls.verify") || !complaints.readable(path + ".tls.ca_file")) {
    return;
  }
  complaints.add({.setting = path + ".tls.ca_file",
                  .value = in_quotes(check.tls->ca_file),
                  .problem = "is not used, as certificates are not verified",
                  .allowed = "only with verify = true in tls",
                  .remedy = "Add verify = true; to tls, or remove it."});
}

}  // namespace

void check_health_checks(const Config& config, Complaints& complaints) {
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const HealthCheck& check = config.target_groups[i].health_check;
    const std::string path = element("target_groups", i) + ".health_check";
    check_timeout(check, path, complaints);
    check_keys(config, check, path, complaints);
    check_service(config, check, path, complaints);
    check_tls(check, path, complaints);
  }
}

}  // namespace config
