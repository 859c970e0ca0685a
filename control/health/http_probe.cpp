#include "control/health/http_probe.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/errors.h"
#include "control/health/attempt.h"
#include "control/health/channel.h"
#include "control/health/matcher.h"
#include "control/health/reported_weight.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t header_bytes_max = 8 * 1024;
constexpr std::size_t body_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds body_time_max{1000};
constexpr int interim_responses_max = 4;  // 100 Continue, 103 Early Hints

ProbeOutcome judge_status(unsigned status, const std::vector<config::StatusRange>& matcher) {
  if (matches(matcher, status)) return {Finding::Passed, fmt::format("HTTP {}", status)};
  return {Finding::CodeMismatch, fmt::format("HTTP {}, expected {}", status, to_string(matcher))};
}

/// Adds what a good response says about the target's weight, or why that is not heeded.
void read_weight(const http::fields& fields, const std::string& name, ProbeOutcome& outcome) {
  if (name.empty() || outcome.finding != Finding::Passed) return;
  const auto [first, last] = fields.equal_range(name);
  if (first == last) {
    outcome.weight = ReportedWeight{};
    return;
  }
  const auto value = first->value();
  const std::string_view text{value.data(), value.size()};
  const auto percent = std::next(first) == last ? parse_weight_percent(text) : std::nullopt;
  if (percent) {
    outcome.weight = ReportedWeight{percent};
    return;
  }
  outcome.sentence += std::next(first) == last
                          ? fmt::format(", {} {} is ignored: not a number from 0 to 100", name,
                                        config::in_quotes(text))
                          : fmt::format(", {} is ignored: it is there twice", name);
}

ProbeOutcome read_failed(const error_code& error) {
  if (error == http::error::end_of_stream || is_end(error)) {
    return {Finding::Failed, "connection closed without a response"};
  }
  if (error == http::error::partial_message) {
    return {Finding::Failed, "connection closed in the middle of the response headers"};
  }
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
    return {Finding::Failed, "connection reset before a response"};
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {Finding::Failed, fmt::format("response headers above {} KiB", header_bytes_max / 1024)};
  }
  if (error.category() == http::make_error_code(http::error::bad_version).category()) {
    return {Finding::Failed, fmt::format("not an HTTP response: {}", error.message())};
  }
  return {Finding::Failed, fmt::format("reading the response failed: {}", error.message())};
}

/// Request and response over one channel. Kept alive by its pending operations.
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
 public:
  HttpExchange(std::shared_ptr<Channel> channel, const Check& check)
      : channel_(std::move(channel)), attempt_(channel_->attempt()), check_(check) {
    request_.method(http::verb::get);
    request_.target(check.settings.path);
    request_.version(11);
    request_.set(http::field::host, check.settings.host.empty()
                                        ? dataplane::with_port(check.address, check.port)
                                        : check.settings.host);
    request_.set(http::field::user_agent, "Spillway-HealthChecker/" SPILLWAY_VERSION);
    request_.set(http::field::accept, "*/*");
    request_.set(http::field::connection, "close");
  }

  void begin() {
    attempt_.if_late({Finding::TimedOut,
                      fmt::format("no response within {}", in_seconds(check_.settings.timeout))});
    http::async_write(*channel_, request_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (self->attempt_.over()) return;
                        if (error) return self->attempt_.finish(read_failed(error));
                        self->read_header();
                      });
  }

 private:
  void read_header() {
    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    parser_->body_limit(boost::none);  // a long body is no fault: it is not read
    parser_->skip(true);
    http::async_read_header(*channel_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (self->attempt_.over()) return;
                              if (error) return self->attempt_.finish(read_failed(error));
                              self->header_read();
                            });
  }

  void header_read() {
    const unsigned status = parser_->get().result_int();
    const bool interim = status < 200 && status != 101;
    if (interim && ++interim_responses_ <= interim_responses_max) return read_header();
    outcome_ = judge_status(status, check_.settings.matcher);
    read_weight(parser_->get(), check_.settings.weight_header, outcome_);
    attempt_.if_late(outcome_);
    attempt_.hurry(body_time_max);
    discard_body();
  }

  // Until the target closes: closing first, with data unread, would send it a reset.
  void discard_body() {
    channel_->async_read_some(asio::buffer(discarded_),
                              [self = shared_from_this()](error_code error, std::size_t bytes) {
                                if (self->attempt_.over()) return;
                                self->body_bytes_ += bytes;
                                if (error || self->body_bytes_ >= body_bytes_max) {
                                  return self->attempt_.finish(self->outcome_);
                                }
                                self->discard_body();
                              });
  }

  std::shared_ptr<Channel> channel_;
  Attempt& attempt_;  // the channel's
  Check check_;
  http::request<http::empty_body> request_;
  boost::beast::flat_buffer buffer_{2 * header_bytes_max};
  std::optional<http::response_parser<http::empty_body>> parser_;
  int interim_responses_ = 0;
  ProbeOutcome outcome_;
  std::size_t body_bytes_ = 0;
  std::array<char, 4096> discarded_;
};

class HttpProbe final : public Probe {
 public:
  HttpProbe(const asio::any_io_executor& executor, const Check& check, TlsContexts::Context context)
      : executor_(executor), check_(check), context_(std::move(context)) {}
  ~HttpProbe() override {
    if (attempt_) attempt_->abandon();
  }

  void start(Done done) override {
    CHECK(attempt_ == nullptr);
    attempt_ = std::make_shared<Attempt>(executor_, std::move(done));
    std::optional<Channel::Tls> tls;
    if (context_) tls = {context_, "http/1.1", false};  // who knows no ALPN speaks HTTP/1.1
    const auto channel = std::make_shared<Channel>(attempt_, check_, std::move(tls));
    auto exchange = std::make_shared<HttpExchange>(channel, check_);
    channel->open([exchange = std::move(exchange)] { exchange->begin(); });
  }

 private:
  asio::any_io_executor executor_;
  Check check_;
  TlsContexts::Context context_;
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace

std::unique_ptr<Probe> make_http_probe(const asio::any_io_executor& executor, const Check& check,
                                       TlsContexts::Context context) {
  return std::make_unique<HttpProbe>(executor, check, std::move(context));
}

}  // namespace control
