// HTTP probe: GET the check's path on a connection of its own, plain or under TLS; passes if the
// matcher wants the status. A redirect is a status like any other: it is not followed.
//
// The status decides; the body is thrown away, and only so that the target can close in peace.
// Bounds, whatever the target sends: 8 KiB of headers, 64 KiB and one second of body, the check's
// timeout over all of it, handshake included.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"
#include "control/health/tls_contexts.h"

namespace control {

/// `context`: for TLS; null: plain HTTP.
[[nodiscard]] std::unique_ptr<Probe> make_http_probe(const boost::asio::any_io_executor& executor,
                                                     const Check& check,
                                                     TlsContexts::Context context = nullptr);

}  // namespace control
