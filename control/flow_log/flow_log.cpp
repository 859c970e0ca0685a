#include "control/flow_log/flow_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "control/flow_log/line.h"
#include "tools/report/documents.h"

namespace control {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long records wait in the rings at most, if there are not many: at 32,768 places a worker
// would have to end three million flows a second to fill its ring meanwhile.
constexpr milliseconds pause{10};
// Flows of one worker, before the next one's turn.
constexpr std::size_t flows_together = 256;
// Of one round, so that what control wants is seen to.
constexpr std::size_t flows_per_round = 16'384;
// Lines are written in parts of this size where there are many.
constexpr std::size_t bytes_together = std::size_t{256} << 10;
// A worker that still logs by an older snapshot: they are at most a step behind.
constexpr milliseconds linger{1'000};

std::size_t buffer_bytes(const config::FlowLog& config) {
  return std::size_t{config.buffer_megabytes} << 20;
}

LineSink::Kind kind_of(const config::FlowLog& config) {
  return config.path.empty() ? LineSink::Kind::Socket : LineSink::Kind::File;
}

std::uint64_t lost(const LineCounts& counts) {
  return counts.dropped_slow + counts.dropped_unavailable;
}

/// Unix time of the workers' Instant 0, in nanoseconds.
std::int64_t epoch(dataplane::Instant now) {
  const auto unix = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(unix).count() -
         static_cast<std::int64_t>(now.nanoseconds);
}

}  // namespace

FlowLog::FlowLog(std::string instance, std::vector<dataplane::FlowLog*> workers, Clock clock)
    : instance_(std::move(instance)),
      workers_(std::move(workers)),
      clock_(std::move(clock)),
      thread_([this] { run(); }) {}

FlowLog::~FlowLog() { stop(); }

// --- the control thread ---

void FlowLog::configure(const config::FlowLog& wanted) {
  {
    const std::lock_guard guard(lock_);
    if (wanted == wanted_.config) return;
    wanted_.config = wanted;
    wanted_.changed = true;
  }
  wake_.notify_one();
}

void FlowLog::learn(const Records& records) {
  const std::lock_guard guard(lock_);
  names_ = std::make_shared<const FlowNames>(records, *names_, rounds_);
}

dataplane::FlowLogRecord FlowLog::record() const {
  const std::lock_guard guard(lock_);
  return record_;
}

void FlowLog::stop() {
  {
    const std::lock_guard guard(lock_);
    wanted_.stop = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// --- its own thread ---

void FlowLog::run() {
  while (true) {
    const Wanted wanted = take_wanted();
    const LineSink::Time now = steady_clock::now();
    // What has ended by now goes to the sink that there is, or else to the one that is to be.
    const bool first = sink_ == nullptr;
    if (wanted.changed && first) apply(wanted.config);
    const std::size_t flows = drain(now);
    if (sink_ != nullptr) sink_->flush(now);
    if (wanted.changed && !first) apply(wanted.config);
    if (!config_.on() && sink_ != nullptr && now >= closes_) finish_sink();
    tell_of_trouble();
    if (wanted.stop && flows == 0) break;
    publish_counts();
    wait(flows == 0 && !wanted.stop);
  }
  finish_sink();
  publish_counts();
}

FlowLog::Wanted FlowLog::take_wanted() {
  const std::lock_guard guard(lock_);
  Wanted wanted = wanted_;
  wanted_.changed = false;
  return wanted;
}

void FlowLog::apply(const config::FlowLog& wanted) {
  config_ = wanted;
  if (!wanted.on()) {
    closes_ = steady_clock::now() + linger;
    return;
  }
  const LineSink::Kind kind = kind_of(wanted);
  if (sink_ != nullptr && sink_->kind() == kind && sink_->path() == wanted.destination()) {
    return sink_->resize(buffer_bytes(wanted));
  }
  finish_sink();
  sink_ = std::make_unique<LineSink>(kind, wanted.destination(), buffer_bytes(wanted), counts_);
  spdlog::info("flow log: {} of the flows that end, to {} {}",
               wanted.sample_millionths == 1'000'000
                   ? "all"
                   : fmt::format("{} %", wanted.sample_millionths / 1e4),
               kind == LineSink::Kind::File ? "file" : "socket", wanted.destination());
}

/// What it does not take in time is lost.
void FlowLog::finish_sink() {
  if (sink_ == nullptr) return;
  const LineSink::Time until = steady_clock::now() + last_words;
  sink_->flush(until);  // so that its pause after a failure is over
  while (sink_->waiting() != 0 && sink_->open() && steady_clock::now() < until) {
    std::this_thread::sleep_for(pause);
    sink_->flush(steady_clock::now());
  }
  if (sink_->waiting() != 0) {
    spdlog::warn("flow log: {} lines are lost that {} did not take", sink_->waiting(),
                 sink_->path());
  }
  sink_->abandon();
  tell_of_trouble();
  counts_ = sink_->counts();
  sink_.reset();
  problem_.clear();
}

std::size_t FlowLog::drain(LineSink::Time now) {
  std::shared_ptr<const FlowNames> names;
  {
    const std::lock_guard guard(lock_);
    names = names_;
  }
  const LineContext context{instance_, *names, epoch(clock_())};
  std::size_t flows = 0;
  bool more = true;
  while (more && flows < flows_per_round) {
    more = false;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      const dataplane::WorkerId worker{static_cast<std::uint8_t>(i)};
      const auto take = [&](const dataplane::EndedFlow& flow) {
        std::string* const room = sink_ == nullptr ? nullptr : sink_->room();
        if (room == nullptr) {
          // Without a sink: of a worker that is far behind.
          counts_.dropped_unavailable += sink_ == nullptr ? 1 : 0;
          return;
        }
        append_line(*room, flow, worker, context);
        sink_->commit();
      };
      const std::size_t taken = workers_[i]->ring().take_each(flows_together, take);
      flows += taken;
      more = more || taken == flows_together;
    }
    if (sink_ != nullptr && sink_->waiting_bytes() >= bytes_together) sink_->flush(now);
  }
  if (flows == 0) {
    const std::lock_guard guard(lock_);
    ++rounds_;
  }
  return flows;
}

/// One line when it begins and one when it ends.
void FlowLog::tell_of_trouble() {
  if (sink_ == nullptr) return;
  const std::string problem = sink_->problem();
  if (problem_.empty() && !problem.empty()) {
    problem_since_ = report::now_unix_milliseconds();
    lost_before_ = lost(sink_->counts());
    spdlog::warn(
        "flow log: {}: {}; it is tried again once a second, and what does not fit into "
        "the buffer of {} MB is lost",
        sink_->path(), problem, config_.buffer_megabytes);
  } else if (!problem_.empty() && problem.empty()) {
    problem_since_ = 0;
    spdlog::info("flow log: {} takes lines again; {} were lost", sink_->path(),
                 lost(sink_->counts()) - lost_before_);
  }
  problem_ = problem;
}

void FlowLog::publish_counts() {
  dataplane::FlowLogRecord record{};
  const LineCounts& counts = sink_ == nullptr ? counts_ : sink_->counts();
  record.used = config_.on();
  record.written = counts.written;
  record.written_bytes = counts.written_bytes;
  record.dropped_slow = counts.dropped_slow;
  record.dropped_unavailable = counts.dropped_unavailable;
  record.opened = counts.opened;
  if (config_.on()) {
    record.socket = kind_of(config_) == LineSink::Kind::Socket;
    record.sample_millionths = config_.sample_millionths;
    record.destination.assign(config_.destination());
  }
  if (sink_ != nullptr) {
    record.open = sink_->open();
    record.waiting = sink_->waiting();
    record.problem.assign(problem_);
    record.problem_since_unix_milliseconds = problem_.empty() ? 0 : problem_since_;
  }
  const std::lock_guard guard(lock_);
  record_ = record;
}

void FlowLog::wait(bool idle) {
  std::unique_lock guard(lock_);
  const auto called = [this] { return wanted_.changed || wanted_.stop; };
  if (sink_ == nullptr) {
    wake_.wait(guard, called);
  } else if (idle) {
    wake_.wait_for(guard, pause, called);
  }
}

}  // namespace control
