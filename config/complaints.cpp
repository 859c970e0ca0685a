#include "config/complaints.h"

#include <algorithm>
#include <utility>

namespace config {

void Complaints::add(Error error) {
  if (added_.size() == complaints_max) {
    ++more_;
    return;
  }
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
  if (more_ > 0) {
    errors.push_back({.file = places_.file_name({}),
                      .problem = std::to_string(more_) + " more errors are not shown",
                      .allowed = "none",
                      .remedy = "Correct the ones above first."});
  }
  added_.clear();
  more_ = 0;
  return errors;
}

Paths Complaints::paths() const {
  Paths paths = doubted_;
  for (const Placed& placed : added_) paths.insert(placed.error.setting);
  return paths;
}

}  // namespace config
