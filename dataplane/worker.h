// Worker: one poll-mode core's loop body, over any Io.
//
// step() takes every waiting burst once through the path, then does a bounded amount of
// housekeeping. The loop around it (nic/, tests, simulation) decides when and with which clock. Io
// is a type with
//
//   bool receive(Burst&, Instant now)   resets and fills the burst from the next source that has
//                                       packets; false when every source has been asked once
//   void transmit(Burst&, Totals&)      takes every packet by its verdict: sends it, punts it,
//                                       hands it off or frees it, and counts sent, unsent and so
//                                       on. A packet with Wait stays as and where it is; it comes
//                                       back in a later burst that receive() has not filled
//   std::size_t idle(Totals&)           housekeeping of its own once a step (kernel path, transmit
//                                       rings); how many packets it moved
//   void originate(std::span<const OwnFrame>, Totals&)
//                                       sends up to Burst::capacity packets that answer none, and
//                                       counts originated and originated_unsent; may be given none
#pragma once

#include <cstddef>
#include <utility>

#include "dataplane/burst.h"
#include "dataplane/core.h"
#include "dataplane/path/end_flows.h"
#include "dataplane/path/expire.h"
#include "dataplane/path/path.h"
#include "dataplane/path/revalidate.h"
#include "dataplane/path/serve_query.h"
#include "dataplane/path/surge.h"
#include "dataplane/path/watch.h"
#include "dataplane/publication.h"

namespace dataplane {

template <class Io>
class Worker {
 public:
  Worker(Core& core, Io& io, Publication& publication)
      : core_(core), io_(io), publication_(publication) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// One turn of the loop. Returns how many packets it dealt with: 0 means there was nothing to do.
  std::size_t step(Instant now) {
    last_ = now;
    count_time(now);
    const Snapshot& snapshot = publication_.enter(core_.id);
    Totals& totals = core_.counters.totals;
    totals.generation.set(snapshot.generation.number);
    enter_generation(core_, snapshot);
    core_.flow_log.enter(snapshot);
    watched_ = core_.capture.look();
    std::size_t packets = 0;
    while (io_.receive(burst_, now)) {
      packets += burst_.size;
      run_burst(snapshot);
      io_.transmit(burst_, totals);
    }
    packets += io_.idle(totals);
    expire(core_, snapshot, now);
    revalidate(core_, snapshot, now);
    if (!snapshot.terminated.empty()) [[unlikely]]
      io_.originate(end_flows(core_, snapshot, now), totals);
    if (core_.places.freed().any()) [[unlikely]]
      hand_on_freed(core_, snapshot);
    if (!core_.room.empty()) [[unlikely]]
      packets += give_places(snapshot, now);
    serve_query(core_, now);
    totals.local_port_turn.set(core_.turns.local_port);
    totals.sticky_found.set(core_.turns.sticky_found);
    totals.sticky_evicted.set(core_.turns.sticky_evicted);
    totals.flows_alive_ipv6.set(core_.flows6.size() / 2);
    totals.polls.add(1);
    if (packets != 0) totals.busy_polls.add(1);
    was_busy_ = packets != 0;
    return packets;
  }

  /// After the last step: clients that still wait are refused, and the publication no longer waits
  /// for this worker.
  void stop() {
    const Snapshot& snapshot = publication_.enter(core_.id);
    enter_generation(core_, snapshot);
    core_.flow_log.enter(snapshot);
    while (dismiss_waiters(core_, snapshot, burst_, last_) != 0) run_released(snapshot);
    publication_.leave(core_.id);
  }

 private:
  /// Clients that have waited, and have a place now or may wait no longer.
  std::size_t give_places(const Snapshot& snapshot, Instant now) {
    std::size_t packets = 0;
    // A full burst: there may be more.
    do {
      if (release_waiters(core_, snapshot, burst_, now) == 0) break;
      packets += burst_.size;
      run_released(snapshot);
    } while (burst_.size == Burst::capacity);
    return packets;
  }
  void run_released(const Snapshot& snapshot) {
    run_burst(snapshot);
    settle_released(core_, snapshot, burst_);
    io_.transmit(burst_, core_.counters.totals);
  }
  void run_burst(const Snapshot& snapshot) {
    if (watched_) [[unlikely]]
      return run_watched(burst_, snapshot, core_);
    run(burst_, snapshot, core_);
  }
  /// The last step took until now: what is read anyway tells where a worker's time goes.
  void count_time(Instant now) {
    Totals& totals = core_.counters.totals;
    const Instant before = std::exchange(step_began_, now);
    if (before == Instant{} || now < before) return;
    Counter& spent = was_busy_ ? totals.busy_nanoseconds : totals.idle_nanoseconds;
    spent.add(now.nanoseconds - before.nanoseconds);
  }

  Core& core_;
  Io& io_;
  Publication& publication_;
  Burst burst_;
  Instant last_;  // step's
  Instant step_began_;
  bool was_busy_ = false;
  bool watched_ = false;  // control wants to see packets of this step
};

}  // namespace dataplane
