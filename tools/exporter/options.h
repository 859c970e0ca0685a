// Options: spillway-exporter's command line.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/exporter/metrics.h"
#include "tools/exporter/server.h"

namespace exporter {

struct ExporterOptions {
  std::string instance;
  Place listen;
  HistogramChoice histograms;
};

/// What to print, and the exit status: 0 after --help and --version, 2 after a mistake.
struct Exit {
  int status;
  std::string text;
};

[[nodiscard]] std::variant<ExporterOptions, Exit> parse_options(
    const std::vector<std::string>& words);

}  // namespace exporter
