#include "dataplane/table/sticky_table.h"

#include <gtest/gtest.h>

#include <barrier>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace dataplane {
namespace {

constexpr TargetId first{1, 1}, second{2, 1}, third{3, 1};

Instant at(std::uint64_t seconds) { return {seconds * 1'000'000'000 + 400'000'000}; }

FlowKey4 client(std::uint32_t number) {
  return {{Be32{number}}, {}, Be16{0}, Be16{0}, Protocol::Tcp, {0, 0, 0}};
}

class Sticky : public testing::Test {
 protected:
  explicit Sticky(std::size_t clients = 1024)
      : bytes_(StickyTable::bytes_needed(clients) + 64, std::byte{0xee}),
        table(aligned(), clients, Seed{7, 8}) {}

  StickyToken token(std::uint32_t number) const { return table.prehash(client(number)); }
  StickyEntry find(std::uint32_t number, std::uint64_t now) {
    return table.find(token(number), at(now));
  }
  StickyTable::Settled settle(std::uint32_t number, TargetId target, std::uint64_t now,
                              std::uint32_t timeout = 60) {
    return table.settle(token(number), find(number, now), target, {at(now), timeout});
  }
  std::size_t sweep(std::uint64_t now) { return table.sweep(0, table.sets(), at(now)); }

 private:
  std::span<std::byte> aligned() {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    return std::span(bytes_).subspan((64 - address % 64) % 64);
  }
  std::vector<std::byte> bytes_;

 protected:
  StickyTable table;
};

TEST_F(Sticky, KnowsNobodyAtFirst) {
  for (std::uint32_t number = 0; number < 100; ++number) EXPECT_FALSE(find(number, 5).known());
  EXPECT_EQ(sweep(5), 0u);
  EXPECT_EQ(table.capacity(), 1024u);
}

TEST_F(Sticky, RemembersATargetWithItsIncarnation) {
  EXPECT_TRUE(settle(1, {8191, 0x3ff}, 10).entry.names({8191, 0x3ff}));
  const StickyEntry found = find(1, 10);
  EXPECT_TRUE(found.names({8191, 0x3ff}));
  EXPECT_FALSE(found.names({8191, 0x3fe}));
  EXPECT_FALSE(found.names({8190, 0x3ff}));
  EXPECT_EQ(found.slot(), 8191);
  EXPECT_FALSE(find(2, 10).known());
  EXPECT_EQ(sweep(10), 1u);
}

TEST_F(Sticky, ForgetsAfterItsTimeAndNotBefore) {
  for (const std::uint32_t timeout : {1u, 15u, 60u, 86'400u, 604'800u}) {
    settle(timeout, first, 1'000, timeout);
    EXPECT_TRUE(find(timeout, 1'000 + timeout).known()) << timeout;
    EXPECT_FALSE(find(timeout, 1'000 + timeout + timeout / 16 + 2).known()) << timeout;
  }
}

TEST_F(Sticky, TellsPastFromFutureWhereSecondsWrap) {
  const std::uint64_t wrap = std::uint64_t{1} << StickyEntry::end_bits;
  settle(1, first, wrap - 30, 604'800);
  EXPECT_TRUE(find(1, wrap + 1'000).known());
  EXPECT_EQ(sweep(wrap + 604'000), 1u);
  EXPECT_EQ(sweep(wrap + 643'000), 0u);
  EXPECT_FALSE(find(1, wrap - 29).known()) << "it is cleared, so no second future comes";
}

TEST_F(Sticky, KeepsWhoComesAgainButWritesSeldom) {
  settle(1, first, 0, 160);
  const StickyEntry before = find(1, 5);
  table.keep(token(1), before, {at(5), 160});
  EXPECT_EQ(find(1, 5).word, before.word) << "less than a sixteenth of the time has passed";
  for (std::uint64_t now = 20; now < 2'000; now += 150) {
    const StickyEntry entry = find(1, now);
    ASSERT_TRUE(entry.names(first)) << now;
    table.keep(token(1), entry, {at(now), 160});
    EXPECT_NE(find(1, now).word, entry.word);
  }
  EXPECT_EQ(sweep(2'000), 1u);
}

TEST_F(Sticky, WhoComesSecondAdopts) {
  // Both have looked, and found nobody.
  const StickyEntry nobody = find(1, 0);
  EXPECT_TRUE(table.settle(token(1), nobody, first, {at(0), 60}).entry.names(first));
  EXPECT_TRUE(table.settle(token(1), nobody, second, {at(0), 60}).entry.names(first));
  EXPECT_TRUE(find(1, 0).names(first));
}

TEST_F(Sticky, MovesAClientWhoseTargetIsGoneOnce) {
  settle(1, first, 0);
  const StickyEntry gone = find(1, 1);
  EXPECT_TRUE(table.settle(token(1), gone, second, {at(1), 60}).entry.names(second));
  EXPECT_TRUE(table.settle(token(1), gone, third, {at(1), 60}).entry.names(second))
      << "the other worker has moved it already";
  EXPECT_EQ(sweep(1), 1u);
}

TEST_F(Sticky, TakesThePlaceOfWhatIsOver) {
  settle(1, first, 0, 10);
  EXPECT_TRUE(settle(1, second, 100).entry.names(second));
  EXPECT_EQ(sweep(100), 1u);
}

struct OneSet : Sticky {
  OneSet() : Sticky(8) {}
};

TEST_F(OneSet, HoldsEightAndForgetsWhoseTimeEndsFirst) {
  ASSERT_EQ(table.sets(), 1u);
  for (std::uint32_t number = 1; number <= 8; ++number) {
    const auto timeout = static_cast<std::uint32_t>(100 * number);
    EXPECT_FALSE(settle(number, first, 0, timeout).evicted);
  }
  EXPECT_EQ(sweep(0), 8u);
  EXPECT_TRUE(settle(9, second, 0, 5'000).evicted);
  EXPECT_TRUE(settle(10, second, 0, 5'000).evicted);
  EXPECT_FALSE(find(1, 0).known());
  EXPECT_FALSE(find(2, 0).known());
  for (std::uint32_t number = 3; number <= 8; ++number) EXPECT_TRUE(find(number, 0).known());
  EXPECT_TRUE(find(9, 0).names(second));
  EXPECT_EQ(sweep(0), 8u);
}

TEST_F(OneSet, EvictsNobodyWhileThereAreSomeWhoseTimeIsOver) {
  for (std::uint32_t number = 1; number <= 8; ++number) settle(number, first, 0, 10);
  for (std::uint32_t number = 11; number <= 18; ++number) {
    EXPECT_FALSE(settle(number, second, 50).evicted);
  }
  for (std::uint32_t number = 11; number <= 18; ++number) EXPECT_TRUE(find(number, 50).known());
}

TEST_F(OneSet, AgreesWithAMapAsLongAsThereIsRoom) {
  std::mt19937 random(1);
  std::map<std::uint32_t, std::pair<TargetId, std::uint64_t>> known;  // target, last kept
  std::uint64_t now = 0;
  for (int round = 0; round < 20'000; ++round) {
    now += random() % 20;
    const std::uint32_t number = random() % 8;
    const TargetId target{static_cast<std::uint16_t>(random() % 5), 1};
    const StickyEntry entry = find(number, now);
    const auto mine = known.find(number);
    const std::uint64_t idle = mine == known.end() ? UINT64_MAX : now - mine->second.second;
    if (idle <= 32) {
      ASSERT_TRUE(entry.names(mine->second.first)) << round;
    } else if (idle > 32 + 4) {
      ASSERT_FALSE(entry.known()) << round;
    }
    if (entry.known() && random() % 4 != 0) {
      table.keep(token(number), entry, {at(now), 32});
      // Not written each time, but never forgotten too early: counts as kept when it was.
      if (find(number, now).word != entry.word) known[number].second = now;
    } else {
      ASSERT_TRUE(table.settle(token(number), entry, target, {at(now), 32}).entry.names(target));
      known[number] = {target, now};
    }
    if (random() % 10 == 0) sweep(now);
  }
}

struct Nobodys : Sticky {
  Nobodys() : Sticky(0) {}
};

TEST_F(Nobodys, TableWithoutRoomRemembersNobody) {
  table.prefetch(token(1));
  EXPECT_TRUE(settle(1, first, 0).entry.names(first));
  EXPECT_FALSE(find(1, 0).known());
  EXPECT_EQ(sweep(0), 0u);
}

// Workers meet the same new clients at the same instant, in the worst order that the machine has to
// offer: all must end with one target for each. (ThreadSanitizer watches, too.)
struct Crowd : Sticky {
  Crowd() : Sticky(64 * 1024) {}
};

TEST_F(Crowd, AllWorkersEndWithOneTargetForEachClient) {
  constexpr unsigned workers = 4;
  constexpr std::uint32_t clients = 8'000;
  std::vector<std::vector<StickyEntry>> chosen(workers, std::vector<StickyEntry>(clients));
  {
    // All begin each stretch together, and who comes last to one is first in the next: so each is
    // first with some, even where a single CPU runs them one after the other.
    std::barrier all_here(workers);
    std::vector<std::jthread> threads;
    for (unsigned worker = 0; worker < workers; ++worker) {
      threads.emplace_back([&, worker] {
        const TargetId mine{static_cast<std::uint16_t>(worker), 1};
        for (std::uint32_t number = 0; number < clients; ++number) {
          if (number % 16 == 0) all_here.arrive_and_wait();
          const StickyEntry entry = table.find(token(number), at(0));
          chosen[worker][number] =
              entry.known() ? entry : table.settle(token(number), entry, mine, {at(0), 60}).entry;
          if (number % 500 == 0) table.sweep(0, table.sets(), at(0));
        }
      });
    }
  }
  std::set<std::uint16_t> winners;
  for (std::uint32_t number = 0; number < clients; ++number) {
    for (unsigned worker = 1; worker < workers; ++worker) {
      ASSERT_TRUE(chosen[worker][number].same_target(chosen[0][number])) << number;
    }
    ASSERT_TRUE(find(number, 0).same_target(chosen[0][number])) << number;
    winners.insert(chosen[0][number].slot());
  }
  EXPECT_GT(winners.size(), 1u) << "they never met: this shows nothing";
  EXPECT_EQ(sweep(0), clients);
}

// In a single crowded set entries are evicted, replaced, kept and swept at once. What is found must
// be what somebody has put there for that client.
TEST_F(OneSet, SurvivesEverythingAtOnce) {
  constexpr std::uint32_t clients = 24;
  std::vector<std::jthread> threads;
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    threads.emplace_back([this, worker] {
      std::mt19937 random(worker);
      for (std::uint64_t round = 0; round < 40'000; ++round) {
        const std::uint64_t now = round / 100;
        const auto number = static_cast<std::uint32_t>(random() % clients);
        const auto slot = static_cast<std::uint16_t>(number * 4 + random() % 4);
        const StickyEntry entry = table.find(token(number), at(now));
        if (entry.known()) {
          ASSERT_EQ(entry.slot() / 4, number);
        }
        if (entry.known() && random() % 2 == 0) {
          table.keep(token(number), entry, {at(now), 5});
        } else {
          const auto settled = table.settle(token(number), entry, {slot, 1}, {at(now), 5});
          ASSERT_EQ(settled.entry.slot() / 4, number);
        }
        if (random() % 50 == 0) {
          ASSERT_LE(table.sweep(0, 1, at(now)), 8u);
        }
      }
    });
  }
}

}  // namespace
}  // namespace dataplane
