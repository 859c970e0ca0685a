#include "control/lifecycle/zone_shifts.h"

namespace control {

void ZoneShifts::put(const ZonalShift& shift, const Moment& now) {
  if (shift.expires <= now.wall) return;
  const auto left =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(shift.expires - now.wall);
  shifts_.insert_or_assign(shift.zone, Entry{shift, now.steady + left});
}

bool ZoneShifts::end(const std::string& zone) { return shifts_.erase(zone) != 0; }

std::vector<ZonalShift> ZoneShifts::expire(const Moment& now) {
  std::vector<ZonalShift> expired;
  for (auto at = shifts_.begin(); at != shifts_.end();) {
    if (at->second.deadline > now.steady) {
      ++at;
      continue;
    }
    expired.push_back(at->second.shift);
    at = shifts_.erase(at);
  }
  return expired;
}

const ZonalShift* ZoneShifts::find(const std::string& zone) const {
  const auto found = shifts_.find(zone);
  return found == shifts_.end() ? nullptr : &found->second.shift;
}

std::vector<ZonalShift> ZoneShifts::all() const {
  std::vector<ZonalShift> all;
  for (const auto& [zone, entry] : shifts_) all.push_back(entry.shift);
  return all;
}

std::vector<std::string> ZoneShifts::zones() const {
  std::vector<std::string> zones;
  for (const auto& [zone, entry] : shifts_) zones.push_back(zone);
  return zones;
}

std::optional<std::chrono::steady_clock::time_point> ZoneShifts::deadline() const {
  std::optional<std::chrono::steady_clock::time_point> next;
  for (const auto& [zone, entry] : shifts_) {
    if (!next || entry.deadline < *next) next = entry.deadline;
  }
  return next;
}

}  // namespace control
