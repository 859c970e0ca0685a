#include "tests/support/cpp/certificate.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace tests {
namespace {

constexpr long day = 24L * 3600;

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

}  // namespace

Certificate::Certificate(const std::string& names, int days)
    : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free),
      certificate_(X509_new(), X509_free) {
  X509* const made = certificate_.get();
  must(key_ && made, "no key");
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -day);
  X509_gmtime_adj(X509_getm_notAfter(made), (days - 1) * day);
  X509_set_pubkey(made, key_.get());
  X509_NAME* const subject = X509_get_subject_name(made);
  const unsigned char text[] = "test target";
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(made, subject);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> alternatives(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()),
      X509_EXTENSION_free);
  must(alternatives && X509_add_ext(made, alternatives.get(), -1) == 1, "no names");
  must(X509_sign(made, key_.get(), EVP_sha256()) > 0, "not signed");
}

std::shared_ptr<boost::asio::ssl::context> Certificate::server_context() const {
  auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  must(SSL_CTX_use_certificate(context->native_handle(), certificate_.get()) == 1, "not taken");
  must(SSL_CTX_use_PrivateKey(context->native_handle(), key_.get()) == 1, "key not taken");
  return context;
}

void Certificate::write(const std::filesystem::path& file) const {
  std::FILE* const out = std::fopen(file.c_str(), "w");
  must(out != nullptr, "no file");
  const bool written = PEM_write_X509(out, certificate_.get()) == 1;
  must(std::fclose(out) == 0 && written, "not written");
}

}  // namespace tests
