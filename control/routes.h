// Routes: which request calls which command.
//
//   GET  /v1/version  /v1/status  /v1/listeners  /v1/targets
//   GET  /v1/flows?limit=N&target_group=G&target=A:P
//   GET  /v1/events?count=N&after=NUMBER&since=UNIX_MS&kind=K&target_group=G&target=A:P
//   GET  /v1/capture?verdict=V&…&count=N   goes on: captures.h
//   GET  /v1/target_groups  /v1/zones
//   POST /v1/zones/Z/shift?expires=SECONDS&comment=TEXT  …/unshift
//   and what changes the configuration while it runs: live/live_routes.h
//
// Knows HTTP's words but no socket: api.cpp reads requests and writes what comes out of here.
#pragma once

#include <string_view>

#include "control/commands.h"

namespace control {

/// Calls `done` exactly once. `target` is what follows the method in the request line.
void answer(std::string_view method, std::string_view target, std::string_view body,
            const Commands& commands, Done done);

}  // namespace control
