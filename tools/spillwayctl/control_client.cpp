#include "tools/spillwayctl/control_client.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace tools {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

/// Answers are flow lists at most: 10,000 of some 400 bytes.
constexpr std::uint64_t answer_bytes_max = 64 * 1024 * 1024;

std::string cannot_connect(const std::filesystem::path& socket, std::string_view instance,
                           const Error& error) {
  if (error == boost::system::errc::no_such_file_or_directory) {
    return fmt::format(
        "instance {} is not running: there is no control socket {}; start it, or say --run-dir if "
        "it was started with one",
        instance, socket.string());
  }
  if (error == boost::system::errc::connection_refused) {
    return fmt::format("instance {} is not running: nobody answers at {}, a dead daemon left it",
                       instance, socket.string());
  }
  if (error == boost::system::errc::permission_denied) {
    return fmt::format(
        "no permission to use {}: run this as root, as the user that runs the "
        "instance, or as a member of that file's group",
        socket.string());
  }
  return fmt::format("cannot connect to {}: {}", socket.string(), error.message());
}

}  // namespace

std::variant<Response, std::string> request(const std::filesystem::path& socket,
                                            std::string_view instance, std::string_view method,
                                            const std::string& target,
                                            std::chrono::milliseconds timeout,
                                            const std::string& body) {
  if (socket.string().size() >= sizeof(sockaddr_un::sun_path)) {
    return fmt::format("{} is too long for a socket's path", socket.string());
  }
  asio::io_context io;
  beast::basic_stream<Local> stream(io);
  Error error;
  // A Unix socket connects at once, or not at all.
  stream.socket().connect(Local::endpoint(socket.string()), error);
  if (error) return cannot_connect(socket, instance, error);

  http::request<http::string_body> question(http::string_to_verb({method.data(), method.size()}),
                                            target, 11);
  if (!body.empty()) {
    question.set(http::field::content_type, "application/json");
    question.body() = body;
    question.prepare_payload();
  }
  question.set(http::field::host, "spillway");
  question.set(http::field::connection, "close");
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> answer;
  answer.body_limit(answer_bytes_max);
  stream.expires_after(timeout);
  http::async_write(stream, question, [&](const Error& failure, std::size_t) {
    // A server that refuses us may have closed already; its answer is there all the same.
    if (failure == beast::error::timeout) {
      error = failure;
      return;
    }
    http::async_read(stream, buffer, answer,
                     [&](const Error& result, std::size_t) { error = result; });
  });
  io.run();
  if (error == beast::error::timeout) {
    return fmt::format(
        "instance {} did not answer within {} s: is its control thread stuck? see "
        "spillwayctl status",
        instance, std::chrono::duration<double>(timeout).count());
  }
  if (error) {
    return fmt::format("instance {} gave no answer: {}", instance, error.message());
  }
  auto document = report::Json::parse(answer.get().body(), nullptr, false);
  if (document.is_discarded()) {
    return fmt::format("{} does not speak Spillway's language: its answer is not JSON",
                       socket.string());
  }
  return Response{answer.get().result_int(), std::move(document)};
}

std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == ':';
    result += plain ? std::string(1, c)
                    : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return result;
}

}  // namespace tools
