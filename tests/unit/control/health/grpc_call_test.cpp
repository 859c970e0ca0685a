#include "control/health/grpc_call.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <random>
#include <string>

#include "tests/support/cpp/grpc_server.h"

namespace control {
namespace {

using tests::grpc_answer;
using tests::GrpcServer;
using tests::health_response;

constexpr const char* elb_path = "/AWS.ALB/healthcheck";

GrpcCall::Request request(std::string_view path, std::uint16_t code) {
  return {.tls = false,
          .authority = "10.0.0.1:50051",
          .path = std::string{path},
          .service = "",
          .matcher = {{code, code}}};
}

/// Carries bytes to and fro until nobody has any.
ProbeOutcome talk(GrpcCall& call, GrpcServer& server) {
  while (true) {
    const std::string out = call.take_outgoing();
    if (call.outcome() || out.empty()) break;
    call.receive(server.receive(out));
  }
  if (!call.outcome()) call.closed();
  return *call.outcome();
}
ProbeOutcome ask(const GrpcCall::Request& what, GrpcServer::Answer answer) {
  GrpcCall call(what);
  GrpcServer server(std::move(answer));
  return talk(call, server);
}

TEST(GrpcCall, SaysWhatItWants) {
  GrpcCall::Request what = request(config::grpc_health_path, 0);
  what.service = "shop.Cart";
  GrpcCall call(what);
  GrpcServer server(grpc_answer("0", health_response(1)));
  EXPECT_EQ(talk(call, server).sentence, "gRPC SERVING");
  EXPECT_EQ(server.request_headers(),
            (GrpcServer::Headers{{":method", "POST"},
                                 {":scheme", "http"},
                                 {":path", "/grpc.health.v1.Health/Check"},
                                 {":authority", "10.0.0.1:50051"},
                                 {"te", "trailers"},
                                 {"content-type", "application/grpc"},
                                 {"user-agent", "Spillway-HealthChecker/" SPILLWAY_VERSION}}));
  EXPECT_EQ(server.request_body(), std::string("\0\0\0\0\x0b\x0a\x09shop.Cart", 16));
}

TEST(GrpcCall, FramesLongAndMissingServices) {
  GrpcCall::Request what = request(config::grpc_health_path, 0);
  what.service = std::string(200, 's');
  GrpcCall call(what);
  GrpcServer server(grpc_answer("0", health_response(1)));
  talk(call, server);
  EXPECT_EQ(server.request_body(),
            std::string("\0\0\0\0\xcb\x0a\xc8\x01", 8) + std::string(200, 's'));
  GrpcCall plain(request(elb_path, 12));
  GrpcServer other(grpc_answer("12"));
  talk(plain, other);
  EXPECT_EQ(other.request_body(), std::string(5, '\0'));
}

TEST(GrpcCall, JudgesTheAnswer) {
  struct Case {
    const char* why;
    GrpcCall::Request request;
    GrpcServer::Answer answer;
    Finding finding;
    const char* sentence;
  };
  const auto elb = request(elb_path, 12);
  const auto standard = request(config::grpc_health_path, 0);
  const std::vector<Case> cases = {
      {"unknown method", elb, grpc_answer("12"), Finding::Passed, "gRPC 12 UNIMPLEMENTED"},
      {"trailers only",
       elb,
       {.headers = {{":status", "200"}, {"grpc-status", "12"}}, .body = "", .trailers = {}},
       Finding::Passed,
       "gRPC 12 UNIMPLEMENTED"},
      {"another code", elb, grpc_answer("14"), Finding::CodeMismatch,
       "gRPC 14 UNAVAILABLE, expected 12"},
      {"a code that has no name", elb, grpc_answer("77"), Finding::CodeMismatch,
       "gRPC 77 ?, expected 12"},
      {"no code", elb, grpc_answer("OK"), Finding::Failed,
       "an HTTP response without a gRPC status"},
      {"no gRPC",
       elb,
       {.headers = {{":status", "404"}}, .body = "no", .trailers = {}},
       Finding::CodeMismatch,
       "HTTP 404, no gRPC answer"},
      {"reset",
       elb,
       {.headers = {}, .body = "", .trailers = {}, .reset_by = NGHTTP2_REFUSED_STREAM},
       Finding::Failed,
       "the target ended the call: REFUSED_STREAM"},
      {"serving", standard, grpc_answer("0", health_response(1)), Finding::Passed, "gRPC SERVING"},
      {"not serving", standard, grpc_answer("0", health_response(2)), Finding::CodeMismatch,
       "gRPC NOT_SERVING, expected SERVING"},
      {"nothing said", standard, grpc_answer("0", std::string(5, '\0')), Finding::CodeMismatch,
       "gRPC UNKNOWN, expected SERVING"},
      {"no message", standard, grpc_answer("0"), Finding::Failed,
       "gRPC 0 OK without a HealthCheckResponse"},
      {"no health service", standard, grpc_answer("12"), Finding::CodeMismatch,
       "gRPC 12 UNIMPLEMENTED, expected 0"},
  };
  for (const Case& one : cases) {
    const ProbeOutcome outcome = ask(one.request, one.answer);
    EXPECT_EQ(outcome.finding, one.finding) << one.why;
    EXPECT_EQ(outcome.sentence, one.sentence) << one.why;
  }
}

TEST(GrpcCall, IsBounded) {
  GrpcServer::Answer headers = grpc_answer("12");
  headers.headers.emplace_back("x-filler", std::string(9'000, 'x'));
  EXPECT_EQ(ask(request(elb_path, 12), headers).sentence, "response headers above 8 KiB");
  EXPECT_EQ(ask(request(elb_path, 12), grpc_answer("12", std::string(65'000, 'x'))).sentence,
            "gRPC 12 UNIMPLEMENTED");
  EXPECT_EQ(ask(request(elb_path, 12), grpc_answer("12", std::string(1 << 20, 'x'))).sentence,
            "more than 64 KiB of response");
}

TEST(GrpcCall, RefusesWhatIsNotHttp2) {
  for (const std::string& text :
       {std::string("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(100, '\0'), std::string(100, '\xff')}) {
    GrpcCall call(request(elb_path, 12));
    ASSERT_FALSE(call.take_outgoing().empty());
    call.receive(text);
    static_cast<void>(call.take_outgoing());
    if (!call.outcome()) call.closed();
    EXPECT_EQ(call.outcome()->finding, Finding::Failed);
    EXPECT_EQ(call.outcome()->sentence.rfind("not an HTTP/2 response: ", 0), 0u)
        << text.substr(0, 20) << ": " << call.outcome()->sentence;
  }
}

TEST(GrpcCall, EndsWithoutAnAnswer) {
  GrpcCall call(request(elb_path, 12));
  static_cast<void>(call.take_outgoing());
  call.closed();
  EXPECT_EQ(call.outcome()->sentence, "connection closed without a response");
}

// Whatever bytes come: no crash, no more kept than the bound, and an end in the end.
TEST(GrpcCall, StandsBrokenAnswers) {
  std::mt19937 random(20261123);
  const auto below = [&random](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  int passed = 0;
  for (int round = 0; round < 3000; ++round) {
    GrpcCall call(request(config::grpc_health_path, 0));
    GrpcServer server(grpc_answer("0", health_response(1)));
    std::string answer = server.receive(call.take_outgoing());
    for (std::size_t i = below(4); i > 0; --i) {
      answer[below(answer.size())] = static_cast<char>(below(256));
    }
    answer.resize(answer.size() - below(2) * below(answer.size()));
    call.receive(answer);
    static_cast<void>(call.take_outgoing());
    call.closed();
    ASSERT_TRUE(call.outcome().has_value());
    if (call.outcome()->finding == Finding::Passed) ++passed;
  }
  EXPECT_GT(passed, 100) << "those that were not broken";
  EXPECT_LT(passed, 2900);
}

TEST(ServingStatus, IsReadOrRefused) {
  const auto message = [](const std::string& fields) {
    return std::string("\0\0\0\0", 4) + static_cast<char>(fields.size()) + fields;
  };
  EXPECT_EQ(serving_status(message("\x08\x01")), 1u);
  EXPECT_EQ(serving_status(message("")), 0u);
  EXPECT_EQ(serving_status(message("\x08\xac\x02")), 300u);
  EXPECT_EQ(serving_status(message("\x12\x03xyz\x08\x02")), 2u) << "behind a field of another kind";
  for (const std::string& wrong :
       {std::string(), std::string("\0\0\0\0", 4), std::string("\1\0\0\0\2\x08\1", 7),
        std::string("\0\0\0\0\3\x08\1", 7), message("\x08"), message("\x12\x09x"), message("\x0b"),
        message("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}) {
    EXPECT_EQ(serving_status(wrong), std::nullopt);
  }
}

}  // namespace
}  // namespace control
