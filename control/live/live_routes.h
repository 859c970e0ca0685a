// Live routes: the requests that change the configuration while it runs, and what they say.
//
//   GET  /v1/changes
//   POST /v1/changes/discard                     {"target_group": "web", "force": false}
//   POST /v1/reload                              {"force": false, "discard_changes": false}
//   POST /v1/rollback                            {"force": false}
//   POST /v1/plan                                {"source": {…}, "discard_changes": false}, or
//                                                {"rollback": true}
//   POST /v1/target_groups/G/register            {"targets": [{"address": "10.0.1.20", …}, …]}
//   POST /v1/target_groups/G/deregister          {"targets": [{"address": …, "port": …}, …],
//                                                 "force": false}
//   POST /v1/target_groups/G/targets/A:P/drain   {"force": false}
//   POST /v1/target_groups/G/targets/A:P/undrain
//   POST /v1/target_groups/G/targets/A:P/weight?weight=N
//
// Keys may be left out where false or empty is meant; an unknown key is an error.
#pragma once

#include "control/commands.h"
#include "control/query.h"

namespace control {

/// False: none of these; `done` has not been called. True: it is, or will be, exactly once.
[[nodiscard]] bool answer_live(const RequestLine& line, const Commands& commands, const Done& done);

}  // namespace control
