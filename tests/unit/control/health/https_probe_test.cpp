// The HTTP probe under TLS: handshakes, certificates, and targets that are hostile before or after.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <string>

#include "control/health/http_probe.h"
#include "tests/support/cpp/certificate.h"
#include "tests/support/cpp/tls_target.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using tests::Certificate;
using tests::ProbeTarget;
using tests::run_until;
using tests::tls_answer;
using tests::TlsTarget;

const std::string https_ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

class HttpsProbeTest : public testing::Test {
 protected:
  void SetUp() override { certificate_.write(ca_file_); }
  void TearDown() override { fs::remove(ca_file_); }

  [[nodiscard]] static Check check_for(std::uint16_t port, config::TlsCheck tls = {}) {
    Check check = check_of(config::CheckProtocol::Https, port);
    check.settings.tls = std::move(tls);
    return check;
  }
  [[nodiscard]] config::TlsCheck verifying(std::string name = "") const {
    return {std::move(name), true, ca_file_, config::TlsVersion::Tls12};
  }
  [[nodiscard]] ProbeRun probe(const Check& check) {
    const auto context = contexts_.get(*check.settings.tls);
    EXPECT_TRUE(std::holds_alternative<TlsContexts::Context>(context));
    return run(loop_, make_http_probe(loop_.get_executor(), check,
                                      std::get<TlsContexts::Context>(context)));
  }
  void expect_failure(ProbeTarget::Behaviour behaviour, std::string_view start) {
    ProbeTarget target(loop_, std::move(behaviour));
    const ProbeRun result = probe(check_for(target.port()));
    EXPECT_EQ(result.outcome.finding, Finding::Failed) << result.outcome.sentence;
    EXPECT_EQ(result.outcome.sentence.rfind(start, 0), 0u) << result.outcome.sentence;
    EXPECT_LT(result.took, milliseconds(4000));
  }

  asio::io_context loop_;
  Certificate certificate_{"DNS:a.example,IP:127.0.0.1"};
  std::string ca_file_ = testing::TempDir() + "https_probe_test.pem";
  TlsContexts contexts_;
};

TEST_F(HttpsProbeTest, AsksUnderTlsAndLooksAtNoCertificateUnlessToldTo) {
  TlsTarget target(loop_, Certificate("DNS:other", 0).server_context(), tls_answer(https_ok));
  Check check = check_for(target.port());
  check.settings.path = "/healthz";
  EXPECT_EQ(probe(check).outcome.sentence, "HTTP 200");
  ASSERT_EQ(target.visits().size(), 1u);
  EXPECT_EQ(target.visits()[0]->request.rfind("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:", 0), 0u);
  EXPECT_EQ(target.visits()[0]->version, "TLSv1.3");
  EXPECT_EQ(target.visits()[0]->server_name, "") << "an address is no name";
}

TEST_F(HttpsProbeTest, SendsTheServerName) {
  TlsTarget target(loop_, certificate_.server_context(), tls_answer(https_ok));
  Check check = check_for(target.port(), {"b.example", false, "", config::TlsVersion::Tls12});
  check.settings.host = "a.example:8443";
  EXPECT_EQ(probe(check).outcome.sentence, "HTTP 200");
  check.settings.tls->server_name = "";
  EXPECT_EQ(probe(check).outcome.sentence, "HTTP 200");
  ASSERT_EQ(target.visits().size(), 2u);
  EXPECT_EQ(target.visits()[0]->server_name, "b.example");
  EXPECT_NE(target.visits()[0]->request.find("\r\nHost: a.example:8443\r\n"), std::string::npos);
  EXPECT_EQ(target.visits()[1]->server_name, "a.example") << "the Host header's";
}

TEST_F(HttpsProbeTest, VerifiesIfToldTo) {
  TlsTarget good(loop_, certificate_.server_context(), tls_answer(https_ok));
  EXPECT_EQ(probe(check_for(good.port(), verifying("a.example"))).outcome.sentence, "HTTP 200");
  EXPECT_EQ(probe(check_for(good.port(), verifying())).outcome.sentence, "HTTP 200")
      << "without a name it must be for the address";
  const ProbeOutcome wrong_name = probe(check_for(good.port(), verifying("b.example"))).outcome;
  EXPECT_EQ(wrong_name.finding, Finding::Failed);
  EXPECT_EQ(wrong_name.sentence, "certificate refused: hostname mismatch");

  TlsTarget stranger(loop_, Certificate("DNS:a.example").server_context(), tls_answer(https_ok));
  EXPECT_EQ(probe(check_for(stranger.port(), verifying("a.example")))
                .outcome.sentence.rfind("certificate refused: self", 0),
            0u);
  EXPECT_EQ(probe(check_for(stranger.port(), {"", true, "", config::TlsVersion::Tls12}))
                .outcome.sentence.rfind("certificate refused: self", 0),
            0u)
      << "by the system's store";

  const Certificate expired("DNS:a.example", 0);
  expired.write(ca_file_);
  TlsTarget old(loop_, expired.server_context(), tls_answer(https_ok));
  TlsContexts fresh;
  std::swap(contexts_, fresh);
  EXPECT_EQ(probe(check_for(old.port(), verifying("a.example"))).outcome.sentence,
            "certificate refused: certificate has expired");
}

TEST_F(HttpsProbeTest, HasAMinimumVersion) {
  const auto context = certificate_.server_context();
  SSL_CTX_set_max_proto_version(context->native_handle(), TLS1_2_VERSION);
  TlsTarget target(loop_, context, tls_answer(https_ok));
  EXPECT_EQ(probe(check_for(target.port())).outcome.sentence, "HTTP 200");
  const ProbeOutcome refused =
      probe(check_for(target.port(), {"", false, "", config::TlsVersion::Tls13})).outcome;
  EXPECT_EQ(refused.finding, Finding::Failed);
  EXPECT_EQ(refused.sentence.rfind("TLS handshake failed: ", 0), 0u) << refused.sentence;
}

TEST_F(HttpsProbeTest, ARedirectLoopIsOneStatus) {
  std::uint16_t port = 0;
  TlsTarget target(loop_, certificate_.server_context(), [&](const auto& visit) {
    tls_answer("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:" + std::to_string(port) +
               "/\r\nContent-Length: 0\r\n\r\n")(visit);
  });
  port = target.port();
  Check check = check_for(port);
  check.settings.matcher = {{200, 299}};
  EXPECT_EQ(probe(check).outcome.sentence, "HTTP 302, expected 200-299");
  EXPECT_EQ(target.visits().size(), 1u) << "nobody followed it";
}

TEST_F(HttpsProbeTest, SaysHowAHandshakeFailed) {
  expect_failure(tests::reset, "connection reset");
  expect_failure([](const auto& visit) { visit->socket.close(); }, "connection");
  // Whatever comes instead of a ServerHello: another protocol, an endless record, an alert.
  for (const std::string& text :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(20'000, '\x16'),
        std::string("\x15\x03\x03\x00\x02\x02\x28", 7), std::string(5000, '\0'),
        std::string("\x16\x03\x03\xff\xff", 5) + std::string(70'000, 'x')}) {
    expect_failure(
        [text](const auto& visit) {
          visit->outgoing = text;
          asio::async_write(visit->socket, asio::buffer(visit->outgoing),
                            [visit](auto, std::size_t) { visit->read_to_end(); });
        },
        "TLS handshake failed: ");
  }
}

TEST_F(HttpsProbeTest, TheTimeoutCoversTheHandshake) {
  ProbeTarget target(loop_, tests::stall);
  Check check = check_for(target.port());
  check.settings.timeout = milliseconds(250);
  const ProbeRun result = probe(check);
  EXPECT_EQ(result.outcome.finding, Finding::TimedOut);
  EXPECT_EQ(result.outcome.sentence, "no TLS handshake within 0.25 s");
  EXPECT_LT(result.took, milliseconds(4000));
  EXPECT_TRUE(run_until(loop_, [&] { return bool{target.visits().at(0)->ended}; }))
      << "the connection is closed";
}

TEST_F(HttpsProbeTest, TheTimeoutCoversSilenceAfterIt) {
  TlsTarget target(loop_, certificate_.server_context(),
                   [](const auto& visit) { visit->read_to_end(); });
  Check check = check_for(target.port());
  check.settings.timeout = milliseconds(500);
  EXPECT_EQ(probe(check).outcome.sentence, "no response within 0.5 s");
}

TEST_F(HttpsProbeTest, HeadersAndBodiesAreBounded) {
  TlsTarget headers(loop_, certificate_.server_context(),
                    tests::tls_flood("HTTP/1.1 200 OK\r\n", "X-Filler: yes\r\n"));
  EXPECT_EQ(probe(check_for(headers.port())).outcome.sentence, "response headers above 8 KiB");
  TlsTarget body(loop_, certificate_.server_context(),
                 tests::tls_flood("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
                                  std::string(64 * 1024, 'x')));
  EXPECT_EQ(probe(check_for(body.port())).outcome.sentence, "HTTP 200");
  ASSERT_TRUE(run_until(loop_, [&] { return bool{body.visits().at(0)->ended}; }));
  EXPECT_LT(body.visits()[0]->sent, 64u << 20) << "what two kernels buffer, at most";
}

TEST_F(HttpsProbeTest, DestroyedInTheHandshakeItReportsNothing) {
  ProbeTarget target(loop_, tests::stall);
  const Check check = check_for(target.port());
  auto probe = make_http_probe(loop_.get_executor(), check,
                               std::get<TlsContexts::Context>(contexts_.get({})));
  bool reported = false;
  probe->start([&](const ProbeOutcome&) { reported = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return !target.visits().empty(); }));
  probe.reset();
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits()[0]->ended}; }));
  EXPECT_FALSE(reported);
}

}  // namespace
}  // namespace control
