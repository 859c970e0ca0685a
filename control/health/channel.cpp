#include "control/health/channel.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// As RFC 7301 has it: each name behind its length.
std::string alpn_list(const std::string& protocol) {
  return static_cast<char>(protocol.size()) + protocol;
}

}  // namespace

Channel::Channel(std::shared_ptr<Attempt> attempt, const Check& check, std::optional<Tls> tls)
    : attempt_(std::move(attempt)), check_(check), tls_(std::move(tls)) {}

void Channel::open(std::function<void()> opened) {
  attempt_->connect(check_, [self = shared_from_this(), opened = std::move(opened)]() mutable {
    if (!self->tls_) return opened();
    self->shake_hands(std::move(opened));
  });
}

void Channel::prepare() {
  SSL* const native = stream_->native_handle();
  const std::string name = server_name(check_.settings);
  const std::string address = to_string(check_.address);
  const bool is_address = name.empty() || dataplane::parse_address(name).has_value();
  if (!is_address) {  // RFC 6066: no addresses in SNI
    std::string sent = name;
    SSL_ctrl(native, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent.data());
  }
  const std::string list = alpn_list(tls_->protocol);
  SSL_set_alpn_protos(native, reinterpret_cast<const unsigned char*>(list.data()),
                      static_cast<unsigned>(list.size()));
  if (!check_.settings.tls || !check_.settings.tls->verify) return;
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(native);
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, name.empty() ? address.c_str() : name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size());
  }
}

void Channel::shake_hands(std::function<void()> opened) {
  stream_.emplace(attempt_->socket(), *tls_->context);
  prepare();
  attempt_->if_late({Finding::TimedOut, fmt::format("no TLS handshake within {}",
                                                    in_seconds(check_.settings.timeout))});
  stream_->async_handshake(
      asio::ssl::stream_base::client,
      [self = shared_from_this(), opened = std::move(opened)](error_code error) {
        if (self->attempt_->over()) return;
        if (error) return self->attempt_->finish(self->handshake_failed(error));
        if (self->tls_->must_agree && !self->agreed()) {
          return self->attempt_->finish(
              {Finding::Failed,
               fmt::format("the target does not offer {} over TLS (ALPN)", self->tls_->protocol)});
        }
        opened();
      });
}

bool Channel::agreed() {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(stream_->native_handle(), &chosen, &size);
  return std::string_view{reinterpret_cast<const char*>(chosen), size} == tls_->protocol;
}

ProbeOutcome Channel::handshake_failed(const error_code& error) {
  const long verified = SSL_get_verify_result(stream_->native_handle());
  if (verified != X509_V_OK && check_.settings.tls && check_.settings.tls->verify) {
    return {Finding::Failed,
            fmt::format("certificate refused: {}", X509_verify_cert_error_string(verified))};
  }
  if (is_end(error)) return {Finding::Failed, "connection closed during the TLS handshake"};
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
    return {Finding::Failed, "connection reset during the TLS handshake"};
  }
  const char* reason = ERR_reason_error_string(static_cast<unsigned long>(error.value()));
  const bool of_openssl = error.category() == asio::error::get_ssl_category();
  return {Finding::Failed,
          fmt::format("TLS handshake failed: {}", of_openssl && reason ? reason : error.message())};
}

std::string server_name(const config::HealthCheck& settings) {
  if (settings.tls && !settings.tls->server_name.empty()) return settings.tls->server_name;
  const std::string& host = settings.host;
  if (dataplane::parse_address(host)) return host;
  if (!host.empty() && host.front() == '[') return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_end(const error_code& error) {
  return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

}  // namespace control
