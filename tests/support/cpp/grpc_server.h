// GrpcServer: the other end of one HTTP/2 connection, by nghttp2; bytes in, bytes out. For tests of
// gRPC health checks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_session;

namespace tests {

class GrpcServer {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    Headers headers;
    std::string body;
    Headers trailers;            // empty: the answer ends before them
    std::uint32_t reset_by = 0;  // an HTTP/2 error: instead of an answer
  };

  explicit GrpcServer(Answer answer);
  ~GrpcServer();

  /// What it answers to these bytes.
  [[nodiscard]] std::string receive(std::string_view bytes);

  [[nodiscard]] const Headers& request_headers() const { return request_headers_; }
  [[nodiscard]] const std::string& request_body() const { return request_body_; }

 private:
  struct Events;
  void answer(std::int32_t stream);

  Answer answer_;
  Headers request_headers_;
  std::string request_body_;
  std::size_t body_sent_ = 0;
  std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> connection_;
};

/// A usual answer: HTTP 200, `message` if there is one, and the status in trailers.
[[nodiscard]] GrpcServer::Answer grpc_answer(const std::string& status,
                                             const std::string& message = "");
/// A gRPC message that is a HealthCheckResponse with this status.
[[nodiscard]] std::string health_response(char serving_status);

}  // namespace tests
