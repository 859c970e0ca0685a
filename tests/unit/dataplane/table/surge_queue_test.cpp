#include "dataplane/table/surge_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace dataplane {
namespace {

constexpr TargetId waited_for{3, 7};
constexpr Grant place{waited_for, {.target = true, .group = false}};

std::unique_ptr<SurgeQueue> make_queue() { return std::make_unique<SurgeQueue>(); }

TEST(SurgeQueue, GivesPlacesInTheOrderOfArrival) {
  const auto queue = make_queue();
  EXPECT_EQ(queue->oldest(), std::nullopt);
  const auto first = queue->enter(2), second = queue->enter(2);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(queue->waiting(), 2u);
  EXPECT_EQ(queue->oldest(), first);
  EXPECT_TRUE(queue->is_oldest(*first));
  EXPECT_EQ(queue->granted(*first), std::nullopt);

  const Grant given{{8191, 0xffff}, {.target = true, .group = true}};
  EXPECT_TRUE(queue->grant(*first, given));
  EXPECT_FALSE(queue->grant(*first, given)) << "twice";
  EXPECT_EQ(queue->oldest(), second);
  const auto seen = queue->granted(*first);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->target, given.target);
  EXPECT_EQ(seen->places, given.places);
  EXPECT_FALSE(queue->cancel(*first)) << "it has a place";
  queue->collect(*first);
  EXPECT_EQ(queue->waiting(), 1u);
}

TEST(SurgeQueue, WhoIsGrantedAPlaceWaitsNoMore) {
  const auto queue = make_queue();
  const auto first = queue->enter(1);
  EXPECT_EQ(queue->enter(1), std::nullopt);
  ASSERT_TRUE(queue->grant(*first, place));
  EXPECT_EQ(queue->oldest(), std::nullopt);
  EXPECT_TRUE(queue->enter(1).has_value()) << "though the first has not seen it yet";
}

TEST(SurgeQueue, CancelledOnesArePassedOver) {
  const auto queue = make_queue();
  std::vector<SurgeQueue::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(*queue->enter(4));
  EXPECT_TRUE(queue->cancel(tickets[1]));
  EXPECT_TRUE(queue->cancel(tickets[0]));
  EXPECT_EQ(queue->waiting(), 2u);
  EXPECT_FALSE(queue->grant(tickets[1], place));
  EXPECT_EQ(queue->oldest(), tickets[2]);
}

TEST(SurgeQueue, WhoIsPutBackKeepsItsTurn) {
  const auto queue = make_queue();
  std::vector<SurgeQueue::Ticket> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(*queue->enter(5));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue->grant(*queue->oldest(), place));
  queue->collect(tickets[1]);
  EXPECT_EQ(queue->waiting(), 2u);

  queue->put_back(tickets[2]);  // in any order
  queue->put_back(tickets[0]);
  EXPECT_EQ(queue->granted(tickets[0]), std::nullopt);
  EXPECT_EQ(queue->waiting(), 4u);
  EXPECT_TRUE(queue->enter(5).has_value());
  EXPECT_EQ(queue->enter(5), std::nullopt) << "they are among those who wait";
  EXPECT_EQ(queue->oldest(), tickets[0]);
  EXPECT_FALSE(queue->is_oldest(tickets[3]));

  ASSERT_TRUE(queue->grant(tickets[0], place));
  EXPECT_FALSE(queue->grant(tickets[0], place)) << "twice";
  EXPECT_FALSE(queue->cancel(tickets[0])) << "it has a place";
  queue->put_back(tickets[0]);  // once more
  EXPECT_EQ(queue->oldest(), tickets[0]);
  EXPECT_TRUE(queue->cancel(tickets[0]));
  EXPECT_EQ(queue->oldest(), tickets[2]);
  ASSERT_TRUE(queue->grant(tickets[2], place));
  queue->collect(tickets[2]);
  EXPECT_EQ(queue->oldest(), tickets[3]);
  EXPECT_EQ(queue->waiting(), 3u);
}

TEST(SurgeQueue, CellsGoRoundBehindOneThatWasPutBack) {
  const auto queue = make_queue();
  for (std::size_t i = 0; i < 3 * SurgeQueue::length_max; ++i) {
    const auto first = queue->enter(2), second = queue->enter(2);
    ASSERT_TRUE(first && second) << i;
    ASSERT_TRUE(queue->grant(*first, place));
    ASSERT_TRUE(queue->grant(*second, place));
    queue->collect(*second);
    queue->put_back(*first);
    ASSERT_EQ(queue->oldest(), first);
    ASSERT_EQ(queue->waiting(), 1u);
    ASSERT_TRUE(queue->grant(*first, place));
    queue->collect(*first);
    ASSERT_EQ(queue->waiting(), 0u);
  }
}

TEST(SurgeQueue, OneWhoseWorkerIsStuckLosesNothingWhileOthersComeAndGo) {
  const auto queue = make_queue();
  const auto stuck = queue->enter(10);
  ASSERT_TRUE(queue->grant(*stuck, place));
  std::size_t passed = 0;
  while (const auto ticket = queue->enter(10)) {
    ASSERT_EQ(queue->oldest(), ticket);
    ASSERT_TRUE(queue->cancel(*ticket));
    ++passed;
    ASSERT_LT(passed, 10 * SurgeQueue::length_max) << "it has to end before a cell is used again";
  }
  EXPECT_GE(passed, SurgeQueue::length_max);
  ASSERT_TRUE(queue->granted(*stuck).has_value());
  EXPECT_EQ(queue->granted(*stuck)->target, waited_for);
  queue->collect(*stuck);
  EXPECT_TRUE(queue->enter(10).has_value());
}

TEST(SurgeQueue, GoesOnBeyondItsCells) {
  const auto queue = make_queue();
  for (std::size_t i = 0; i < 5 * SurgeQueue::length_max; ++i) {
    const auto ticket = queue->enter(1);
    ASSERT_TRUE(ticket.has_value()) << i;
    ASSERT_TRUE(queue->is_oldest(*ticket)) << i;
    ASSERT_TRUE(queue->grant(*ticket, place)) << i;
    queue->collect(*ticket);
  }
}

TEST(SurgeQueues, HoldNoMoreThanThereAreBuffersFor) {
  SurgeQueues queues(2);
  EXPECT_FALSE(queues.anybody_waits());
  EXPECT_TRUE(queues.try_hold());
  EXPECT_TRUE(queues.try_hold());
  EXPECT_FALSE(queues.try_hold());
  queues.let_go();
  EXPECT_TRUE(queues.anybody_waits());
  EXPECT_TRUE(queues.try_hold());
  EXPECT_EQ(queues.held(), 2u);
}

TEST(SurgeQueues, MakeAQueueForAGroupOnce) {
  SurgeQueues queues(1);
  const TargetGroupId group{1023};
  EXPECT_EQ(queues.of(group), nullptr);
  queues.prepare(group);
  SurgeQueue* made = queues.of(group);
  ASSERT_NE(made, nullptr);
  queues.prepare(group);
  EXPECT_EQ(queues.of(group), made);
}

TEST(ConnectionLimits, GivesPlacesOnlyWhenAllWorkersCount) {
  const auto limits = std::make_unique<ConnectionLimits>(2);
  const LimitId id = limit_of(waited_for);
  EXPECT_FALSE(limits->try_take(id, 5));
  limits->join(id, 2);
  EXPECT_FALSE(limits->complete(id));
  EXPECT_FALSE(limits->try_take(id, 5)) << "nobody knows how many the other one has";
  limits->join(id, 2);
  EXPECT_TRUE(limits->complete(id));
  EXPECT_TRUE(limits->try_take(id, 5));
  EXPECT_FALSE(limits->try_take(id, 5));
  limits->take(id);
  EXPECT_EQ(limits->connections(id), 6u) << "picked up: it exists";
  limits->give_back(id, 2);
  EXPECT_TRUE(limits->try_take(id, 5));
  limits->leave(id, 3);
  EXPECT_FALSE(limits->try_take(id, 5));
  EXPECT_NE(limit_of(TargetGroupId{3}).slot, id.slot);
}

/// What several workers do with one group of two targets, without their packets.
struct Queueing {
  static constexpr std::uint32_t limit = 3;
  static constexpr std::array<TargetId, 2> targets{{{0, 1}, {1, 1}}};
  static constexpr TargetGroupId group{0};

  explicit Queueing(std::size_t workers) : gate(workers, 64) {
    gate.queues.prepare(group);
    for (std::size_t i = 0; i < workers; ++i) {
      for (const TargetId id : targets) gate.limits.join(limit_of(id), 0);
    }
  }

  std::optional<Grant> reserve() {
    for (const TargetId id : targets) {
      if (!gate.limits.try_take(limit_of(id), limit)) continue;
      begun(id);
      return Grant{id, {.target = true}};
    }
    return std::nullopt;
  }
  void begun(TargetId id) {
    // What the target itself would see: never one too many.
    EXPECT_LE(at_target[id.slot].fetch_add(1) + 1, limit);
  }
  void give_back(TargetId id) {
    free(id);
    if (gate.queues.anybody_waits()) hand_on();
  }
  void free(TargetId id) {
    at_target[id.slot].fetch_sub(1);
    gate.limits.give_back(limit_of(id));
  }
  /// The target is gone for the one who got a place there.
  void refuse_place(SurgeQueue::Ticket ticket, TargetId id) {
    free(id);
    gate.queues.of(group)->put_back(ticket);
    hand_on();
  }
  void hand_on() {
    SurgeQueue& queue = *gate.queues.of(group);
    std::optional<Grant> in_hand;
    while (true) {
      const auto oldest = queue.oldest();
      if (!oldest) {
        if (!in_hand) return;
        free(in_hand->target);
        in_hand.reset();
        continue;
      }
      if (!in_hand) in_hand = reserve();
      if (!in_hand) return;
      if (queue.grant(*oldest, *in_hand)) in_hand.reset();
    }
  }

  Gate gate;
  std::array<std::atomic<std::uint32_t>, 2> at_target{};
  std::atomic<std::uint64_t> offered{0}, served{0}, cancelled{0}, refused{0}, put_back{0};
};

/// One worker: clients come, wait, are served, give up.
class OneWorker {
 public:
  explicit OneWorker(Queueing& crowd)
      : crowd_(crowd), queue_(*crowd.gate.queues.of(Queueing::group)) {}

  void come() {
    ++crowd_.offered;
    std::optional<Grant> grant;
    if (queue_.waiting() == 0) grant = crowd_.reserve();
    if (grant) {
      served_.push_back(grant->target);
      ++crowd_.served;
    } else if (!crowd_.gate.queues.try_hold()) {
      ++crowd_.refused;
    } else if (const auto ticket = queue_.enter(16)) {
      ASSERT_TRUE(line_.empty() || line_.back() < *ticket);
      line_.push_back(*ticket);
      if (queue_.is_oldest(*ticket)) crowd_.hand_on();
    } else {
      crowd_.gate.queues.let_go();
      ++crowd_.refused;
    }
  }
  void leave(std::uint64_t random) {
    std::swap(served_[random % served_.size()], served_.back());
    crowd_.give_back(served_.back());
    served_.pop_back();
  }
  void collect(bool give_up, bool puts_back) {
    expect_order();
    while (!line_.empty()) {
      auto grant = queue_.granted(line_.front());
      if (!grant && !give_up) return;
      if (grant && puts_back) {
        ++crowd_.put_back;
        again_ = true;
        return crowd_.refuse_place(line_.front(), grant->target);
      }
      if (!grant && queue_.cancel(line_.front())) {
        ++crowd_.cancelled;
      } else {
        if (!grant) grant = queue_.granted(line_.front());
        ASSERT_TRUE(grant.has_value());
        queue_.collect(line_.front());
        served_.push_back(grant->target);
        ++crowd_.served;
      }
      line_.pop_front();
      again_ = false;
      crowd_.gate.queues.let_go();
      give_up = false;  // one at a time
    }
  }
  [[nodiscard]] bool anybody_served() const { return !served_.empty(); }
  [[nodiscard]] bool anybody_waits() const { return !line_.empty(); }

 private:
  /// Strictly in order. The later one first, for what is granted stays granted; but for the first,
  /// which had its turn before the others, and has it again.
  void expect_order() const {
    for (std::size_t i = line_.size(); i-- > (again_ ? 2 : 1);) {
      const bool later = queue_.granted(line_[i]).has_value();
      ASSERT_TRUE(!later || queue_.granted(line_[i - 1]).has_value());
    }
  }

  Queueing& crowd_;
  SurgeQueue& queue_;
  std::deque<SurgeQueue::Ticket> line_;
  std::vector<TargetId> served_;
  bool again_ = false;  // the first one was put back
};

void take_part(Queueing& crowd, std::uint64_t seed, int turns) {
  std::mt19937_64 random(seed);
  OneWorker worker(crowd);
  for (int turn = 0; turn < turns; ++turn) {
    const std::uint64_t what = random() % 8;
    if (what < 4) {
      worker.come();
    } else if (what < 7 && worker.anybody_served()) {
      worker.leave(random());
    }
    worker.collect(what == 7 && random() % 4 == 0, random() % 8 == 0);
  }
  // Nobody new comes: who waits is served, one after another, by those who leave.
  while (worker.anybody_waits() || worker.anybody_served()) {
    if (worker.anybody_served()) {
      worker.leave(0);
    } else {
      std::this_thread::yield();
    }
    worker.collect(false, false);
  }
}

TEST(SurgeQueueOfThreads, NoLimitIsExceededAndNobodyIsForgotten) {
  for (const std::size_t workers : {1u, 2u, 5u}) {
    const auto crowd = std::make_unique<Queueing>(workers);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < workers; ++i) {
      threads.emplace_back([&crowd, i] { take_part(*crowd, i + 1, 40'000); });
    }
    for (std::thread& thread : threads) thread.join();  // they end: no waiter was lost
    EXPECT_EQ(crowd->offered, crowd->served + crowd->cancelled + crowd->refused);
    EXPECT_GT(crowd->cancelled, 0u);
    EXPECT_GT(crowd->put_back, 0u);
    EXPECT_GT(crowd->refused, 0u);
    EXPECT_EQ(crowd->gate.queues.held(), 0u);
    EXPECT_EQ(crowd->gate.queues.of(Queueing::group)->waiting(), 0u);
    for (const TargetId id : Queueing::targets) {
      EXPECT_EQ(crowd->gate.limits.connections(limit_of(id)), 0u);
    }
  }
}

}  // namespace
}  // namespace dataplane
