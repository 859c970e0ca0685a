// Config → the typed options of nic/, which knows no configuration.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "nic/forwarder.h"
#include "nic/runtime.h"

namespace control {

/// Everything but counters, which come from the segment. Seeds are fresh from the kernel.
[[nodiscard]] nic::ForwarderOptions forwarder_options(const config::Config& config);

/// `extra_arguments`: the operator's --eal.
[[nodiscard]] nic::RuntimeOptions runtime_options(const config::Config& config,
                                                  const nic::ForwarderOptions& forwarder,
                                                  std::vector<std::string> extra_arguments);

}  // namespace control
