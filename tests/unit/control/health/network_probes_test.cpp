#include "control/health/network_probes.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/cpp/certificate.h"
#include "tests/support/cpp/tls_target.h"
#include "tests/support/cpp/udp_target.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;

TEST(NetworkProbes, MakeTheProbeOfTheProtocol) {
  asio::io_context loop;
  const ProbeFactory make = network_probes(loop.get_executor());
  tests::ProbeTarget plain(loop, tests::answer("HTTP/1.1 204 No\r\n\r\n"));
  const tests::Certificate certificate("DNS:a.example");
  tests::TlsTarget tls(loop, certificate.server_context(),
                       tests::tls_answer("HTTP/1.1 205 No\r\nContent-Length: 0\r\n\r\n"));
  const auto sentence = [&](const Check& check) { return run(loop, make(check)).outcome.sentence; };
  EXPECT_EQ(sentence(check_of(config::CheckProtocol::Tcp, plain.port())), "connected");
  EXPECT_EQ(sentence(check_of(config::CheckProtocol::Http, plain.port())), "HTTP 204");
  Check https = check_of(config::CheckProtocol::Https, tls.port());
  https.settings.tls.emplace();
  EXPECT_EQ(sentence(https), "HTTP 205");
  tests::UdpTarget udp(loop, [](const std::string&) { return std::vector<std::string>{"ok"}; });
  EXPECT_EQ(sentence(check_of(config::CheckProtocol::Udp, udp.port())), "answer of 2 bytes");
  const std::string icmp = sentence(check_of(config::CheckProtocol::Icmp, 0));
  EXPECT_TRUE(icmp == "echo reply" || icmp.starts_with("not checked: ")) << icmp;
  tests::ProbeTarget no_grpc(loop, tests::reset);
  EXPECT_EQ(sentence(check_of(config::CheckProtocol::Grpc, no_grpc.port())).rfind("connection", 0),
            0u);
}

TEST(NetworkProbes, WithoutTheirCertificatesAreNotAttempted) {
  asio::io_context loop;
  Check check = check_of(config::CheckProtocol::Https, 1);
  check.settings.tls = config::TlsCheck{"", true, "/nowhere/ca.pem", config::TlsVersion::Tls12};
  const ProbeOutcome outcome = run(loop, network_probes(loop.get_executor())(check)).outcome;
  EXPECT_EQ(outcome.finding, Finding::NotAttempted);
  EXPECT_EQ(outcome.sentence.rfind("not checked: ca_file /nowhere/ca.pem: ", 0), 0u)
      << outcome.sentence;
}

TEST(NetworkProbes, NoProbeReportsNothingOnceItIsDestroyed) {
  asio::io_context loop;
  auto probe = make_no_probe(loop.get_executor(), "why");
  probe->start([](const ProbeOutcome&) { FAIL() << "it is gone"; });
  probe.reset();
  loop.poll();
  probe = make_no_probe(loop.get_executor(), "why");
  bool reported = false;
  probe->start([&](const ProbeOutcome&) {
    probe.reset();
    reported = true;
  });
  EXPECT_TRUE(tests::run_until(loop, [&] { return reported; })) << "destroyed by its outcome";
}

}  // namespace
}  // namespace control
