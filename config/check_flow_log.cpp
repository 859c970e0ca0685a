// What must hold for the flow log.
#include <fmt/format.h>

#include <string>

#include "config/checks.h"
#include "config/ranges.h"

namespace config {
namespace {

void check_destination(const std::string& key, const std::string& path, std::size_t size_max,
                       Complaints& complaints) {
  const auto complain = [&](std::string problem, std::string allowed, std::string remedy) {
    complaints.add({.setting = "flow_log." + key,
                    .value = in_quotes(path),
                    .problem = std::move(problem),
                    .allowed = std::move(allowed),
                    .remedy = std::move(remedy)});
  };
  if (path.find('\0') != std::string::npos) {
    return complain("has a byte 0 in it", "a path", "Remove it.");
  }
  if (path.front() != '/') {
    return complain("is not absolute, and spillway may be started anywhere",
                    "a path that begins with '/'", "Write the whole path.");
  }
  if (path.back() == '/') {
    return complain("is a directory", "the path of a file in a directory that exists",
                    "Add a name like flows.jsonl.");
  }
  if (path.size() <= size_max) return;
  complain(fmt::format("has {} bytes", path.size()), fmt::format("up to {} bytes", size_max),
           "Choose a shorter path.");
}

}  // namespace

void check_flow_log(const Config& config, Complaints& complaints) {
  const FlowLog& log = config.flow_log;
  const bool readable = complaints.readable("flow_log") && complaints.readable("flow_log.path") &&
                        complaints.readable("flow_log.socket");
  if (!readable || !config.places.written("flow_log")) return;
  if (!log.on()) {
    return complaints.add({.setting = "flow_log",
                           .problem = "says neither path nor socket",
                           .allowed = "path = \"FILE\", or socket = \"PATH\"",
                           .remedy = "Say where the lines go; for no flow log, remove flow_log."});
  }
  if (!log.path.empty() && !log.socket.empty()) {
    return complaints.add({.setting = "flow_log.socket",
                           .value = in_quotes(log.socket),
                           .problem = "and path" + written_at(config, "flow_log.path") +
                                      " are both given, but lines go to one place",
                           .allowed = "path or socket",
                           .remedy = "Remove one of them."});
  }
  if (!log.path.empty()) {
    check_destination("path", log.path, ranges::flow_log_path_max, complaints);
  } else {
    check_destination("socket", log.socket, ranges::socket_path_max, complaints);
  }
}

}  // namespace config
