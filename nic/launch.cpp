// Where the workers meet the path. Alone in a file, so that nothing else in nic/ needs the path
// linked.

#include "dataplane/worker.h"
#include "nic/forwarder.h"

namespace nic {
namespace {

using PathWorker = dataplane::Worker<QueuePair>;

/// Leaves the publication when the worker's thread is done with its turns.
class LeavingWorker {
 public:
  LeavingWorker(dataplane::Core& core, QueuePair& io, dataplane::Publication& publication)
      : worker_(core, io, publication) {}
  ~LeavingWorker() { worker_.stop(); }
  LeavingWorker(const LeavingWorker&) = delete;
  LeavingWorker& operator=(const LeavingWorker&) = delete;

  std::size_t step(dataplane::Instant now) { return worker_.step(now); }

 private:
  PathWorker worker_;
};

}  // namespace

void Forwarder::start(dataplane::Publication& publication) {
  std::vector<Turn> turns;
  for (std::size_t i = 0; i < workers(); ++i) {
    const WorkerId id{static_cast<std::uint8_t>(i)};
    // shared_ptr: a std::function must be copyable. Dropped by stop(), after the thread has ended.
    auto worker = std::make_shared<LeavingWorker>(core(id), queue_pair(id), publication);
    turns.emplace_back([worker](dataplane::Instant now) { return worker->step(now); });
  }
  start(std::move(turns));
}

}  // namespace nic
