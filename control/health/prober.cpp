#include "control/health/prober.h"

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <utility>

#include "dataplane/packet/contract.h"

namespace control {

using dataplane::TargetId;

Prober::Prober(const boost::asio::any_io_executor& executor, Parts parts)
    : parts_(std::move(parts)), timer_(executor) {
  CHECK(parts_.now);
  CHECK(parts_.make_probe);
  CHECK(parts_.report);
}

void Prober::watch(TargetId target, const Check& check) {
  Watched& watched = watched_[target];
  stop(watched);
  watched.check = check;
  watched.begun = false;
  schedule_.add(target, check.settings.interval, parts_.now());
  arm();
}

void Prober::forget(TargetId target) {
  const auto found = watched_.find(target);
  if (found == watched_.end()) return;
  stop(found->second);
  watched_.erase(found);
  schedule_.remove(target);
  arm();
}

void Prober::tick() {
  ticked_ = parts_.now();
  for (const TargetId target : schedule_.take_due(ticked_)) {
    Watched& watched = watched_.at(target);
    if (watched.probe != nullptr) continue;
    start(target, watched);
    if (!std::exchange(watched.begun, true) && parts_.begun) parts_.begun(target);
  }
  arm();
}

void Prober::start(TargetId target, Watched& watched) {
  watched.probe = parts_.make_probe(watched.check);
  ++running_;
  // `this` is safe: a destroyed probe reports nothing, and the prober destroys its probes.
  watched.probe->start([this, target](const ProbeOutcome& outcome) {
    stop(watched_.at(target));
    parts_.report(target, outcome);
  });
}

void Prober::stop(Watched& watched) {
  if (watched.probe == nullptr) return;
  watched.probe.reset();
  --running_;
}

void Prober::arm() {
  const auto next = schedule_.next();
  if (!next) {
    timer_.cancel();
    return;
  }
  // Relative to parts_.now(), which need not be the timer's clock.
  timer_.expires_after(std::max(*next, ticked_ + tick_interval) - parts_.now());
  timer_.async_wait(
      [this, alive = std::weak_ptr<const bool>(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        tick();
      });
}

}  // namespace control
