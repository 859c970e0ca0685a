// Network probes: the probes of every protocol, from this machine, over its own network stack.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "control/health/probe.h"

namespace control {

/// Makes the probe that a check asks for.
[[nodiscard]] ProbeFactory network_probes(const boost::asio::any_io_executor& executor);

/// A probe that cannot be made: its outcome is NotAttempted, with this sentence.
[[nodiscard]] std::unique_ptr<Probe> make_no_probe(const boost::asio::any_io_executor& executor,
                                                   const std::string& sentence);

}  // namespace control
