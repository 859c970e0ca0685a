// Traffic: a worker's whole life in memory, without anything that a worker may not do.
//
// Two workers (dataplane::Worker over a Wire each) take prepared frames: flows that begin, go on
// and end, everything that is answered, refused or dropped, and a flood. Targets answer what
// reaches them, workers hand packets to each other. All memory is there before the first step; the
// steps run in a thread of the caller's choice, which waits for control only by spinning.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/publication.h"
#include "dataplane/worker.h"
#include "tests/support/cpp/rig.h"

namespace tests {

struct World {
  std::string name;
  dataplane::Mode mode;
  dataplane::Algorithm algorithm;
  dataplane::Family family;
  dataplane::Overload overload = dataplane::Overload::Refuse;  // Forward: picks up flows, too
};

/// A frame in a buffer of its own, with room in front and behind.
struct Slot {
  static constexpr std::size_t room = 128;
  static constexpr std::size_t in_all = 128;  // of a Wire: a burst in hand, and those that wait
  std::array<std::uint8_t, 2048> bytes;
  std::uint16_t length = 0;
  dataplane::PortId port;
  bool segmented = false;

  void assign(const std::uint8_t* data, std::size_t size, dataplane::PortId arrives_at);
};

/// A queue of frames with a fixed number of places. What does not fit is lost, as on a wire.
class Places {
 public:
  explicit Places(std::size_t count) : slots_(count) {}
  [[nodiscard]] bool empty() const { return used_ == 0; }
  /// The next free place, now taken; null: none is.
  [[nodiscard]] Slot* put();
  /// The oldest frame; valid until the next put().
  [[nodiscard]] const Slot* take();

 private:
  std::vector<Slot> slots_;
  std::size_t first_ = 0, used_ = 0;
};

/// Worker's Io: frames arrive from the script, from targets and from the other worker.
class Wire {
 public:
  Wire() : answers_(512), handed_(512), slots_(Slot::in_all), unused_(Slot::in_all) {
    for (Slot& slot : slots_) unused_[free_++] = &slot;
  }
  void connect(Wire& other) { other_ = &other; }
  /// What arrives next, a burst a step; outlives its use.
  void play(const std::vector<Slot>& script) {
    script_ = &script;
    played_ = 0;
  }
  [[nodiscard]] bool idle() const {
    return played_ == script_->size() && answers_.empty() && handed_.empty();
  }

  bool receive(dataplane::Burst& burst, dataplane::Instant now);
  void transmit(dataplane::Burst& burst, dataplane::Totals& totals);
  std::size_t idle(dataplane::Totals&) { return 0; }
  void originate(std::span<const dataplane::OwnFrame> frames, dataplane::Totals& totals) {
    totals.originated.add(frames.size());
  }

 private:
  enum class Source : std::uint8_t { Script, Answers, HandedOver, None };
  [[nodiscard]] const Slot* next();
  void answer(const dataplane::Burst& burst, std::size_t i);

  const std::vector<Slot>* script_ = nullptr;
  std::size_t played_ = 0;
  Places answers_, handed_;
  Wire* other_ = nullptr;
  Source source_ = Source::Script;
  unsigned turns_ = 0;
  std::vector<Slot> slots_;
  std::vector<Slot*> unused_;
  std::size_t free_ = 0;  // of unused_
  std::array<Slot*, dataplane::Burst::capacity> received_;
};

class Traffic {
 public:
  explicit Traffic(const World& world);

  /// The workers' part: all phases, each as soon as control lets it begin.
  void work();
  /// Control's part, in another thread: changes the world between phases and, in the first, again
  /// and again while packets flow. Ends when the phases do, or `workers_ended()` says true.
  template <class Ended>
  void control(Ended workers_ended) {
    for (std::size_t phase = 0; phase < phases; ++phase) {
      prepare(phase);
      released_.store(phase + 1, std::memory_order_release);  // pairs with work()
      while (reached_.load(std::memory_order_acquire) <= phase) {
        if (workers_ended()) return;
        if (phase == 0) publish();
        watch();
        std::this_thread::yield();
      }
    }
    publication_.reclaim();
  }

  [[nodiscard]] Rig& rig() { return rig_; }
  [[nodiscard]] const dataplane::Publication& publication() const { return publication_; }
  /// Packets that workers have handed over: captures begin and end all the time.
  [[nodiscard]] std::uint64_t captured() const { return captured_; }

  static constexpr std::size_t workers = 2;
  static constexpr std::size_t phases = 6;
  static constexpr std::uint32_t flows_max = 300;  // per worker and family

 private:
  [[nodiscard]] std::shared_ptr<const dataplane::Snapshot> compile(bool few_local_ports);
  void publish(bool few_local_ports = false);
  void prepare(std::size_t phase);
  void watch();

  // The script: frames as they arrive, by phase and worker.
  void write_script(std::size_t phase, std::size_t frames);
  void add(const Frame& frame, dataplane::PortId port);
  void add(Bytes bytes, dataplane::PortId port);
  void add_flow_packet();
  void add_answered();
  void add_dropped();
  void add_odd();
  void add_icmp_error();
  void add_too_big();
  void flood();

  [[nodiscard]] std::string client(std::uint64_t number) const;
  [[nodiscard]] std::string ours(int port) const;
  [[nodiscard]] std::string target(std::uint64_t number, int port) const;
  [[nodiscard]] std::string address(const char* v4, const char* v6) const;
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] bool v4() const { return world_.family == dataplane::Family::V4; }

  World world_;
  std::mt19937_64 random_{1};
  Rig rig_;
  std::shared_ptr<const dataplane::Snapshot> newest_;
  dataplane::Publication publication_;
  std::array<Wire, workers> wires_;
  std::vector<std::unique_ptr<dataplane::Worker<Wire>>> workers_;
  std::array<std::array<std::vector<Slot>, workers>, phases> script_;
  std::vector<Slot>* writing_ = nullptr;
  std::atomic<std::size_t> released_{0}, reached_{0};
  std::uint64_t captured_ = 0, turns_ = 0;
};

}  // namespace tests
