// Any sequence of inserts, erases, look-ups and sweeps on small, crowded flow tables, beside an
// array that simply remembers. Small: so that buckets overflow and inserts must move others all the
// time.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "dataplane/packet/contract.h"
#include "dataplane/table/flow_table.h"

namespace dataplane {
namespace {

constexpr std::uint32_t connections_max = 512;
constexpr std::size_t entries_max = 600;
alignas(64) std::array<std::byte, FlowTable6::bytes_needed(entries_max)> memory;

template <class Address>
Address address(std::uint32_t number) {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return Ipv4Address{Be32{number}};
  } else {
    Ipv6Address made{{0x20, 0x01, 0x0d, 0xb8}};
    std::memcpy(&made.bytes[12], &number, sizeof number);
    return made;
  }
}

template <class Address>
FlowKey<Address> key_of(std::uint32_t connection, Direction direction) {
  const FlowKey<Address> to_target{address<Address>(0x0a00'0001),
                                   address<Address>(0xcb00'710a),
                                   Be16{static_cast<std::uint16_t>(1024 + connection)},
                                   Be16{80},
                                   Protocol::Tcp,
                                   {0, 0, 0}};
  return direction == Direction::ToTarget ? to_target : to_target.reversed();
}

template <class Address>
class Run {
  using Table = FlowTable<Address>;
  using Key = FlowKey<Address>;

 public:
  Run(std::size_t entries, std::uint8_t seed)
      : table_(std::span(memory).first(Table::bytes_needed(entries)), entries,
               Seed{0x9e37'79b9'7f4a'7c15u * (seed + 1u), 0x0123'4567'89ab'cdefu + seed}),
        entries_(entries) {}

  void step(unsigned operation, std::uint32_t connection) {
    switch (operation) {
      case 0:
      case 1: return insert(connection);
      case 2: return insert_many(connection);
      case 3: return erase(connection);
      case 4: return sweep(connection % table_.buckets(), connection % 3);
      case 5: return check_overflow();
      default: return look_up(connection);
    }
  }

  void finish() {
    check_overflow();
    for (std::uint32_t i = 0; i < connections_max; ++i) {
      look_up(i);
      erase(i);
    }
    CHECK(table_.size() == 0);
    check_overflow();
  }

 private:
  void insert(std::uint32_t connection) {
    if (present_[connection]) return look_up(connection);
    const Key there = key_of<Address>(connection, Direction::ToTarget);
    FlowIndex first = table_.insert(table_.prehash(there), there);
    if (first == no_flow) return full();
    const std::uint64_t moves = table_.moves();
    const FlowIndex second = table_.insert(table_.prehash(there.reversed()), there.reversed());
    if (table_.moves() != moves) first = table_.find(there);
    if (second == no_flow) {
      table_.erase(first);
      return full();
    }
    table_[first].packets = table_[second].packets = connection;
    table_[first].direction = Direction::ToTarget;
    table_[second].direction = Direction::ToClient;
    table_[first].twin = second;
    table_[second].twin = first;
    present_[connection] = true;
    size_ += 2;
    CHECK(table_.size() == size_);
  }

  /// So that short inputs too reach a crowded table.
  void insert_many(std::uint32_t first) {
    for (std::uint32_t i = 0; i < 64; ++i) insert((first + i) % connections_max);
  }

  void full() const {
    CHECK(table_.size() == size_);
    CHECK(size_ + 2 > entries_);  // what was announced must fit
  }

  void erase(std::uint32_t connection) {
    if (!present_[connection]) return;
    const FlowIndex first = table_.find(key_of<Address>(connection, Direction::ToTarget));
    const FlowIndex second = table_[first].twin;
    table_.erase(first);
    table_.erase(second);
    present_[connection] = false;
    size_ -= 2;
  }

  void look_up(std::uint32_t connection) const {
    for (const Direction direction : {Direction::ToTarget, Direction::ToClient}) {
      const Key wanted = key_of<Address>(connection, direction);
      const FlowToken token = table_.prehash(wanted);
      const FlowIndex found = table_.find(token, wanted);
      CHECK((found != no_flow) == present_[connection]);
      if (found == no_flow) continue;
      bool elsewhere = false;
      const FlowIndex candidate = table_.candidate(token, elsewhere);
      CHECK(candidate == no_flow || !elsewhere);
      CHECK((elsewhere ? table_.candidate_elsewhere(token) : candidate) != no_flow);
      CHECK(table_[found].packets == connection);
      CHECK(table_[found].direction == direction);
      CHECK(table_[table_[found].twin].twin == found);
      CHECK(table_[table_[found].twin].packets == connection);
    }
  }

  void sweep(std::uint32_t bucket, std::uint32_t keep) {
    table_.visit_bucket(bucket, [&](FlowIndex index) {
      const std::uint32_t connection = table_[index].packets;
      CHECK(present_[connection]);
      if (connection % 3 != keep) erase(connection);
    });
  }

  /// The count of each bucket is what lives outside of it: one too few loses flows, too many costs
  /// time.
  void check_overflow() {
    std::vector<unsigned> outside(table_.buckets());
    std::size_t entries = 0;
    for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket) {
      table_.visit_bucket(bucket, [&](FlowIndex index) {
        const FlowToken token = table_.prehash(table_[index].key);
        CHECK(bucket == table_.primary(token) || bucket == table_.secondary(token));
        if (bucket != table_.primary(token)) ++outside[table_.primary(token)];
        ++entries;
      });
    }
    CHECK(entries == size_);
    for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket) {
      TagGroup group;
      std::memcpy(&group, memory.data() + bucket * sizeof group, sizeof group);
      CHECK(group.overflow == outside[bucket]);
      for (const std::uint16_t tag : group.tags)
        CHECK(match(group, tag) == match_plain(group, tag));
    }
  }

  Table table_;
  std::size_t entries_;
  std::size_t size_ = 0;
  std::array<bool, connections_max> present_{};
};

template <class Address>
void fuzz(const std::uint8_t* data, std::size_t size) {
  Run<Address> run(std::size_t{data[0]} * entries_max / 255, data[1]);
  for (std::size_t i = 2; i + 2 <= size; i += 2) {
    const std::uint32_t word = data[i] | std::uint32_t{data[i + 1]} << 8;
    run.step(word & 7, word >> 3 & (connections_max - 1));
  }
  run.finish();
}

}  // namespace
}  // namespace dataplane

/// One byte of size, one of seed (odd: IPv6), then two bytes a step: three bits say what, nine with
/// which connection.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  if ((data[1] & 1) != 0) {
    dataplane::fuzz<dataplane::Ipv6Address>(data, size);
  } else {
    dataplane::fuzz<dataplane::Ipv4Address>(data, size);
  }
  return 0;
}
