// ICMP probe: one echo request; passes if its reply comes.
//
// By a ping socket where the kernel allows one (net.ipv4.ping_group_range), else by a raw one
// (CAP_NET_RAW).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"

namespace control {

[[nodiscard]] std::unique_ptr<Probe> make_icmp_probe(const boost::asio::any_io_executor& executor,
                                                     const Check& check);

}  // namespace control
