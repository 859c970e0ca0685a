// Routes: which request calls which command.
//
//   GET  /v1/version  /v1/status  /v1/listeners  /v1/targets
//   GET  /v1/flows?limit=N&target_group=G&target=A:P
//   GET  /v1/events?count=N&after=NUMBER&since=UNIX_MS&kind=K&target_group=G&target=A:P
//   POST /v1/reload
//   POST /v1/target_groups/G/targets/A:P/drain   …/undrain   …/weight?weight=N
//
// Knows HTTP's words but no socket: api.cpp reads requests and writes what comes out of here.
#pragma once

#include <string_view>

#include "control/commands.h"

namespace control {

/// Calls `done` exactly once. `target` is what follows the method in the request line.
void answer(std::string_view method, std::string_view target, const Commands& commands, Done done);

}  // namespace control
