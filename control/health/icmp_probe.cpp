#include "control/health/icmp_probe.h"

#include <fmt/format.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <string>
#include <utility>

#include "control/health/attempt.h"
#include "control/health/datagram_attempt.h"
#include "control/health/icmp_echo.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

namespace asio = boost::asio;

struct EchoSocket {
  int descriptor = -1;  // -1: errno says why
  bool raw = false;
};

/// A raw one sees every ICMP message that the target sends us; for IPv6 the kernel can filter.
EchoSocket open_socket(bool ipv6) {
  const int family = ipv6 ? AF_INET6 : AF_INET;
  const int protocol = ipv6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
  const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  const int ping = ::socket(family, SOCK_DGRAM | flags, protocol);
  if (ping >= 0) return {ping, false};
  const int raw = ::socket(family, SOCK_RAW | flags, protocol);
  if (raw >= 0 && ipv6) {
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    // Without it the probe reads what it ignores.
    static_cast<void>(::setsockopt(raw, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter));
  }
  return {raw, true};
}

std::uint64_t fresh_token() {
  static std::mt19937_64 tokens{std::random_device{}()};  // the control thread's
  return tokens();
}

class IcmpProbe final : public Probe {
 public:
  IcmpProbe(const asio::any_io_executor& executor, const Check& check)
      : executor_(executor), check_(check) {}
  ~IcmpProbe() override {
    if (attempt_) attempt_->abandon();
  }

  void start(Done done) override {
    CHECK(attempt_ == nullptr);
    attempt_ = std::make_shared<DatagramAttempt>(executor_, std::move(done));
    const std::uint64_t token = fresh_token();
    const IcmpEcho echo{.ipv6 = !check_.address.is_v4(),
                        .identifier = static_cast<std::uint16_t>(token >> 48),
                        .sequence = 1,
                        .token = token};
    check_.port = 0;  // ICMP has none
    const EchoSocket socket = open_socket(echo.ipv6);
    const bool with_header = socket.raw && !echo.ipv6;
    attempt_->begin(socket.descriptor, check_, echo.request(),
                    {Finding::TimedOut,
                     fmt::format("no echo reply within {}", in_seconds(check_.settings.timeout))},
                    [attempt = attempt_.get(), echo, with_header](std::string_view datagram) {
                      const auto message = with_header ? behind_ipv4_header(datagram) : datagram;
                      if (echo.is_reply(message)) attempt->finish({Finding::Passed, "echo reply"});
                    });
  }

 private:
  asio::any_io_executor executor_;
  Check check_;
  std::shared_ptr<DatagramAttempt> attempt_;
};

}  // namespace

std::unique_ptr<Probe> make_icmp_probe(const asio::any_io_executor& executor, const Check& check) {
  return std::make_unique<IcmpProbe>(executor, check);
}

}  // namespace control
