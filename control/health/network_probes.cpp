#include "control/health/network_probes.h"

#include <boost/asio/post.hpp>
#include <utility>
#include <variant>

#include "control/health/grpc_probe.h"
#include "control/health/http_probe.h"
#include "control/health/icmp_probe.h"
#include "control/health/tcp_probe.h"
#include "control/health/tls_contexts.h"
#include "control/health/udp_probe.h"

namespace control {
namespace {

namespace asio = boost::asio;

class NoProbe final : public Probe {
 public:
  NoProbe(const asio::any_io_executor& executor, const std::string& sentence)
      : executor_(executor), sentence_(sentence) {}
  ~NoProbe() override {
    if (done_) *done_ = nullptr;
  }
  void start(Done done) override {
    done_ = std::make_shared<Done>(std::move(done));
    asio::post(executor_, [done = done_, sentence = sentence_] {
      const Done call = std::exchange(*done, nullptr);
      if (call) call({Finding::NotAttempted, sentence});
    });
  }

 private:
  asio::any_io_executor executor_;
  std::string sentence_;
  std::shared_ptr<Done> done_;
};

/// Makes a probe with the context that the check's TLS wants; null if it wants none.
template <class Make>
std::unique_ptr<Probe> with_context(TlsContexts& contexts, const Check& check,
                                    const asio::any_io_executor& executor, Make make) {
  if (!check.settings.tls) return make(nullptr);
  const auto found = contexts.get(*check.settings.tls);
  if (const auto* why = std::get_if<std::string>(&found)) return make_no_probe(executor, *why);
  return make(std::get<TlsContexts::Context>(found));
}

}  // namespace

std::unique_ptr<Probe> make_no_probe(const asio::any_io_executor& executor,
                                     const std::string& sentence) {
  return std::make_unique<NoProbe>(executor, sentence);
}

ProbeFactory network_probes(const asio::any_io_executor& executor) {
  return [executor, contexts = std::make_shared<TlsContexts>(),
          connects =
              std::make_shared<Connects>(executor)](const Check& check) -> std::unique_ptr<Probe> {
    switch (check.settings.protocol) {
      case config::CheckProtocol::Tcp: break;
      case config::CheckProtocol::Http:
      case config::CheckProtocol::Https:
        return with_context(*contexts, check, executor, [&](TlsContexts::Context context) {
          return make_http_probe(executor, check, std::move(context));
        });
      case config::CheckProtocol::Grpc:
        return with_context(*contexts, check, executor, [&](TlsContexts::Context context) {
          return make_grpc_probe(executor, check, std::move(context));
        });
      case config::CheckProtocol::Udp: return make_udp_probe(executor, check);
      case config::CheckProtocol::Icmp: return make_icmp_probe(executor, check);
    }
    return make_tcp_probe(connects, check);
  };
}

}  // namespace control
