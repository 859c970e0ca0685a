// HTTP probe: GET the check's path on a connection of its own; passes if the matcher wants the
// status.
//
// The status decides; the body is thrown away, and only so that the target can close in peace.
// Bounds, whatever the target sends: 8 KiB of headers, 64 KiB and one second of body, the check's
// timeout over all of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"

namespace control {

[[nodiscard]] std::unique_ptr<Probe> make_http_probe(const boost::asio::any_io_executor& executor,
                                                     const Check& check);

}  // namespace control
