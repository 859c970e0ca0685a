// ControlClient: one request over an instance's control socket.
//
// Waits for the answer, at most `patience`. Every way to fail is a sentence that says what to do.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "tools/report/documents.h"

namespace tools {

struct Response {
  unsigned status = 0;
  report::Json document;
};

inline constexpr std::chrono::seconds patience{30};

/// `method` "GET" or "POST"; `target` and `body` as in control/routes.h. A string: the error.
[[nodiscard]] std::variant<Response, std::string> request(
    const std::filesystem::path& socket, std::string_view instance, std::string_view method,
    const std::string& target, std::chrono::milliseconds timeout = patience,
    const std::string& body = {});

/// Makes any text fit to be one part of a path or query: "a/b" → "a%2Fb".
[[nodiscard]] std::string encoded(std::string_view text);

}  // namespace tools
