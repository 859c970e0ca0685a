// spillway-exporter: an instance's figures for Prometheus, and a status page.

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "tools/exporter/options.h"
#include "tools/exporter/server.h"
#include "tools/exporter/site.h"
#include "tools/exporter/source.h"

namespace {

void run(const exporter::ExporterOptions& options) {
  boost::asio::io_context io(1);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const auto&, int) { io.stop(); });
  exporter::Source source(options.instance);
  exporter::Site site(source, options.histograms);
  const exporter::Server server(io, options.listen, site);
  fmt::print("spillway-exporter: instance {} on http://{}/\n", options.instance, server.endpoint());
  const std::string why = source.read().why;
  if (!why.empty()) fmt::print("spillway-exporter: {}; it is looked for at each scrape\n", why);
  std::fflush(stdout);
  io.run();
}

}  // namespace

int main(int count, char** words) {
  const auto parsed = exporter::parse_options({words + 1, words + count});
  if (const auto* exit = std::get_if<exporter::Exit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->status == 0 ? stdout : stderr);
    return exit->status;
  }
  try {
    run(std::get<exporter::ExporterOptions>(parsed));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "spillway-exporter: {}\n", error.what());
    return 1;
  }
}
