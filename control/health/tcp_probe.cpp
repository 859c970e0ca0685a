#include "control/health/tcp_probe.h"

#include <utility>

#include "dataplane/packet/contract.h"

namespace control {
namespace {

class TcpProbe final : public Probe {
 public:
  TcpProbe(std::shared_ptr<Connects> connects, const Check& check)
      : connects_(std::move(connects)),
        address_(check.address),
        port_(check.port),
        timeout_(check.settings.timeout) {}
  ~TcpProbe() override { connects_->drop(number_); }

  void start(Done done) override {
    CHECK(number_ == 0);
    number_ = connects_->start(address_, port_, timeout_, std::move(done));
  }

 private:
  std::shared_ptr<Connects> connects_;
  dataplane::IpAddress address_;
  std::uint16_t port_;
  std::chrono::milliseconds timeout_;
  Connects::Number number_ = 0;  // 0: not started; nobody has that number
};

}  // namespace

std::unique_ptr<Probe> make_tcp_probe(std::shared_ptr<Connects> connects, const Check& check) {
  return std::make_unique<TcpProbe>(std::move(connects), check);
}

}  // namespace control
