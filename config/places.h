// Places: where each setting of a configuration was written, by its path ("ports[1].mtu").
//
// Filled by read(), kept in Config, looked up by whoever has something to say about a setting.
// Bounded by the size of the file. Files that @include others are why a line alone is not enough.
// The values beside them are what two configurations are compared by (difference.h): whatever is
// read is recorded, so that no key can be forgotten there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace config {

struct Place {
  std::uint32_t file = 0;  // index in Places::files
  int line = 0;            // from 1; 0: the file as a whole
};

struct Places {
  std::vector<std::string> files;  // [0]: the file itself; then what it includes, in order
  std::map<std::string, Place, std::less<>> settings;
  /// What counts, as it would be written: also defaults, of every key that was asked for.
  std::map<std::string, std::string, std::less<>> values;

  [[nodiscard]] bool written(std::string_view path) const { return settings.contains(path); }
  /// Of the setting, or, where it was not written, of the nearest that holds it.
  [[nodiscard]] Place find(std::string_view path) const;
  [[nodiscard]] std::string file_name(Place place) const {
    return place.file < files.size() ? files[place.file] : std::string{};
  }
};

/// The path of what holds this setting: "ports[1].mtu" → "ports[1]" → "ports" → "".
[[nodiscard]] std::string_view holder(std::string_view path);
/// "ports", 1 → "ports[1]".
[[nodiscard]] std::string element(std::string_view list, std::size_t index);

}  // namespace config
