// ControlClient: one request over an instance's control socket.
//
// Waits for the answer, at most `patience`; one that goes on (follow) may last. Every way to fail
// is a sentence that says what to do.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
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

/// A GET whose answer goes on: calls `take` with each line, without its end, and `rest` whenever
/// there are no more for now; false ends it. Until the last line; an interrupt (SIGINT, SIGTERM)
/// asks for the last lines, another one does not wait for them. Not a 200: its document, and
/// nothing was taken.
[[nodiscard]] std::variant<Response, std::string> follow(
    const std::filesystem::path& socket, std::string_view instance, const std::string& target,
    const std::function<void(std::string_view line)>& take, const std::function<bool()>& rest,
    std::chrono::milliseconds timeout = patience);

/// Makes any text fit to be one part of a path or query: "a/b" → "a%2Fb".
[[nodiscard]] std::string encoded(std::string_view text);

}  // namespace tools
