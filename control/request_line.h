// RequestLine: what a request asks, taken apart: method, path, query, body.
//
// Made by routes for itself and live_routes. Points into the caller's text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

struct RequestLine {
  std::string_view method;
  std::string_view path;                // "/v1/flows"
  std::vector<std::string_view> parts;  // "v1", "flows"; still encoded
  std::string_view query;               // what follows the '?'
  std::string_view body;
};

[[nodiscard]] RequestLine request_line(std::string_view method, std::string_view target,
                                       std::string_view body);

/// "a%2Fb" → "a/b"; nullopt for a '%' that two hex digits do not follow.
[[nodiscard]] std::optional<std::string> decode(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace control
