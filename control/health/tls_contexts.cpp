#include "control/health/tls_contexts.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/verify_mode.hpp>
#include <boost/system/error_code.hpp>

namespace control {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

/// server_name is the connection's, not the context's.
bool same_context(const config::TlsCheck& a, const config::TlsCheck& b) {
  return a.verify == b.verify && a.ca_file == b.ca_file && a.minimum_version == b.minimum_version;
}

/// When the file was last written; the epoch's begin where that cannot be told.
std::filesystem::file_time_type time_written(const std::string& file) {
  std::error_code ignored;
  const auto written = std::filesystem::last_write_time(file, ignored);
  return ignored ? std::filesystem::file_time_type{} : written;
}

std::string why_not(const std::string& what, const error_code& error) {
  return fmt::format("not checked: {}: {}", what, error.message());
}

std::variant<TlsContexts::Context, std::string> make(const config::TlsCheck& settings) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX* const native = context->native_handle();
  const bool newest = settings.minimum_version == config::TlsVersion::Tls13;
  SSL_CTX_set_min_proto_version(native, newest ? TLS1_3_VERSION : TLS1_2_VERSION);
  // A target may not make us compute for it: no renegotiation. No probe resumes what another began.
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  error_code error;
  if (!settings.verify) {
    context->set_verify_mode(ssl::verify_none, error);
    return context;
  }
  context->set_verify_mode(ssl::verify_peer, error);
  if (settings.ca_file.empty()) {
    context->set_default_verify_paths(error);
    if (error) return why_not("the system's certificates", error);
  } else {
    context->load_verify_file(settings.ca_file, error);
    if (error) return why_not("ca_file " + settings.ca_file, error);
  }
  return context;
}

}  // namespace

std::variant<TlsContexts::Context, std::string> TlsContexts::get(const config::TlsCheck& settings) {
  const auto written = settings.verify && !settings.ca_file.empty()
                           ? time_written(settings.ca_file)
                           : std::filesystem::file_time_type{};
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return same_context(kept.settings, settings);
  });
  if (found != kept_.end()) {
    if (found->written == written) return found->context;
    kept_.erase(found);
  }
  auto made = make(settings);
  if (const auto* context = std::get_if<Context>(&made)) {
    if (kept_.size() >= contexts_max) kept_.clear();
    kept_.push_back({settings, written, *context});
  }
  return made;
}

}  // namespace control
