#include "tools/spillwayctl/control_client.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace tools {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

/// Answers are flow lists at most: 10,000 of some 400 bytes.
constexpr std::uint64_t answer_bytes_max = 64 * 1024 * 1024;
constexpr std::chrono::seconds patience_for_last_lines{5};

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

std::optional<std::string> connect(beast::basic_stream<Local>& stream,
                                   const std::filesystem::path& socket, std::string_view instance) {
  if (socket.string().size() >= sizeof(sockaddr_un::sun_path)) {
    return fmt::format("{} is too long for a socket's path", socket.string());
  }
  Error error;
  // A Unix socket connects at once, or not at all.
  stream.socket().connect(Local::endpoint(socket.string()), error);
  if (error) return cannot_connect(socket, instance, error);
  return std::nullopt;
}

std::string silent(std::string_view instance, std::chrono::milliseconds timeout) {
  return fmt::format(
      "instance {} did not answer within {} s: is its control thread stuck? see "
      "spillwayctl status",
      instance, std::chrono::duration<double>(timeout).count());
}

std::variant<Response, std::string> response_of(unsigned status, const std::string& body,
                                                const std::filesystem::path& socket) {
  auto document = report::Json::parse(body, nullptr, false);
  if (document.is_discarded()) {
    return fmt::format("{} does not speak Spillway's language: its answer is not JSON",
                       socket.string());
  }
  return Response{status, std::move(document)};
}

/// An answer that goes on, line by line.
class Following {
 public:
  Following(const std::function<void(std::string_view)>& take, const std::function<bool()>& rest,
            std::chrono::milliseconds timeout)
      : stream_(io_),
        signals_(io_, SIGINT, SIGTERM),
        last_lines_(io_),
        take_(take),
        rest_(rest),
        timeout_(timeout) {
    answer_.body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  std::variant<Response, std::string> run(const std::filesystem::path& socket,
                                          std::string_view instance, const std::string& target) {
    if (auto error = connect(stream_, socket, instance)) return *error;
    http::request<http::empty_body> question(http::verb::get, target, 11);
    question.set(http::field::host, "spillway");
    question.set(http::field::connection, "close");
    stream_.expires_after(timeout_);
    await_signal();
    http::async_write(stream_, question, [this](const Error& error, std::size_t) {
      if (error == beast::error::timeout) {
        end(error);
      } else {  // a server that refuses us may have closed already; its answer is there
        read();
      }
    });
    io_.run();
    if (error_ == beast::error::timeout) return silent(instance, timeout_);
    if (answer_.is_header_done() && answer_.get().result_int() != 200 && answer_.is_done()) {
      return response_of(answer_.get().result_int(), answer_.get().body(), socket);
    }
    if (interrupted_) return Response{200, {}};
    if (error_) {
      return fmt::format("instance {} ended in the middle of its answer: {}", instance,
                         error_.message());
    }
    return Response{200, {}};
  }

 private:
  void read() {
    http::async_read_some(stream_, buffer_, answer_, [this](const Error& error, std::size_t) {
      const bool good = answer_.is_header_done() && answer_.get().result_int() == 200;
      if (good && !take_lines()) return end({});
      if (error || answer_.is_done()) return end(error);
      // As soon as it has begun, it comes when there is something.
      if (answer_.is_header_done()) stream_.expires_never();
      read();
    });
  }
  [[nodiscard]] bool take_lines() {
    std::string& body = answer_.get().body();
    std::size_t begin = 0;
    for (std::size_t at = 0; (at = body.find('\n', begin)) != std::string::npos; begin = at + 1) {
      take_(std::string_view(body).substr(begin, at - begin));
    }
    body.erase(0, begin);
    return rest_();
  }
  /// The first asks for the last lines; the second, or a daemon that gives none, ends it.
  void await_signal() {
    signals_.async_wait([this](const Error& error, int) {
      if (error) return;
      if (interrupted_) return end({});
      interrupted_ = true;
      Error ignored;  // it may have closed
      stream_.socket().shutdown(Local::socket::shutdown_send, ignored);
      last_lines_.expires_after(patience_for_last_lines);
      last_lines_.async_wait([this](const Error& cancelled) {
        if (!cancelled) end({});
      });
      await_signal();
    });
  }
  void end(const Error& error) {
    error_ = error;
    signals_.cancel();
    last_lines_.cancel();
    stream_.close();
  }

  asio::io_context io_;
  beast::basic_stream<Local> stream_;
  asio::signal_set signals_;
  asio::steady_timer last_lines_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> answer_;
  const std::function<void(std::string_view)>& take_;
  const std::function<bool()>& rest_;
  std::chrono::milliseconds timeout_;
  Error error_;
  bool interrupted_ = false;
};

}  // namespace

std::variant<Response, std::string> follow(const std::filesystem::path& socket,
                                           std::string_view instance, const std::string& target,
                                           const std::function<void(std::string_view)>& take,
                                           const std::function<bool()>& rest,
                                           std::chrono::milliseconds timeout) {
  Following following(take, rest, timeout);
  return following.run(socket, instance, target);
}

std::variant<Response, std::string> request(const std::filesystem::path& socket,
                                            std::string_view instance, std::string_view method,
                                            const std::string& target,
                                            std::chrono::milliseconds timeout,
                                            const std::string& body) {
  asio::io_context io;
  beast::basic_stream<Local> stream(io);
  if (auto error = connect(stream, socket, instance)) return *error;

  Error error;
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
  if (error == beast::error::timeout) return silent(instance, timeout);
  if (error) {
    return fmt::format("instance {} gave no answer: {}", instance, error.message());
  }
  return response_of(answer.get().result_int(), answer.get().body(), socket);
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
