#include "dataplane/publication.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

namespace dataplane {
namespace {

// Snapshots that say when they are freed. The test asks the flag rather than the memory, so it also
// fails without AddressSanitizer.
class Graves {
 public:
  explicit Graves(std::size_t generations) : freed_(generations + 1) {}

  std::shared_ptr<const Snapshot> snapshot(std::uint64_t generation) {
    auto* made = new Snapshot;
    made->generation = Generation{generation};
    made->punts_per_second = static_cast<std::uint32_t>(generation);
    made->targets.resize(4);
    made->targets[3].id = TargetId{static_cast<std::uint16_t>(generation), 0};
    return {made, [this, generation](const Snapshot* dead) {
              freed_[generation].store(true, std::memory_order_release);
              delete dead;
            }};
  }
  [[nodiscard]] bool freed(std::uint64_t generation) const {
    return freed_[generation].load(std::memory_order_acquire);
  }

 private:
  std::vector<std::atomic<bool>> freed_;
};

constexpr WorkerId first{0};
constexpr WorkerId second{1};

void enter(Publication& publication, WorkerId worker) {
  static_cast<void>(publication.enter(worker));
}

TEST(Publication, WorkersGetTheNewest) {
  Graves graves(3);
  Publication publication(1, graves.snapshot(1));
  EXPECT_EQ(publication.enter(first).generation, Generation{1});
  publication.publish(graves.snapshot(2));
  EXPECT_EQ(publication.newest()->generation, Generation{2});
  EXPECT_EQ(publication.enter(first).generation, Generation{2});
}

TEST(Publication, SnapshotLivesUntilEveryWorkerHasLeftIt) {
  Graves graves(3);
  Publication publication(2, graves.snapshot(1));
  enter(publication, first);
  enter(publication, second);
  publication.publish(graves.snapshot(2));
  EXPECT_EQ(publication.oldest_applied(), Generation{1});
  enter(publication, first);
  publication.reclaim();
  EXPECT_FALSE(graves.freed(1));  // the second worker may still read it
  enter(publication, second);
  EXPECT_EQ(publication.oldest_applied(), Generation{2});
  publication.reclaim();
  EXPECT_TRUE(graves.freed(1));
  EXPECT_FALSE(graves.freed(2));
  EXPECT_EQ(publication.snapshots_alive(), 1u);
}

TEST(Publication, AWorkerThatHasNotEnteredHoldsEverything) {
  Graves graves(4);
  Publication publication(2, graves.snapshot(1));
  enter(publication, first);
  for (std::uint64_t generation = 2; generation <= 4; ++generation) {
    publication.publish(graves.snapshot(generation));
    enter(publication, first);
  }
  publication.reclaim();
  EXPECT_EQ(publication.snapshots_alive(), 4u);  // it may be just about to read any of them
  enter(publication, second);
  publication.reclaim();
  EXPECT_EQ(publication.snapshots_alive(), 1u);
}

TEST(Publication, AWorkerThatLeftHoldsNothing) {
  Graves graves(3);
  Publication publication(2, graves.snapshot(1));
  enter(publication, first);
  enter(publication, second);
  publication.publish(graves.snapshot(2));
  enter(publication, first);
  publication.leave(second);
  publication.reclaim();
  EXPECT_TRUE(graves.freed(1));
  publication.leave(first);
  publication.publish(graves.snapshot(3));
  EXPECT_TRUE(graves.freed(2));
  EXPECT_FALSE(graves.freed(3));  // the newest stays, whoever reads it
}

TEST(Publication, FreesEverythingAtItsEnd) {
  Graves graves(2);
  {
    Publication publication(1, graves.snapshot(1));
    enter(publication, first);
    publication.publish(graves.snapshot(2));
  }
  EXPECT_TRUE(graves.freed(1));
  EXPECT_TRUE(graves.freed(2));
}

TEST(PublicationDeathTest, MistakesAreCaught) {
  Graves graves(2);
  Publication publication(1, graves.snapshot(2));
  EXPECT_DEATH(publication.publish(nullptr), "nullptr");
  EXPECT_DEATH(publication.publish(graves.snapshot(1)), "generation");
  EXPECT_DEATH(static_cast<void>(publication.enter(second)), "workers_");
  publication.leave(first);
  // Between the load of the pointer and its report nobody would keep the snapshot alive.
  EXPECT_DEATH(static_cast<void>(publication.enter(first)), "left");
  EXPECT_DEATH(Publication(workers_max + 1, graves.snapshot(1)), "workers_max");
}

// Readers in a tight loop, a writer that publishes as fast as it can; one reader leaves half-way.
// Run it under ThreadSanitizer and AddressSanitizer: they see what the flags cannot.
TEST(Publication, ReadersNeverSeeAFreedSnapshot) {
  constexpr std::uint64_t generations = 20'000;
  constexpr std::uint8_t readers = 3;
  Graves graves(generations);
  Publication publication(readers, graves.snapshot(1));
  std::atomic<std::uint64_t> wrong{0};
  const auto read = [&](WorkerId self, std::uint64_t until) {
    std::uint64_t last = 0;
    while (last < until) {
      const Snapshot& snapshot = publication.enter(self);
      const std::uint64_t generation = snapshot.generation.number;
      const bool whole = snapshot.targets.size() == 4 && snapshot.punts_per_second == generation &&
                         snapshot.targets[3].id.slot == static_cast<std::uint16_t>(generation);
      if (!whole || generation < last || graves.freed(generation)) wrong.fetch_add(1);
      last = generation;
    }
    publication.leave(self);
  };
  std::vector<std::thread> threads;
  for (std::uint8_t i = 0; i < readers; ++i) {
    threads.emplace_back(read, WorkerId{i}, i == 0 ? generations / 2 : generations);
  }
  std::size_t alive_max = 0;
  for (std::uint64_t generation = 2; generation <= generations; ++generation) {
    publication.publish(graves.snapshot(generation));
    alive_max = std::max(alive_max, publication.snapshots_alive());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0u);
  publication.reclaim();
  EXPECT_EQ(publication.snapshots_alive(), 1u);
  std::printf("most snapshots alive at once: %zu of %llu\n", alive_max,
              static_cast<unsigned long long>(generations));
}

}  // namespace
}  // namespace dataplane
