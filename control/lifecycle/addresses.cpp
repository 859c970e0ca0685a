// Target.IpUnusable: targets at addresses that are the balancer's own, where no packet would reach
// them. What the configuration has itself, check() refuses; this is what came about beside it.
#include <fmt/format.h>

#include "control/lifecycle/lifecycle.h"

namespace control {

std::string Lifecycle::unusable(const dataplane::IpAddress& address) const {
  if (own_addresses_.contains(address)) {
    return fmt::format(
        "{} is the balancer's own: an interface of its ports has it (ip address show)",
        to_string(address));
  }
  std::string why;
  listeners_.for_each([&](const Listeners::Entry& entry) {
    if (entry.registered() || entry.thing.address != address) return;
    why = fmt::format("{} was listener {}'s and is the balancer's until its last flow has ended",
                      to_string(address), entry.name.substr(0, entry.name.find('@')));
  });
  return why;
}

void Lifecycle::judge_addresses() {
  const Moment now = parts_.now();
  targets_.for_each([&](Targets::Entry& entry) {
    if (!entry.registered()) return;
    const std::string why = unusable(entry.name.address);
    update(entry, [&](TargetLife& life) { life.set_unusable(why, now); });
  });
}

void Lifecycle::look_at_addresses() {
  if (!parts_.own_addresses) return;
  auto now = parts_.own_addresses();
  if (now == own_addresses_) return;
  own_addresses_ = std::move(now);
  judge_addresses();
}

}  // namespace control
