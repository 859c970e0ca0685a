#include "tools/spillwayctl/drain_wait.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_again{200};

std::optional<Json> find(const Json& document, const Json& target) {
  for (const Json& other : elements(document, "targets")) {
    const bool same = text(other, "target_group") == text(target, "target_group") &&
                      endpoint(other) == endpoint(target);
    if (same) return other;
  }
  return std::nullopt;
}

/// Prints a sentence once, over the one before it where the terminal allows.
class Progress {
 public:
  explicit Progress(const Context& context) : context_(context) {}

  void show(const Json& target) {
    if (context_.json) return;
    const std::uint64_t flows = number(target, "active_flows");
    // On a terminal the remaining time is worth an update; in a log only news are.
    if (!context_.terminal && flows == flows_) return;
    flows_ = flows;
    const View view{.now_unix_milliseconds = report::now_unix_milliseconds(),
                    .colours = context_.colours,
                    .wide = false,
                    .earlier = nullptr,
                    .seconds = 0};
    const std::string sentence = show_target_state(target, view);
    fmt::print("{}{}{}", context_.terminal ? "\r\033[K" : "", sentence,
               context_.terminal ? "" : "\n");
    std::fflush(stdout);
  }
  void end() const {
    if (context_.terminal && !context_.json) std::fputs("\n", stdout);
    std::fflush(stdout);
  }

 private:
  const Context& context_;
  std::uint64_t flows_ = UINT64_MAX;
};

/// The exit status, once there is nothing more to wait for.
std::optional<int> verdict_on(const std::optional<Json>& target, const std::string& name) {
  if (!target) return done;  // deregistered and empty: its record is gone
  if (number(*target, "active_flows") == 0) return done;
  if (flag(*target, "takes_new_flows")) {
    return fail(fmt::format("{} takes new flows again: somebody undrained it", name));
  }
  return std::nullopt;
}

}  // namespace

int wait_until_empty(const Context& context, const Json& target,
                     std::optional<double> timeout_seconds) {
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) return fail(error->message);
  auto& reader = std::get<report::SegmentReader>(opened);
  const std::string name = text(target, "target_group") + ' ' + endpoint(target);
  const auto started = Clock::now();
  Progress progress(context);
  for (;;) {
    reader.follow();
    const auto liveness = reader.liveness(report::now_unix_milliseconds());
    const auto now = find(report::targets_document(reader.view(), liveness), target);
    if (now) progress.show(*now);
    if (const auto status = verdict_on(now, name)) {
      progress.end();
      if (context.json && now) fmt::print("{}\n", now->dump(2));
      return *status;
    }
    const std::chrono::duration<double> waited = Clock::now() - started;
    const bool late = timeout_seconds && waited.count() >= *timeout_seconds;
    if (liveness.stale || late) {
      progress.end();
      return fail(late ? fmt::format("{} still has {} flows after {:.0f} s", name,
                                     number(*now, "active_flows"), waited.count())
                       : staleness(reader.instance(), reader.view(), liveness));
    }
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace tools
