#include "nic/eal_log.h"

#include <rte_log.h>

#include <utility>

#include "dataplane/packet/contract.h"

namespace nic {
namespace {

/// DPDK says the level of the line being printed per thread, and prints one line per call.
Severity current_severity() {
  const int level = rte_log_cur_msg_loglevel();
  if (level <= static_cast<int>(RTE_LOG_ERR)) return Severity::Error;
  if (level == static_cast<int>(RTE_LOG_WARNING)) return Severity::Warning;
  if (level == static_cast<int>(RTE_LOG_NOTICE)) return Severity::Notice;
  return level == static_cast<int>(RTE_LOG_INFO) ? Severity::Info : Severity::Debug;
}

}  // namespace

EalLog::EalLog(LogSink sink) : sink_(std::move(sink)) {
  cookie_io_functions_t functions{};
  functions.write = &EalLog::take;
  stream_ = fopencookie(this, "w", functions);
  CHECK(stream_ != nullptr);
  CHECK(rte_openlog_stream(stream_) == 0);
}

EalLog::~EalLog() {
  rte_openlog_stream(nullptr);
  std::fclose(stream_);
}

long EalLog::take(void* self, const char* bytes, std::size_t size) {
  auto& log = *static_cast<EalLog*>(self);
  std::string text;
  {
    const std::lock_guard lock(log.mutex_);
    log.partial_.append(bytes, size);
    const std::size_t end = log.partial_.rfind('\n');
    if (end == std::string::npos) return static_cast<long>(size);
    text = log.partial_.substr(0, end);
    log.partial_.erase(0, end + 1);
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    log.take_line(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
  return static_cast<long>(size);
}

void EalLog::take_line(std::string_view line) {
  if (line.empty()) return;
  const Severity severity = current_severity();
  // What EAL adds to every driver's own complaint says nothing new.
  const bool echo = line.find("Failed to attach device on primary") != std::string_view::npos;
  if (severity <= Severity::Warning && !echo) {
    const std::lock_guard lock(mutex_);
    complaints_.emplace_back(line);
    if (complaints_.size() > lines_max) complaints_.pop_front();
  }
  if (sink_) sink_(severity, line);
}

void EalLog::begin_step() {
  const std::lock_guard lock(mutex_);
  complaints_.clear();
}

std::string EalLog::complaints() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : complaints_) {
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text;
}

}  // namespace nic
