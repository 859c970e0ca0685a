#include "control/health/udp_probe.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "control/health/attempt.h"
#include "control/health/datagram_attempt.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

namespace asio = boost::asio;

class UdpProbe final : public Probe {
 public:
  UdpProbe(const asio::any_io_executor& executor, const Check& check)
      : executor_(executor), check_(check) {}
  ~UdpProbe() override {
    if (attempt_) attempt_->abandon();
  }

  void start(Done done) override {
    CHECK(attempt_ == nullptr);
    attempt_ = std::make_shared<DatagramAttempt>(executor_, std::move(done));
    const config::HealthCheck& settings = check_.settings;
    const std::string within = in_seconds(settings.timeout);
    const ProbeOutcome if_late =
        settings.expect.empty()
            ? ProbeOutcome{Finding::Passed, fmt::format("no answer and no error in {}", within)}
            : ProbeOutcome{Finding::TimedOut, fmt::format("no answer within {}", within)};
    const int socket = ::socket(check_.address.is_v4() ? AF_INET : AF_INET6,
                                SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    attempt_->begin(socket, check_, settings.send, if_late,
                    [attempt = attempt_.get(), expect = settings.expect](std::string_view answer) {
                      attempt->finish(judge(answer, expect));
                    });
  }

 private:
  static ProbeOutcome judge(std::string_view answer, const std::string& expect) {
    if (answer.find(expect) != std::string_view::npos) {
      return {Finding::Passed, fmt::format("answer of {} bytes", answer.size())};
    }
    return {Finding::CodeMismatch,
            fmt::format("answer of {} bytes without what is expected", answer.size())};
  }

  asio::any_io_executor executor_;
  Check check_;
  std::shared_ptr<DatagramAttempt> attempt_;
};

}  // namespace

std::unique_ptr<Probe> make_udp_probe(const asio::any_io_executor& executor, const Check& check) {
  return std::make_unique<UdpProbe>(executor, check);
}

}  // namespace control
