#include "tools/exporter/source.h"

#include <fmt/core.h>

#include <utility>
#include <variant>

#include "tools/report/documents.h"

namespace exporter {
namespace {

std::string why_stale(const std::string& instance, const report::SegmentView& view,
                      const report::Liveness& liveness) {
  if (!liveness.stale) return {};
  const std::uint64_t seconds = liveness.silent_milliseconds / 1000;
  if (view.header->stopped.read() != 0) {
    return fmt::format("stale: instance {} was stopped {} s ago", instance, seconds);
  }
  if (!liveness.running) {
    return fmt::format("stale: instance {} is not running: it died about {} s ago (pid {})",
                       instance, seconds, view.header->pid);
  }
  return fmt::format(
      "stale: instance {} (pid {}) has given no sign of life for {} s; its control thread is stuck "
      "or gets no CPU",
      instance, view.header->pid, seconds);
}

}  // namespace

Reading Source::read() {
  Reading reading{.instance = instance_,
                  .now_unix_milliseconds = report::now_unix_milliseconds(),
                  .view = std::nullopt,
                  .liveness = {},
                  .why = {}};
  if (!reader_) {
    auto opened = report::SegmentReader::open(instance_);
    if (const auto* error = std::get_if<report::ReadError>(&opened)) {
      reading.why = error->message;
      return reading;
    }
    reader_.emplace(std::move(std::get<report::SegmentReader>(opened)));
  } else {
    reader_->follow();
  }
  reading.liveness = reader_->liveness(reading.now_unix_milliseconds);
  if (!reading.liveness.running) {
    // Perhaps a daemon of another version has taken its place, which follow() leaves alone.
    const auto opened = report::SegmentReader::open(instance_);
    const auto* error = std::get_if<report::ReadError>(&opened);
    if (error != nullptr && error->kind == report::ReadError::Kind::OtherLayout) {
      reading.why = error->message;
      return reading;
    }
  }
  reading.view = reader_->view();
  reading.why = why_stale(instance_, *reading.view, reading.liveness);
  return reading;
}

}  // namespace exporter
