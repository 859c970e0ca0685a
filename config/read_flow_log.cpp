// How the keys of flow_log are read.
#include <cmath>

#include "config/ranges.h"
#include "config/sections.h"

namespace config {
namespace {

constexpr double whole = 1e6;

/// Above 0, up to 1: in millionths.
struct Share {
  [[nodiscard]] std::string text(std::uint32_t millionths) const {
    return fmt::format("{}", millionths / whole);
  }
  [[nodiscard]] std::string allowed() const { return "a number from 0.000001 to 1"; }
  [[nodiscard]] std::string example() const { return "0.1"; }
  [[nodiscard]] std::optional<std::uint32_t> operator()(const Value& value) const {
    double share = 0;
    if (value.type() == libconfig::Setting::TypeFloat) {
      share = static_cast<double>(value.setting());
    } else if (value.is_integer()) {
      share = static_cast<double>(*value.integer(allowed(), example()));
    } else {
      value.complain_of_type("a number", allowed(), value.number_remedy(example()));
      return std::nullopt;
    }
    const double millionths = share * whole;
    // Written so that it is no number neither.
    if (millionths >= 0.999 && millionths <= whole) {
      return static_cast<std::uint32_t>(std::lround(millionths));
    }
    value.complain("is out of range", allowed(),
                   "Write 0.1 for every tenth flow, or leave it out for all; for none, remove "
                   "flow_log.");
    return std::nullopt;
  }
};

}  // namespace

FlowLog read_flow_log(const Value& value) {
  FlowLog log;
  Group group{value};
  group.read("path", log.path, Text{"the path of a file", "\"/var/log/spillway/flows.jsonl\""});
  group.read("socket", log.socket, Text{"the path of a Unix stream socket", "\"/run/flows.sock\""});
  group.read("sample", log.sample_millionths, Share{});
  group.read("ring", log.ring,
             Whole{ranges::flow_log_ring_min, ranges::flow_log_ring_max, log.ring});
  group.read("buffer_megabytes", log.buffer_megabytes,
             Whole{1, ranges::flow_log_buffer_max, log.buffer_megabytes});
  group.finish();
  return log;
}

}  // namespace config
