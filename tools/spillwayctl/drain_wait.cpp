#include "tools/spillwayctl/drain_wait.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"
#include "tools/spillwayctl/quantity.h"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_at_drains{200};

std::optional<Json> find(const Json& document, const Json& target) {
  for (const Json& other : elements(document, "targets")) {
    const bool same = text(other, "target_group") == text(target, "target_group") &&
                      endpoint(other) == endpoint(target);
    if (same) return other;
  }
  return std::nullopt;
}

/// What the flows that are left have moved since somebody began to look. How much is still to come
/// nobody knows, so this and how fast it grows is what says whether they get anywhere.
class Moved {
 public:
  void look(const Json& target) {
    const std::uint64_t now = number(target, "bytes_to_target") + number(target, "bytes_to_client");
    const auto at = Clock::now();
    if (!looked_) first_ = last_ = now;
    const std::chrono::duration<double> passed = at - at_;
    // A counter that begins anew has moved nothing.
    per_second_ = looked_ && now >= last_ && passed.count() > 0
                      ? static_cast<double>(now - last_) / passed.count()
                      : 0;
    looked_ = true;
    last_ = now;
    at_ = at;
  }
  [[nodiscard]] std::uint64_t bytes() const { return last_ > first_ ? last_ - first_ : 0; }
  [[nodiscard]] double per_second() const { return per_second_; }

 private:
  bool looked_ = false;
  std::uint64_t first_ = 0, last_ = 0;
  Clock::time_point at_;
  double per_second_ = 0;
};

/// Prints a sentence once, over the one before it where the terminal allows; or a document a line.
class Progress {
 public:
  explicit Progress(const Context& context) : context_(context) {}

  void show(const Json& target) {
    const std::uint64_t flows = number(target, "active_flows");
    moved_.look(target);
    // On a terminal time and bytes are worth an update; in a log or a program's input only news
    // are.
    if (!(context_.terminal && !context_.json) && flows == flows_) return;
    flows_ = flows;
    if (context_.json) {
      print_line(target);
    } else {
      print_sentence(target, flows);
    }
    std::fflush(stdout);
  }
  void end() const {
    if (context_.terminal && !context_.json) std::fputs("\n", stdout);
    std::fflush(stdout);
  }

 private:
  void print_line(Json target) const {
    target["bytes_moved"] = moved_.bytes();
    target["bytes_per_second"] = moved_.per_second();
    fmt::print("{}\n", target.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  void print_sentence(const Json& target, std::uint64_t flows) const {
    const View view{.now_unix_milliseconds = report::now_unix_milliseconds(),
                    .colours = context_.colours,
                    .wide = false,
                    .earlier = nullptr,
                    .seconds = 0};
    std::string sentence = show_target_state(target, view);
    if (flows != 0) {
      sentence += fmt::format("; moved {} so far, {} now",
                              tools::bytes(static_cast<double>(moved_.bytes())),
                              byte_rate(moved_.per_second()));
    }
    fmt::print("{}{}{}", context_.terminal ? "\r\033[K" : "", sentence,
               context_.terminal ? "" : "\n");
  }

  const Context& context_;
  std::uint64_t flows_ = UINT64_MAX;
  Moved moved_;
};

/// The drain was asked for just now: so long it may take until shared memory shows it.
constexpr std::chrono::seconds drain_shown_within{5};

/// The exit status, once there is nothing more to wait for.
class Outcome {
 public:
  explicit Outcome(std::string name) : name_(std::move(name)) {}

  std::optional<int> of(const std::optional<Json>& target, Clock::duration waited) {
    if (!target) return done;  // deregistered and empty: its record is gone
    const bool drained = !flag(*target, "takes_new_flows");
    drained_ = drained_ || drained;
    if (!drained_ && waited < drain_shown_within) return std::nullopt;
    if (number(*target, "active_flows") == 0) return done;
    if (drained) return std::nullopt;
    return fail(fmt::format("{} takes new flows again: somebody undrained it", name_));
  }

 private:
  std::string name_;
  bool drained_ = false;
};

}  // namespace

int wait_until_empty(const Context& context, const Json& target,
                     std::optional<double> timeout_seconds) {
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) return fail(error->message);
  auto& reader = std::get<report::SegmentReader>(opened);
  const std::string name = text(target, "target_group") + ' ' + endpoint(target);
  const auto started = Clock::now();
  Progress progress(context);
  Outcome outcome(name);
  for (;;) {
    reader.follow();
    const auto liveness = reader.liveness(report::now_unix_milliseconds());
    const auto now = find(report::targets_document(reader.view(), liveness), target);
    if (now) progress.show(*now);
    if (const auto status = outcome.of(now, Clock::now() - started)) {
      progress.end();
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
    std::this_thread::sleep_for(look_at_drains);
  }
}

}  // namespace tools
