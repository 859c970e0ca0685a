// Certificate: a fresh self-signed one with its key, for tests of TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <string>

namespace tests {

class Certificate {
 public:
  /// `names` as OpenSSL writes subjectAltName: "DNS:a.example,IP:127.0.0.1". It is valid from a
  /// day ago for `days` days.
  explicit Certificate(const std::string& names, int days = 10);

  /// A server's context that shows it.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> server_context() const;
  /// Writes it as PEM, to be a ca_file.
  void write(const std::filesystem::path& file) const;

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace tests
