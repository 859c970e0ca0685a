#include "tools/spillwayctl/instance.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "tools/report/documents.h"
#include "tools/report/place.h"
#include "tools/spillwayctl/quantity.h"

namespace tools {
namespace {

using report::ReadError;
using report::SegmentReader;

/// The choice among what is there, when nobody named one.
std::variant<SegmentReader, ReadError> only_instance() {
  const std::vector<std::string> names = report::instances();
  if (names.empty()) {
    return ReadError{
        ReadError::Kind::NotRunning,
        "no instance is running on this machine; start one with spillway --config FILE"};
  }
  if (names.size() == 1) return SegmentReader::open(names.front());
  std::vector<std::string> running;
  for (const std::string& name : names) {
    const auto opened = SegmentReader::open(name);
    const auto* reader = std::get_if<SegmentReader>(&opened);
    if (reader != nullptr && reader->liveness(report::now_unix_milliseconds()).running) {
      running.push_back(name);
    }
  }
  if (running.size() == 1) return SegmentReader::open(running.front());
  return ReadError{
      ReadError::Kind::NotRunning,
      running.empty()
          ? fmt::format("no instance is running; {} left their figures: choose one with --instance",
                        fmt::join(names, ", "))
          : fmt::format("{} are running: choose one with --instance", fmt::join(running, ", "))};
}

}  // namespace

std::variant<SegmentReader, ReadError> open_instance(const Context& context) {
  return context.instance.empty() ? only_instance() : SegmentReader::open(context.instance);
}

std::variant<std::string, ReadError> name_instance(const Context& context) {
  if (!context.instance.empty()) {
    if (report::is_instance_name(context.instance)) return context.instance;
    return std::get<ReadError>(SegmentReader::open(context.instance));  // says what is allowed
  }
  auto opened = only_instance();
  if (const auto* error = std::get_if<ReadError>(&opened)) return *error;
  return std::get<SegmentReader>(opened).instance();
}

std::string staleness(const std::string& instance, const report::SegmentView& view,
                      const report::Liveness& liveness) {
  if (!liveness.stale) return {};
  const std::string silence = duration(static_cast<double>(liveness.silent_milliseconds) / 1000);
  if (view.header->stopped.read() != 0) {
    return fmt::format("stale: instance {} was stopped {} ago; these are its last figures",
                       instance, silence);
  }
  if (!liveness.running) {
    return fmt::format(
        "stale: instance {} is not running, it died about {} ago (pid {}); these are "
        "its last figures",
        instance, silence, view.header->pid);
  }
  return fmt::format(
      "stale: instance {} (pid {}) has given no sign of life for {}; its control "
      "thread is stuck or gets no CPU",
      instance, view.header->pid, silence);
}

}  // namespace tools
