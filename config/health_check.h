// HealthCheck: how the targets of a group are asked whether they serve, as checked plain values.
//
// Part of Config. Read by read_health_check(), judged by check_health_checks(), carried out by
// control/health.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

enum class CheckProtocol : std::uint8_t { Tcp, Http, Https, Grpc, Udp, Icmp };

struct StatusRange {  // of HTTP or gRPC status codes, inclusive
  std::uint16_t first = 200;
  std::uint16_t last = 399;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

enum class TlsVersion : std::uint8_t { Tls12, Tls13 };

/// The method of the standard health service (grpc.health.v1), whose answer is read.
inline constexpr std::string_view grpc_health_path = "/grpc.health.v1.Health/Check";

struct TlsCheck {
  std::string server_name =
      "";                    // SNI, and what a verified certificate must be for; empty: the host's
  bool verify = false;       // ELB looks at no target's certificate
  std::string ca_file = "";  // PEM; empty: the system's store
  TlsVersion minimum_version = TlsVersion::Tls12;
  friend bool operator==(const TlsCheck&, const TlsCheck&) = default;
};

struct HealthCheck {
  bool enabled = true;
  CheckProtocol protocol = CheckProtocol::Tcp;
  std::uint16_t port = 0;  // 0: traffic-port
  std::string path = "/";  // grpc: "/AWS.ALB/healthcheck"
  std::string host;  // HTTP's Host header, gRPC's authority; empty: the target's address and port
  std::optional<TlsCheck> tls;  // https: always there; grpc: if over TLS
  std::chrono::milliseconds interval{30'000};
  std::chrono::milliseconds timeout{10'000};  // http: 6 s unless given
  std::uint32_t healthy_threshold = 5;
  std::uint32_t unhealthy_threshold = 2;
  std::vector<StatusRange> matcher{{200, 399}};  // grpc: 12, with grpc_health_path 0
  std::string service;                           // grpc: of the standard health service
  std::string send;                              // udp: the datagram; may hold any byte
  std::string weight_header;  // http, https: the response's that holds a percentage; empty: none
  std::string expect;  // udp: what the answer must contain; empty: see control/health/udp_probe.h
  int line = 0;
};

}  // namespace config
