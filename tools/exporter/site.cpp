#include "tools/exporter/site.h"

#include <fmt/core.h>
#include <prometheus/text_serializer.h>

#include "tools/exporter/status.h"

namespace exporter {
namespace {

Answer sentence(unsigned status, std::string text) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(text) + '\n',
          .content_security_policy = {}};
}

}  // namespace

Answer Site::answer(std::string_view method, std::string_view target) {
  if (method != "GET" && method != "HEAD") {
    return sentence(405, "this is read-only: GET and HEAD are allowed");
  }
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/metrics") {
    return {.status = 200,
            .content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus::TextSerializer().Serialize(collector_.Collect()),
            .content_security_policy = {}};
  }
  if (path == "/status.json") {
    using report::Json;
    const Json document = status(source_->read());
    return {.status = 200,
            .content_type = "application/json",
            .body = document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n',
            .content_security_policy = {}};
  }
  if (path == "/") {
    return {.status = 200,
            .content_type = "text/html; charset=utf-8",
            .body = std::string(page().html),
            .content_security_policy = std::string(page().content_security_policy)};
  }
  return sentence(404,
                  "there is no such page: / is the status page, /status.json what it shows, "
                  "/metrics is for Prometheus");
}

}  // namespace exporter
