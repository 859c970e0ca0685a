// Complaints: collects what is wrong, setting by setting, and knows where each was written.
//
// One reading of a file has one; read() fills it first, check() then adds to it. A setting that
// read() could not make sense of is not judged again: its value is a stand-in.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/errors.h"
#include "config/places.h"

namespace config {

/// More are counted, but not kept: a wrong file of megabytes must not fill the memory with errors.
inline constexpr std::size_t complaints_max = 10'000;

using Paths = std::set<std::string, std::less<>>;

class Complaints {
 public:
  explicit Complaints(const Places& places, Paths unread = {})
      : places_(places), unread_(std::move(unread)) {}

  /// Fills in file and line from the setting's path.
  void add(Error error);
  /// The setting was probably misspelled: what it is to be is not known.
  void doubt(std::string path) { doubted_.insert(std::move(path)); }
  /// False: read() has complained about this setting or about one that holds it.
  [[nodiscard]] bool readable(std::string_view path) const;

  /// Everything added, sorted; the last says how many more there are.
  [[nodiscard]] Errors take();
  /// The paths that were complained about or doubted.
  [[nodiscard]] Paths paths() const;

 private:
  struct Placed {
    Place place;
    Error error;
  };
  const Places& places_;
  Paths unread_;
  Paths doubted_;
  std::vector<Placed> added_;
  std::size_t more_ = 0;
};

}  // namespace config
