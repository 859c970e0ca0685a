#include "config/complaints.h"

#include <algorithm>
#include <utility>

namespace config {

void Complaints::add(Error error) {
  const Place place = places_.find(error.setting);
  error.file = places_.file_name(place);
  error.line = place.line;
  added_.push_back({place, std::move(error)});
}

bool Complaints::readable(std::string_view path) const {
  for (; !path.empty(); path = holder(path)) {
    if (unread_.contains(path)) return false;
  }
  return true;
}

Errors Complaints::take() {
  std::stable_sort(added_.begin(), added_.end(), [](const Placed& a, const Placed& b) {
    return std::pair{a.place.file, a.place.line} < std::pair{b.place.file, b.place.line};
  });
  Errors errors;
  errors.reserve(added_.size());
  for (Placed& placed : added_) errors.push_back(std::move(placed.error));
  added_.clear();
  return errors;
}

Paths Complaints::paths() const {
  Paths paths = doubted_;
  for (const Placed& placed : added_) paths.insert(placed.error.setting);
  return paths;
}

}  // namespace config
