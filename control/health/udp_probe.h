// UDP probe: one datagram; passes if the answer contains what is expected.
//
// If nothing is expected, any answer passes, and so does silence until the timeout: only an ICMP
// port (host, network) unreachable fails then, which tells a closed port from an open one, but not
// a dead host from a silent one.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"

namespace control {

[[nodiscard]] std::unique_ptr<Probe> make_udp_probe(const boost::asio::any_io_executor& executor,
                                                    const Check& check);

}  // namespace control
