// ZoneShifts: which zones the operator has shifted away, and until when. ELB's zonal shift: always
// temporary, and a second one for a zone replaces the first.
//
// Pure: time is an argument. Owned by Traffic; a restart forgets them unless somebody keeps all()
// and gives it to put(). Bounded by the zones that there are: the lifecycle refuses others.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/lifecycle/target_life.h"

namespace control {

struct ZonalShift {
  std::string zone;
  std::string comment;
  std::chrono::system_clock::time_point started;
  std::chrono::system_clock::time_point expires;
  friend bool operator==(const ZonalShift&, const ZonalShift&) = default;
};

class ZoneShifts {
 public:
  /// From now on, until it expires; one that is over already changes nothing.
  void put(const ZonalShift& shift, const Moment& now);
  /// False: the zone is not shifted.
  bool end(const std::string& zone);
  /// Ends what is over; returns it.
  std::vector<ZonalShift> expire(const Moment& now);

  [[nodiscard]] const ZonalShift* find(const std::string& zone) const;
  [[nodiscard]] std::vector<ZonalShift> all() const;     // in the order of zones
  [[nodiscard]] std::vector<std::string> zones() const;  // in order
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const;

 private:
  struct Entry {
    ZonalShift shift;
    std::chrono::steady_clock::time_point deadline;
  };
  std::map<std::string, Entry> shifts_;
};

}  // namespace control
