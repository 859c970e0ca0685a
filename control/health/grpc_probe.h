// gRPC probe: one call on a connection of its own, HTTP/2 with prior knowledge or under TLS with
// ALPN; passes if the matcher wants the gRPC status.
//
// Of the standard health service (grpc.health.v1) a status of 0 is not enough: it must say SERVING.
// Bounds: GrpcCall's, and the check's timeout over all of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "control/health/probe.h"
#include "control/health/tls_contexts.h"

namespace control {

/// `context`: for TLS; null: in clear text.
[[nodiscard]] std::unique_ptr<Probe> make_grpc_probe(const boost::asio::any_io_executor& executor,
                                                     const Check& check,
                                                     TlsContexts::Context context = nullptr);

}  // namespace control
