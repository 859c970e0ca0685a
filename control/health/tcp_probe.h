// TCP probe: passes if the target accepts a connection.
//
// Closed by RST: nothing was said on it, and a clean close would leave a TIME_WAIT entry per probe.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"

namespace control {

[[nodiscard]] std::unique_ptr<Probe> make_tcp_probe(const boost::asio::any_io_executor& executor,
                                                    const Check& check);

}  // namespace control
