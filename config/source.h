// Source: the text of a configuration with its @include files put in, ready for libconfig.
//
// Made once per reading. It does what libconfig 1.5 does not, or not safely: it bounds the size and
// the depth, says where a string, a comment or a bracket was opened that nobody closes, takes a
// comma at the end of a list, keeps integers from wrapping at 32 bits (libconfig reads 4294967376
// as 80), and reads included files itself (libconfig's scanner calls exit() when one is a
// directory).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/errors.h"
#include "config/places.h"

namespace config {

inline constexpr std::size_t source_size_max = 8 * 1024 * 1024;  // all files of one configuration
inline constexpr std::size_t include_depth_max = 10;
inline constexpr std::size_t nesting_max = 64;  // brackets within brackets
// libconfig looks through a whole group before it adds a key to it.
inline constexpr std::size_t keys_max = 1000;        // in one group, or in the file outside of any
inline constexpr std::size_t elements_max = 16'384;  // in one list

struct Source {
  std::string text;                // without comments, every include in its place
  std::vector<std::string> files;  // [0]: the file itself
  std::vector<Place> lines;        // where line i + 1 of `text` comes from

  /// Where a line of `text` (from 1) was written.
  [[nodiscard]] Place place(unsigned line) const;
  /// A line of `text` (from 1), without the white space around it.
  [[nodiscard]] std::string_view line_text(unsigned line) const;
};

[[nodiscard]] std::variant<Source, Errors> load_source(const std::string& path);
/// The same for text that is in memory already; it may not include files. `name` stands for the
/// file.
[[nodiscard]] std::variant<Source, Errors> text_source(std::string_view text,
                                                       const std::string& name);

}  // namespace config
