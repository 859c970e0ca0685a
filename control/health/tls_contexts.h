// TlsContexts: one OpenSSL context for each way in which health checks use TLS.
//
// A context with a store of certificates costs milliseconds and hundreds of kilobytes, so probes
// share them. A ca_file that changes on disk gets a new context with the next probe; probes that
// run keep theirs. Bounded: beyond `contexts_max` different settings all are made anew. Runs on the
// control thread only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "config/health_check.h"

namespace control {

class TlsContexts {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;
  static constexpr std::size_t contexts_max = 1024;  // a target group has one at most

  /// The context for these settings, or a sentence that says why there is none.
  [[nodiscard]] std::variant<Context, std::string> get(const config::TlsCheck& settings);
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    config::TlsCheck settings;
    std::filesystem::file_time_type written;  // ca_file
    Context context;
  };
  std::vector<Kept> kept_;
};

}  // namespace control
