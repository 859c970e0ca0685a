#include "tools/bench/lane.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <new>

namespace tools::bench {
namespace {

using dataplane::Seed;
using dataplane::Verdict;

// Fixed, so that every run has the same collisions.
Seed table_seed(dataplane::WorkerId id) {
  return {0x1234'5678'9abc'def0u + id.number, 0x0fed'cba9'8765'4321u};
}
constexpr Seed owner_seed{0x5eed'5eed'5eed'5eedu, 0x0dd5'0dd5'0dd5'0dd5u};

}  // namespace

Histograms::Histograms() : marks_(std::make_unique<dataplane::HistogramMarks>()) {
  void* memory = mmap(nullptr, sizeof(dataplane::HistogramBlock), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  static_cast<void>(madvise(memory, sizeof(dataplane::HistogramBlock), MADV_NOHUGEPAGE));
  block_ = static_cast<dataplane::HistogramBlock*>(memory);  // zeros are empty histograms
}

Histograms::~Histograms() { munmap(block_, sizeof *block_); }

dataplane::FlowMeasures Histograms::measures(const dataplane::Snapshot& snapshot) {
  for (const dataplane::Target& target : snapshot.targets) {
    if (target.id == dataplane::no_target) continue;
    block_->targets[target.id.slot].clear();  // so that its pages are there
    marks_->targets[target.id.slot].set(target.id.incarnation);
  }
  for (const dataplane::Listener& listener : snapshot.listeners) {
    if (listener.id == dataplane::no_listener) continue;
    block_->listeners[listener.id.slot].clear();
    marks_->listeners[listener.id.slot].set(listener.incarnation);
  }
  return {*block_, *marks_};
}

Lane::Lane(dataplane::WorkerId id, dataplane::FlowCapacity capacity, std::uint16_t frame_bytes,
           dataplane::Publication& publication, const Clock& clock)
    : io(frame_bytes),
      clock_(clock),
      table_(capacity.bytes()),
      block_(std::make_unique<dataplane::WorkerBlock>()),
      sticky_memory_(dataplane::StickyTable::bytes_needed(sticky_clients)),
      sticky_(sticky_memory_.bytes(), sticky_clients, table_seed(id)),
      gate_(std::make_unique<dataplane::Gate>(1, 0)),
      measures_(histograms_.measures(*publication.newest())),
      core_(id, table_.bytes(), capacity, table_seed(id), owner_seed, *block_, sticky_, *gate_,
            measures_),
      worker_(core_, io, publication) {}

std::uint64_t Lane::answers() const {
  dataplane::HistogramSum sum;
  for (std::size_t slot = 0; slot < dataplane::targets_max; ++slot) {
    if (histograms_.marks().targets[slot].any()) {
      sum.add(histograms_.block().targets[slot].response);
    }
  }
  return sum.count();
}

std::uint64_t Lane::run() {
  const std::uint64_t start = ticks_fenced();
  while (!io.empty()) {
    // As nic/poll_loop does: the clock is read once a turn.
    const double passed = clock_.nanoseconds(ticks_passing() - start);
    worker_.step({static_cast<std::uint64_t>(now_ + passed)});
  }
  const std::uint64_t ticks = ticks_fenced() - start;
  now_ += clock_.nanoseconds(ticks);
  return ticks;
}

std::string Lane::broken_law() const {
  const dataplane::Totals& totals = block_->totals;
  std::uint64_t decided = 0, leaving = 0;
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    decided += verdicts(verdict);
    if (dataplane::is_forward(verdict) || dataplane::is_reply(verdict))
      leaving += verdicts(verdict);
  }
  const std::uint64_t alive = totals.flows_alive.read();
  const std::uint64_t entries = core_.flows4.size() + core_.flows6.size();
  const std::uint64_t ended = totals.flows_expired.read() + totals.flows_removed.read();
  if (totals.received.read() != decided) {
    return fmt::format("received {}, verdicts {}", totals.received.read(), decided);
  }
  if (totals.sent.read() != leaving) {
    return fmt::format("to be sent {}, sent {}", leaving, totals.sent.read());
  }
  if (alive != totals.flows_inserted.read() - ended || entries != 2 * alive) {
    return fmt::format("flows alive {}, inserted {}, ended {}, entries {}", alive,
                       totals.flows_inserted.read(), ended, entries);
  }
  return {};
}

Tally::Tally(const Lane& lane) : lane_(lane) {
  for (std::size_t i = 0; i < before_.size(); ++i) {
    before_[i] = lane.verdicts(static_cast<Verdict>(i));
  }
}

std::uint64_t Tally::count(Verdict verdict) const {
  return lane_.verdicts(verdict) - before_[static_cast<std::size_t>(verdict)];
}

std::uint64_t Tally::forwarded() const {
  return count(Verdict::ForwardToTarget) + count(Verdict::ForwardToClient);
}

std::vector<std::pair<std::string_view, std::uint64_t>> Tally::all() const {
  std::vector<std::pair<std::string_view, std::uint64_t>> found;
  for (std::size_t i = 0; i < before_.size(); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    if (count(verdict) != 0) found.emplace_back(to_string(verdict), count(verdict));
  }
  return found;
}

std::string Tally::others() const {
  std::string text;
  for (std::size_t i = 0; i < before_.size(); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    if (dataplane::is_forward(verdict) || count(verdict) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count(verdict), to_string(verdict));
  }
  return text;
}

}  // namespace tools::bench
