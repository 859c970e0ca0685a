#include "control/health/grpc_probe.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "tests/support/cpp/certificate.h"
#include "tests/support/cpp/grpc_server.h"
#include "tests/support/cpp/tls_target.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using tests::GrpcServer;
using tests::ProbeTarget;
using tests::run_until;
using tests::TlsTarget;

/// A connection of the target as the server's: for a Visit's socket or a TlsVisit's stream.
template <class Stream, class Visit>
void serve(const std::shared_ptr<Visit>& visit, Stream& stream,
           const std::shared_ptr<GrpcServer>& server) {
  stream.async_read_some(
      asio::buffer(visit->discarded),
      [visit, &stream, server](boost::system::error_code error, std::size_t size) {
        visit->ended = error;
        if (error) return;
        visit->outgoing = server->receive({visit->discarded.data(), size});
        asio::async_write(stream, asio::buffer(visit->outgoing),
                          [visit, &stream, server](boost::system::error_code failed, std::size_t) {
                            if (!failed) serve(visit, stream, server);
                          });
      });
}

ProbeTarget::Behaviour grpc(GrpcServer::Answer answer) {
  return [answer = std::move(answer)](const auto& visit) {
    serve(visit, visit->socket, std::make_shared<GrpcServer>(answer));
  };
}

void send_for_ever(const std::shared_ptr<tests::Visit>& visit, const std::string& text,
                   const std::string& chunk) {
  visit->outgoing = text;
  asio::async_write(visit->socket, asio::buffer(visit->outgoing),
                    [=](boost::system::error_code error, std::size_t sent) {
                      visit->sent += sent;
                      if (!error) send_for_ever(visit, chunk, chunk);
                    });
}

/// Sends `text` at once, then `chunk` for ever.
ProbeTarget::Behaviour babble(std::string text, std::string chunk) {
  return [text = std::move(text), chunk = std::move(chunk)](const auto& visit) {
    visit->read_to_end();
    send_for_ever(visit, text, chunk);
  };
}

// ALPN's choice of a server: the first of ours.
int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
           unsigned in_size, void* wanted) {
  auto& name = *static_cast<std::string*>(wanted);
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(name.data()),
                            static_cast<unsigned>(name.size()), in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

class GrpcProbeTest : public testing::Test {
 protected:
  [[nodiscard]] static Check check_for(std::uint16_t port) {
    Check check = check_of(config::CheckProtocol::Grpc, port);
    check.settings.path = config::grpc_health_path;
    check.settings.matcher = {{0, 0}};
    return check;
  }
  [[nodiscard]] ProbeRun probe(const Check& check) {
    return run(loop_, make_grpc_probe(loop_.get_executor(), check));
  }
  [[nodiscard]] ProbeOutcome probe_tls(const std::string& alpn) {
    std::string wanted = alpn;
    const auto context = certificate_.server_context();
    SSL_CTX_set_alpn_select_cb(context->native_handle(), choose, &wanted);
    TlsTarget target(loop_, context, [](const std::shared_ptr<tests::TlsVisit>& visit) {
      serve(visit, visit->stream,
            std::make_shared<GrpcServer>(tests::grpc_answer("0", tests::health_response(1))));
    });
    Check check = check_for(target.port());
    check.settings.tls.emplace();
    TlsContexts contexts;
    const auto found = std::get<TlsContexts::Context>(contexts.get(*check.settings.tls));
    return run(loop_, make_grpc_probe(loop_.get_executor(), check, found)).outcome;
  }

  asio::io_context loop_;
  tests::Certificate certificate_{"DNS:a.example"};
};

TEST_F(GrpcProbeTest, AsksInClearText) {
  ProbeTarget good(loop_, grpc(tests::grpc_answer("0", tests::health_response(1))));
  EXPECT_EQ(probe(check_for(good.port())).outcome.sentence, "gRPC SERVING");
  ProbeTarget bad(loop_, grpc(tests::grpc_answer("0", tests::health_response(2))));
  const ProbeOutcome outcome = probe(check_for(bad.port())).outcome;
  EXPECT_EQ(outcome.finding, Finding::CodeMismatch);
  EXPECT_EQ(outcome.sentence, "gRPC NOT_SERVING, expected SERVING");
}

TEST_F(GrpcProbeTest, AsksUnderTlsIfAlpnAgrees) {
  EXPECT_EQ(probe_tls("\x02h2").sentence, "gRPC SERVING");
  const ProbeOutcome other = probe_tls("\x08http/1.1");
  EXPECT_EQ(other.finding, Finding::Failed);
  EXPECT_EQ(other.sentence, "the target does not offer h2 over TLS (ALPN)");
}

TEST_F(GrpcProbeTest, StandsHostileTargets) {
  struct Case {
    ProbeTarget::Behaviour behaviour;
    std::string_view start;
  };
  // A PING frame, an empty SETTINGS frame, DATA of a stream that nobody opened.
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string ping("\0\0\x08\6\0\0\0\0\0xxxxxxxx", 17);
  for (const Case& one : std::vector<Case>{
           {tests::reset, "connection"},
           {[](const auto& visit) { visit->socket.close(); }, "connection"},
           {tests::answer("HTTP/1.1 400 Bad Request\r\n\r\n"), "not an HTTP/2 response: "},
           {babble("", std::string(64 * 1024, 'x')), "not an HTTP/2 response: "},
           {babble(settings, ping), "more than 64 KiB of response"},
           {babble(settings, settings), "more than 64 KiB of response"}}) {
    ProbeTarget target(loop_, one.behaviour);
    const ProbeRun result = probe(check_for(target.port()));
    EXPECT_EQ(result.outcome.finding, Finding::Failed);
    EXPECT_EQ(result.outcome.sentence.rfind(one.start, 0), 0u)
        << one.start << ": " << result.outcome.sentence;
    EXPECT_LT(result.took, milliseconds(4000));
    EXPECT_LT(target.visits().at(0)->sent, 64u << 20) << "what two kernels buffer, at most";
  }
}

TEST_F(GrpcProbeTest, TimesOutOnSilence) {
  ProbeTarget target(loop_, tests::stall);
  Check check = check_for(target.port());
  check.settings.timeout = milliseconds(250);
  const ProbeRun result = probe(check);
  EXPECT_EQ(result.outcome.finding, Finding::TimedOut);
  EXPECT_EQ(result.outcome.sentence, "no response within 0.25 s");
  EXPECT_TRUE(run_until(loop_, [&] { return bool{target.visits().at(0)->ended}; }))
      << "the connection is closed";
}

TEST_F(GrpcProbeTest, DestroyedItReportsNothing) {
  ProbeTarget target(loop_, tests::stall);
  auto probe = make_grpc_probe(loop_.get_executor(), check_for(target.port()));
  bool reported = false;
  probe->start([&](const ProbeOutcome&) { reported = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return !target.visits().empty(); }));
  probe.reset();
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits()[0]->ended}; }));
  EXPECT_FALSE(reported);
}

}  // namespace
}  // namespace control
