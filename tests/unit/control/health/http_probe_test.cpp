#include "control/health/http_probe.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using tests::answer;
using tests::answer_and_stay;
using tests::ProbeTarget;
using tests::run_until;

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class HttpProbeTest : public testing::Test {
 protected:
  [[nodiscard]] ProbeRun probe(const Check& check) {
    return run(loop_, make_http_probe(loop_.get_executor(), check));
  }
  [[nodiscard]] ProbeRun probe(ProbeTarget& target, milliseconds timeout = milliseconds(5000)) {
    Check check = check_of(config::CheckProtocol::Http, target.port());
    check.settings.timeout = timeout;
    return probe(check);
  }
  void expect(ProbeTarget::Behaviour behaviour, Finding finding, std::string_view sentence) {
    ProbeTarget target(loop_, std::move(behaviour));
    const ProbeRun result = probe(target);
    EXPECT_EQ(result.outcome.finding, finding);
    EXPECT_EQ(result.outcome.sentence, sentence);
    EXPECT_LT(result.took, milliseconds(4000));
  }

  asio::io_context loop_;
};

TEST_F(HttpProbeTest, AsksForThePathAndSaysWhoItIs) {
  ProbeTarget target(loop_, answer(ok));
  Check check = check_of(config::CheckProtocol::Http, target.port());
  check.settings.path = "/healthz?deep=1";
  const ProbeRun result = probe(check);
  EXPECT_EQ(result.outcome.finding, Finding::Passed);
  EXPECT_EQ(result.outcome.sentence, "HTTP 200");
  ASSERT_EQ(target.visits().size(), 1u);
  EXPECT_EQ(target.visits()[0]->request,
            "GET /healthz?deep=1 HTTP/1.1\r\n"
            "Host: 127.0.0.1:" +
                std::to_string(target.port()) +
                "\r\n"
                "User-Agent: Spillway-HealthChecker/" SPILLWAY_VERSION
                "\r\n"
                "Accept: */*\r\n"
                "Connection: close\r\n\r\n");
}

TEST_F(HttpProbeTest, SendsTheHostThatIsConfigured) {
  ProbeTarget target(loop_, answer(ok));
  Check check = check_of(config::CheckProtocol::Http, target.port());
  check.settings.host = "www.example.com";
  EXPECT_EQ(probe(check).outcome.finding, Finding::Passed);
  EXPECT_NE(target.visits().at(0)->request.find("\r\nHost: www.example.com\r\n"),
            std::string::npos);
}

TEST_F(HttpProbeTest, TheMatcherDecides) {
  struct Case {
    int status;
    std::vector<config::StatusRange> matcher;
    Finding finding;
    std::string_view sentence;
  };
  const std::vector<Case> cases = {
      {200, {{200, 399}}, Finding::Passed, "HTTP 200"},
      {399, {{200, 399}}, Finding::Passed, "HTTP 399"},
      {400, {{200, 399}}, Finding::CodeMismatch, "HTTP 400, expected 200-399"},
      {503, {{200, 399}}, Finding::CodeMismatch, "HTTP 503, expected 200-399"},
      {404, {{200, 299}, {404, 404}}, Finding::Passed, "HTTP 404"},
      {302, {{200, 299}, {404, 404}}, Finding::CodeMismatch, "HTTP 302, expected 200-299,404"},
      {599, {{599, 599}}, Finding::Passed, "HTTP 599"},
      {204, {{200, 200}}, Finding::CodeMismatch, "HTTP 204, expected 200"},
      {101, {{200, 399}}, Finding::CodeMismatch, "HTTP 101, expected 200-399"},
  };
  for (const Case& one : cases) {
    ProbeTarget target(loop_, answer("HTTP/1.1 " + std::to_string(one.status) + " Words\r\n\r\n"));
    Check check = check_of(config::CheckProtocol::Http, target.port());
    check.settings.matcher = one.matcher;
    const ProbeRun result = probe(check);
    EXPECT_EQ(result.outcome.finding, one.finding) << one.sentence;
    EXPECT_EQ(result.outcome.sentence, one.sentence);
  }
}

TEST_F(HttpProbeTest, ReadsTheWeightThatTheTargetReports) {
  struct Case {
    std::string headers;
    std::optional<ReportedWeight> weight;
    std::string sentence;
  };
  const std::vector<Case> cases = {
      {"X-Weight: 40\r\n", ReportedWeight{40}, "HTTP 200"},
      {"x-WEIGHT:   7%  \r\n", ReportedWeight{7}, "HTTP 200"},
      {"X-Other: 40\r\n", ReportedWeight{}, "HTTP 200"},
      {"X-Weight: 400\r\n", std::nullopt,
       "HTTP 200, X-Weight \"400\" is ignored: not a number from 0 to 100"},
      {"X-Weight: 1e99;q=\"0\"\r\n", std::nullopt,
       "HTTP 200, X-Weight \"1e99;q=\"0\"\" is ignored: not a number from 0 to 100"},
      {"X-Weight: 40\r\nX-Weight: 50\r\n", std::nullopt,
       "HTTP 200, X-Weight is ignored: it is there twice"},
  };
  for (const Case& one : cases) {
    ProbeTarget target(loop_, answer("HTTP/1.1 200 OK\r\n" + one.headers + "\r\n"));
    Check check = check_of(config::CheckProtocol::Http, target.port());
    check.settings.weight_header = "X-Weight";
    const ProbeRun result = probe(check);
    EXPECT_EQ(result.outcome.finding, Finding::Passed) << one.headers;
    EXPECT_EQ(result.outcome.sentence, one.sentence);
    ASSERT_EQ(result.outcome.weight.has_value(), one.weight.has_value()) << one.headers;
    if (!one.weight) continue;
    EXPECT_EQ(result.outcome.weight->percent, one.weight->percent);
  }
}

TEST_F(HttpProbeTest, ReadsNoWeightUnlessToldAndPassed) {
  const std::string with_weight = " Words\r\nX-Weight: 40\r\n\r\n";
  for (const bool told : {false, true}) {
    ProbeTarget target(loop_,
                       answer(std::string("HTTP/1.1 ") + (told ? "503" : "200") + with_weight));
    Check check = check_of(config::CheckProtocol::Http, target.port());
    if (told) check.settings.weight_header = "X-Weight";
    EXPECT_FALSE(probe(check).outcome.weight.has_value());
  }
}

TEST_F(HttpProbeTest, AcceptsTheUsualFormsOfAResponse) {
  const std::vector<std::string> responses = {
      "HTTP/1.0 200 OK\r\n\r\nuntil the end",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok,
  };
  for (const std::string& response : responses) {
    ProbeTarget target(loop_, answer(response));
    EXPECT_EQ(probe(target).outcome.finding, Finding::Passed) << response;
  }
}

TEST_F(HttpProbeTest, ClosesInPeaceWithATargetThatCloses) {
  ProbeTarget target(loop_, answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(20'000, 'x')));
  EXPECT_EQ(probe(target).outcome.finding, Finding::Passed);
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits().at(0)->ended}; }));
  EXPECT_EQ(target.visits()[0]->ended, asio::error::eof) << "not a reset";
}

TEST_F(HttpProbeTest, WaitsASecondAtMostForATargetThatDoesNotClose) {
  ProbeTarget target(loop_, answer_and_stay(ok));
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.sentence, "HTTP 200");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(HttpProbeTest, AnAnswerInTimeCountsThoughTheBodyIsLate) {
  ProbeTarget target(loop_, answer_and_stay("HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\n"));
  const ProbeRun result = probe(target, milliseconds(300));
  EXPECT_EQ(result.outcome.sentence, "HTTP 503, expected 200-399");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(HttpProbeTest, FailsWhereNobodyListens) {
  ProbeTarget target(loop_, tests::stall);
  target.close();
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.finding, Finding::Failed);
  EXPECT_EQ(result.outcome.sentence, "connection refused");
}

TEST_F(HttpProbeTest, TimesOutOnSilence) {
  ProbeTarget target(loop_, tests::stall);
  const ProbeRun result = probe(target, milliseconds(250));
  EXPECT_EQ(result.outcome.finding, Finding::TimedOut);
  EXPECT_EQ(result.outcome.sentence, "no response within 0.25 s");
  EXPECT_GE(result.took, milliseconds(250));
  EXPECT_LT(result.took, milliseconds(4000));
  EXPECT_TRUE(run_until(loop_, [&] { return bool{target.visits().at(0)->ended}; }))
      << "the connection is closed";
}

TEST_F(HttpProbeTest, TheTimeoutCoversHeadersThatDripIn) {
  ProbeTarget target(loop_, tests::drip("HTTP/1.1 200 OK\r\n", "A: b\r\n", milliseconds(20)));
  const ProbeRun result = probe(target, milliseconds(300));
  EXPECT_EQ(result.outcome.sentence, "no response within 0.3 s");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(HttpProbeTest, SaysHowAConnectionEnded) {
  expect(tests::hang_up, Finding::Failed, "connection closed without a response");
  expect(answer("HTTP/1.1 200 OK\r\nContent-"), Finding::Failed,
         "connection closed in the middle of the response headers");
  ProbeTarget target(loop_, tests::reset);
  const ProbeOutcome outcome = probe(target).outcome;
  EXPECT_EQ(outcome.finding, Finding::Failed);
  EXPECT_TRUE(outcome.sentence == "connection reset before a response" ||
              outcome.sentence == "connection reset")
      << outcome.sentence;
}

TEST_F(HttpProbeTest, RefusesWhatIsNotHttp) {
  const std::vector<std::string> garbage = {
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      std::string("\x16\x03\x01\x00\x00\xff\x00", 7) + std::string(3000, '\x80'),
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/9.9 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      std::string(5000, '\0'),
  };
  for (const std::string& text : garbage) {
    ProbeTarget target(loop_, answer(text));
    const ProbeOutcome outcome = probe(target).outcome;
    EXPECT_EQ(outcome.finding, Finding::Failed) << text.substr(0, 40);
    EXPECT_EQ(outcome.sentence.rfind("not an HTTP response: ", 0), 0u)
        << text.substr(0, 40) << ": " << outcome.sentence;
  }
}

TEST_F(HttpProbeTest, HeadersAreBounded) {
  ProbeTarget target(loop_, tests::flood("HTTP/1.1 200 OK\r\n", "X-Filler: yes\r\n"));
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.finding, Finding::Failed);
  EXPECT_EQ(result.outcome.sentence, "response headers above 8 KiB");
  expect(tests::flood("HTTP/1.1 200 OK\r\nX: ", std::string(1000, 'x')), Finding::Failed,
         "response headers above 8 KiB");
  expect(answer("HTTP/1.1 200 OK\r\nX: " + std::string(8100, 'x') + "\r\n\r\n"), Finding::Passed,
         "HTTP 200");
}

TEST_F(HttpProbeTest, InterimResponsesAreBounded) {
  ProbeTarget target(loop_, tests::flood("", "HTTP/1.1 103 Early Hints\r\n\r\n"));
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.sentence, "HTTP 103, expected 200-399");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(HttpProbeTest, AGigabyteOfBodyIsCutOff) {
  ProbeTarget target(loop_, tests::flood("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
                                         std::string(64 * 1024, 'x')));
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.sentence, "HTTP 200");
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits().at(0)->ended}; }));
  // What two kernels buffer, at most; the probe itself reads 64 KiB.
  EXPECT_LT(target.visits()[0]->sent, 64u << 20);
}

TEST_F(HttpProbeTest, ABodyThatDripsHoldsItASecondAtMost) {
  ProbeTarget target(loop_, tests::drip("HTTP/1.1 200 OK\r\n\r\n", "x", milliseconds(10)));
  const ProbeRun result = probe(target);
  EXPECT_EQ(result.outcome.sentence, "HTTP 200");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(HttpProbeTest, DestroyedItClosesAndReportsNothing) {
  ProbeTarget target(loop_, tests::stall);
  auto probe =
      make_http_probe(loop_.get_executor(), check_of(config::CheckProtocol::Http, target.port()));
  bool reported = false;
  probe->start([&](const ProbeOutcome&) { reported = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return !target.visits().empty(); }));
  probe.reset();
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits()[0]->ended}; }));
  EXPECT_FALSE(reported);
}

}  // namespace
}  // namespace control
