// TCP probe: passes if the target accepts a connection.
#pragma once

#include <memory>

#include "control/health/connects.h"
#include "control/health/probe.h"

namespace control {

[[nodiscard]] std::unique_ptr<Probe> make_tcp_probe(std::shared_ptr<Connects> connects,
                                                    const Check& check);

}  // namespace control
