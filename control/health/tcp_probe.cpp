#include "control/health/tcp_probe.h"

#include <boost/asio/socket_base.hpp>
#include <utility>

#include "control/health/attempt.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

class TcpProbe final : public Probe {
 public:
  TcpProbe(const boost::asio::any_io_executor& executor, const Check& check)
      : executor_(executor), check_(check) {}
  ~TcpProbe() override {
    if (attempt_) attempt_->abandon();
  }

  void start(Done done) override {
    CHECK(attempt_ == nullptr);
    attempt_ = std::make_shared<Attempt>(executor_, std::move(done));
    attempt_->connect(check_, [attempt = attempt_.get()] {  // the attempt itself calls this
      boost::system::error_code ignored;  // without it the close is a clean one, no harm
      attempt->socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
      attempt->finish({Finding::Passed, "connected"});
    });
  }

 private:
  boost::asio::any_io_executor executor_;
  Check check_;
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace

std::unique_ptr<Probe> make_tcp_probe(const boost::asio::any_io_executor& executor,
                                      const Check& check) {
  return std::make_unique<TcpProbe>(executor, check);
}

}  // namespace control
