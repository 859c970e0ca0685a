#include "control/health/grpc_probe.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>
#include <utility>

#include "control/health/attempt.h"
#include "control/health/channel.h"
#include "control/health/grpc_call.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

GrpcCall::Request request_of(const Check& check) {
  const config::HealthCheck& settings = check.settings;
  return {.tls = settings.tls.has_value(),
          .authority = settings.host.empty() ? dataplane::with_port(check.address, check.port)
                                             : settings.host,
          .path = settings.path,
          .service = settings.service,
          .matcher = settings.matcher};
}

/// Moves a call's bytes over a channel. Kept alive by its pending operations.
class GrpcExchange : public std::enable_shared_from_this<GrpcExchange> {
 public:
  GrpcExchange(std::shared_ptr<Channel> channel, const Check& check)
      : channel_(std::move(channel)),
        attempt_(channel_->attempt()),
        timeout_(check.settings.timeout),
        call_(request_of(check)) {}

  void begin() {
    attempt_.if_late(
        {Finding::TimedOut, fmt::format("no response within {}", in_seconds(timeout_))});
    write();
  }

 private:
  void write() {
    outgoing_ = call_.take_outgoing();
    if (call_.outcome()) return attempt_.finish(*call_.outcome());
    if (outgoing_.empty()) return read();
    asio::async_write(*channel_, asio::buffer(outgoing_),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (self->attempt_.over()) return;
                        if (error) return self->attempt_.finish(failed(error));
                        self->read();
                      });
  }

  void read() {
    channel_->async_read_some(asio::buffer(incoming_),
                              [self = shared_from_this()](error_code error, std::size_t size) {
                                if (self->attempt_.over()) return;
                                self->call_.receive({self->incoming_.data(), size});
                                if (is_end(error)) self->call_.closed();
                                if (self->call_.outcome())
                                  return self->attempt_.finish(*self->call_.outcome());
                                if (error) return self->attempt_.finish(failed(error));
                                self->write();
                              });
  }

  static ProbeOutcome failed(const error_code& error) {
    if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
      return {Finding::Failed, "connection reset before a response"};
    }
    return {Finding::Failed, fmt::format("reading the response failed: {}", error.message())};
  }

  std::shared_ptr<Channel> channel_;
  Attempt& attempt_;  // the channel's
  std::chrono::milliseconds timeout_;
  GrpcCall call_;
  std::string outgoing_;
  std::array<char, 4096> incoming_;
};

class GrpcProbe final : public Probe {
 public:
  GrpcProbe(const asio::any_io_executor& executor, const Check& check, TlsContexts::Context context)
      : executor_(executor), check_(check), context_(std::move(context)) {}
  ~GrpcProbe() override {
    if (attempt_) attempt_->abandon();
  }

  void start(Done done) override {
    CHECK(attempt_ == nullptr);
    attempt_ = std::make_shared<Attempt>(executor_, std::move(done));
    std::optional<Channel::Tls> tls;
    if (context_) tls = {context_, "h2", true};
    const auto channel = std::make_shared<Channel>(attempt_, check_, std::move(tls));
    auto exchange = std::make_shared<GrpcExchange>(channel, check_);
    channel->open([exchange = std::move(exchange)] { exchange->begin(); });
  }

 private:
  asio::any_io_executor executor_;
  Check check_;
  TlsContexts::Context context_;
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace

std::unique_ptr<Probe> make_grpc_probe(const asio::any_io_executor& executor, const Check& check,
                                       TlsContexts::Context context) {
  return std::make_unique<GrpcProbe>(executor, check, std::move(context));
}

}  // namespace control
