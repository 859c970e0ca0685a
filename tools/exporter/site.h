// Site: what each path of the exporter's web server answers with. Nothing can be changed by it.
#pragma once

#include <string>
#include <string_view>

#include "tools/exporter/collector.h"
#include "tools/exporter/source.h"

namespace exporter {

struct Answer {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::string content_security_policy;  // "": the strictest
};

class Site {
 public:
  Site(Source& source, HistogramChoice choice) : source_(&source), collector_(source, choice) {}
  /// `target` as in the request line; what follows a '?' does not matter.
  [[nodiscard]] Answer answer(std::string_view method, std::string_view target);

 private:
  Source* source_;
  Collector collector_;
};

/// The web page, made from tools/exporter/page by page/embed.py.
struct Page {
  std::string_view html;
  /// Its own script and style, by their hashes, and nothing else: a name from a configuration or a
  /// target's answer that got into the page as markup could not do anything.
  std::string_view content_security_policy;
};
[[nodiscard]] Page page();

}  // namespace exporter
