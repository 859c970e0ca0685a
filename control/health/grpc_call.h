// GrpcCall: one unary gRPC call over HTTP/2, by nghttp2. Pure: bytes in, bytes out, an outcome in
// the end.
//
// The grpc probe moves the bytes. Bounds, whatever the target sends: 64 KiB in all, 8 KiB of header
// names and values; beyond them the call has failed. Only the codes of the answer are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/health_check.h"
#include "control/health/probe_outcome.h"

struct nghttp2_session;

namespace control {

class GrpcCall {
 public:
  struct Request {
    bool tls = false;       // what :scheme says
    std::string authority;  // "10.0.0.1:50051"
    std::string path;       // "/grpc.health.v1.Health/Check"
    std::string service;    // whom to ask that method about; "" the server as a whole
    std::vector<config::StatusRange> matcher;  // of gRPC status codes
  };
  static constexpr std::size_t received_max = 64 * 1024;
  static constexpr std::size_t headers_max = 8 * 1024;

  explicit GrpcCall(Request request);
  ~GrpcCall();
  GrpcCall(const GrpcCall&) = delete;
  GrpcCall& operator=(const GrpcCall&) = delete;

  /// What is to be sent by now; the first time it begins the call.
  [[nodiscard]] std::string take_outgoing();
  void receive(std::string_view bytes);
  /// The target will send nothing more.
  void closed();
  [[nodiscard]] const std::optional<ProbeOutcome>& outcome() const { return outcome_; }

 private:
  struct Events;  // nghttp2's callbacks

  void submit();
  void take_header(std::string_view name, std::string_view value);
  void stream_closed(std::uint32_t error);
  [[nodiscard]] ProbeOutcome judged() const;
  [[nodiscard]] ProbeOutcome judged_health() const;
  void fail(std::string sentence);

  Request request_;
  std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> connection_;
  std::string request_body_;
  std::size_t body_sent_ = 0;
  std::size_t received_ = 0;
  std::size_t header_bytes_ = 0;
  std::string http_status_;
  std::string grpc_status_;
  std::string body_;
  std::string library_says_;  // nghttp2's first complaint
  std::optional<ProbeOutcome> outcome_;
};

/// The ServingStatus in a gRPC message that holds a HealthCheckResponse; nullopt: it is none.
[[nodiscard]] std::optional<std::uint64_t> serving_status(std::string_view message);

}  // namespace control
