#include "config/places.h"

namespace config {

std::string_view holder(std::string_view path) {
  const std::size_t end = path.find_last_of(".[");
  return end == std::string_view::npos ? std::string_view{} : path.substr(0, end);
}

std::string element(std::string_view list, std::size_t index) {
  return std::string{list} + "[" + std::to_string(index) + "]";
}

Place Places::find(std::string_view path) const {
  for (; !path.empty(); path = holder(path)) {
    const auto found = settings.find(path);
    if (found != settings.end()) return found->second;
  }
  return {};
}

}  // namespace config
