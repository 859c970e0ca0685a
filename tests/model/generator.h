// Generator: traffic that is nasty on purpose. Few client ports, so that they are used again;
// random flags; targets that answer whom they do not know.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "tests/model/balancer.h"

namespace tests {

class Generator {
 public:
  Generator(Rig& rig, const Balancer& model, std::uint64_t seed, std::size_t burst_max = 64)
      : rig_(rig), model_(model), random_(seed), burst_max_(burst_max) {}

  /// Up to 64 packets of which no client has both a SYN that may end a connection and other
  /// packets: within one burst the path looks up all flows first, so only their order on the wire
  /// would tell.
  [[nodiscard]] std::vector<Said> burst();

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  /// Every fourth of the clients' packets is from some 12,000 more, for statistics.
  bool strangers = false;

 private:
  using Client = std::pair<IpAddress, std::uint16_t>;
  [[nodiscard]] Client client_of(const Said& said) const;
  [[nodiscard]] bool moves_udp(const Said& said) const;
  [[nodiscard]] bool v4() const { return rig_.config.listeners[0].address.is_v4(); }
  [[nodiscard]] bool forwards() const;
  [[nodiscard]] std::uint8_t random_flags();
  void dress(Said& said);
  [[nodiscard]] Said again(const Said& waiting);
  [[nodiscard]] Said from_client();
  [[nodiscard]] Said from_target();

  Rig& rig_;
  const Balancer& model_;
  std::mt19937_64 random_;
  std::size_t burst_max_;
  std::uint32_t sequence_ = 0;  // of the last TCP packet
};

}  // namespace tests
