// What must hold for connection limits and surge queues.
#include <fmt/format.h>

#include <string>

#include "config/checks.h"

namespace config {
namespace {

using dataplane::Overload;
using dataplane::Protocol;

void check_queue_of_udp(const TargetGroup& group, const std::string& path, Complaints& complaints) {
  const std::string setting = path + ".surge_queue";
  if (group.protocol.has(Protocol::Tcp) || group.surge_queue.length.value_or(0) == 0) return;
  if (!complaints.readable(setting) || !complaints.readable(setting + ".length") ||
      !complaints.readable(path + ".protocol")) {
    return;
  }
  complaints.add({.setting = setting,
                  .value = fmt::format("length {}", *group.surge_queue.length),
                  .problem = "cannot be for UDP, which has no handshake that could wait",
                  .allowed = "no surge_queue, or with protocol = \"tcp\" one of up to 16384",
                  .remedy = "Remove it: at max_connections a new UDP flow is refused at once."});
}

/// What goes on without a flow is counted nowhere.
void check_forward(const TargetGroup& group, const std::string& path, Complaints& complaints) {
  if (group.overload != Overload::Forward || !complaints.readable(path + ".overload")) return;
  const bool limit = has_limit(group);
  if (!limit && surge_length(group) == 0) return;
  complaints.add({.setting = path + ".overload",
                  .value = "\"forward\"",
                  .problem = fmt::format("sends packets on that belong to no flow, and {}",
                                         limit ? "max_connections counts flows"
                                               : "who waits in a surge_queue needs one"),
                  .allowed = "\"refuse\" for this target group",
                  .remedy = limit ? "Remove it, or the group's and its targets' max_connections."
                                  : "Remove it, or surge_queue."});
}

void check_timeout(const Config& config, const TargetGroup& group, const std::string& path,
                   Complaints& complaints) {
  const std::string setting = path + ".surge_queue.timeout";
  if (!config.places.written(setting) || group.surge_queue.length != 0) return;
  if (!complaints.readable(setting) || !complaints.readable(path + ".surge_queue.length")) return;
  complaints.add(
      {.setting = setting,
       .value = fmt::format("{}", static_cast<double>(group.surge_queue.timeout.count()) / 1000),
       .problem = "has no meaning with length 0: nobody waits",
       .allowed = "no timeout, or a length above 0",
       .remedy = "Remove it, or give the queue a length."});
}

/// A queue that can never be as long as it says.
void check_capacity(const Config& config, const TargetGroup& group, const std::string& path,
                    Complaints& complaints) {
  const std::string setting = path + ".surge_queue.length";
  if (!config.surge_queues.capacity || surge_length(group) <= *config.surge_queues.capacity) return;
  if (!complaints.readable(setting) || !complaints.readable("surge_queues.capacity")) return;
  complaints.add({.setting = config.places.written(setting) ? setting : path + ".name",
                  .value = fmt::format("{}", surge_length(group)),
                  .problem = fmt::format("as the length of its surge_queue is more than "
                                         "surge_queues.capacity{}, what all queues may hold: {}",
                                         written_at(config, "surge_queues.capacity"),
                                         *config.surge_queues.capacity),
                  .allowed = fmt::format("a length of 0 to {}", *config.surge_queues.capacity),
                  .remedy = "Set a lower surge_queue.length, or raise surge_queues.capacity."});
}

}  // namespace

void check_limits(const Config& config, Complaints& complaints) {
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const TargetGroup& group = config.target_groups[i];
    const std::string path = element("target_groups", i);
    check_queue_of_udp(group, path, complaints);
    check_forward(group, path, complaints);
    check_timeout(config, group, path, complaints);
    check_capacity(config, group, path, complaints);
  }
}

}  // namespace config
