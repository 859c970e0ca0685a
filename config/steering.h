// Steering: on which ports RSS brings packets to the worker that owns their flow, and by which of
// their fields. Pure. What is decided here at start holds until the process ends, for a flow's
// owner must not change while it lives.
//
//   all groups full_nat   ports hash whole tuples: a client's packets belong to whoever receives
//                         them, and a local port is chosen whose replies arrive there
//   some groups nat       the client's address and port alone must decide: ports towards clients
//                         hash the source, ports towards targets the destination, where the NIC can
//   everything else       hand-off
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/errors.h"
#include "dataplane/table/rss.h"
#include "dataplane/table/snapshot.h"

namespace config {

/// By port: what it should hash for its packets to arrive where they belong. Tuple also where
/// nothing would make them so (a port that leads to both clients and nat targets).
[[nodiscard]] std::vector<dataplane::RssFields> rss_fields(const Config& config);

/// Of `ports` (by PortId; null: unusable), the one by whose RSS clients' packets are owned; null:
/// by a keyed hash.
[[nodiscard]] std::shared_ptr<const dataplane::Rss> client_rss(
    const Config& config, std::span<const std::shared_ptr<const dataplane::Rss>> ports);

/// The way of a port with this RSS (null: unusable).
[[nodiscard]] dataplane::Steering steering(const Port& port, const dataplane::Rss* rss,
                                           const dataplane::Rss* client_rss);

/// Why a port that is to steer by RSS, and could, does not: a sentence for the operator.
[[nodiscard]] std::string useless_rss(const Port& port);

/// What `wanted` may not have while clients' packets are owned by the tuple: target groups in mode
/// nat.
[[nodiscard]] Errors steering_conflicts(const Config& wanted, const dataplane::Rss* client_rss);

}  // namespace config
