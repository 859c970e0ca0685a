#include "control/health/grpc_call.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "control/health/matcher.h"
#include "dataplane/packet/contract.h"

namespace control {
namespace {

constexpr std::array<std::string_view, 17> status_names = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};
constexpr std::array<std::string_view, 4> serving_names = {"UNKNOWN", "SERVING", "NOT_SERVING",
                                                           "SERVICE_UNKNOWN"};
constexpr std::uint64_t serving = 1;

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Five bytes in front of each gRPC message: not compressed, and its size.
std::string framed(const std::string& message) {
  std::string frame(5, '\0');
  for (std::size_t i = 0; i < 4; ++i) {
    frame[4 - i] = static_cast<char>(message.size() >> (8 * i) & 0xff);
  }
  return frame + message;
}

/// HealthCheckRequest { string service = 1; }. At most 255 bytes, so the size may take two.
std::string health_request(const std::string& service) {
  if (service.empty()) return "";
  std::string message = "\x0a";
  if (service.size() < 0x80) {
    message += static_cast<char>(service.size());
  } else {
    message += static_cast<char>((service.size() & 0x7f) | 0x80);
    message += static_cast<char>(service.size() >> 7);
  }
  return message + service;
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// nghttp2 copies both; its structure is of C.
nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

/// Takes the value of a field that is none of ours; false: it is not there.
bool skip_field(std::string_view& bytes, std::uint64_t wire_type) {
  std::optional<std::uint64_t> size;
  switch (wire_type) {
    case 0: return take_varint(bytes).has_value();
    case 1: size = 8; break;
    case 2: size = take_varint(bytes); break;
    case 5: size = 4; break;
    default: return false;
  }
  if (!size || *size > bytes.size()) return false;
  bytes.remove_prefix(*size);
  return true;
}

}  // namespace

struct GrpcCall::Events {
  static GrpcCall& call(void* user) { return *static_cast<GrpcCall*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    call(user).take_header(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    call(user).body_ += text_of(bytes, size);  // bounded by received_max
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t, std::uint32_t error, void* user) {
    call(user).stream_closed(error);
    return 0;
  }
  static int error(nghttp2_session*, int, const char* text, std::size_t size, void* user) {
    std::string& first = call(user).library_says_;
    if (first.empty()) first.assign(text, size);
    return 0;
  }
  static ssize_t body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    GrpcCall& self = call(user);
    const std::size_t size = std::min(room, self.request_body_.size() - self.body_sent_);
    std::memcpy(out, self.request_body_.data() + self.body_sent_, size);
    self.body_sent_ += size;
    if (self.body_sent_ == self.request_body_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
};

GrpcCall::GrpcCall(Request request)
    : request_(std::move(request)), connection_(nullptr, nghttp2_session_del) {
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);  // only without memory
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Events::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Events::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Events::close);
  nghttp2_session_callbacks_set_error_callback2(callbacks, Events::error);
  nghttp2_session* made = nullptr;
  const int failed = nghttp2_session_client_new(&made, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  CHECK(failed == 0);
  connection_.reset(made);
  const bool health = request_.path == config::grpc_health_path;
  request_body_ = framed(health ? health_request(request_.service) : "");
  submit();
}

GrpcCall::~GrpcCall() = default;

void GrpcCall::submit() {
  const std::array<nghttp2_settings_entry, 2> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, headers_max},
  }};
  CHECK(nghttp2_submit_settings(connection_.get(), NGHTTP2_FLAG_NONE, settings.data(),
                                settings.size()) == 0);
  const std::array<nghttp2_nv, 7> headers = {{
      header(":method", "POST"),
      header(":scheme", request_.tls ? "https" : "http"),
      header(":path", request_.path),
      header(":authority", request_.authority),
      header("te", "trailers"),
      header("content-type", "application/grpc"),
      header("user-agent", "Spillway-HealthChecker/" SPILLWAY_VERSION),
  }};
  nghttp2_data_provider body{};
  body.read_callback = Events::body;
  CHECK(nghttp2_submit_request(connection_.get(), nullptr, headers.data(), headers.size(), &body,
                               nullptr) > 0);
}

std::string GrpcCall::take_outgoing() {
  std::string bytes;
  while (true) {
    const std::uint8_t* chunk = nullptr;
    const ssize_t size = nghttp2_session_mem_send(connection_.get(), &chunk);
    if (size <= 0) break;
    bytes += text_of(chunk, static_cast<std::size_t>(size));
  }
  // Both false: the connection is over, for the target broke HTTP/2's rules.
  if (!nghttp2_session_want_read(connection_.get()) &&
      !nghttp2_session_want_write(connection_.get())) {
    closed();
  }
  return bytes;
}

void GrpcCall::receive(std::string_view bytes) {
  if (outcome_) return;
  received_ += bytes.size();
  if (received_ > received_max) {
    return fail(fmt::format("more than {} KiB of response", received_max / 1024));
  }
  const ssize_t taken = nghttp2_session_mem_recv(
      connection_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0) return;
  fail(fmt::format("not an HTTP/2 response: {}", nghttp2_strerror(static_cast<int>(taken))));
}

void GrpcCall::closed() {
  if (outcome_) return;
  if (library_says_.empty()) return fail("connection closed without a response");
  fail(fmt::format("not an HTTP/2 response: {}", library_says_));
}

void GrpcCall::take_header(std::string_view name, std::string_view value) {
  header_bytes_ += name.size() + value.size();
  if (header_bytes_ > headers_max) {
    return fail(fmt::format("response headers above {} KiB", headers_max / 1024));
  }
  if (name == ":status") http_status_ = value;
  if (name == "grpc-status") grpc_status_ = value;
}

void GrpcCall::stream_closed(std::uint32_t error) {
  if (outcome_) return;
  if (grpc_status_.empty() && error != NGHTTP2_NO_ERROR) {
    return fail(fmt::format("the target ended the call: {}", nghttp2_http2_strerror(error)));
  }
  outcome_ = judged();
}

ProbeOutcome GrpcCall::judged() const {
  if (http_status_ != "200") {
    return {Finding::CodeMismatch,
            fmt::format("HTTP {}, no gRPC answer", number_of(http_status_).value_or(0))};
  }
  const auto status = number_of(grpc_status_);
  if (!status) return {Finding::Failed, "an HTTP response without a gRPC status"};
  const std::string_view name = *status < status_names.size() ? status_names[*status] : "?";
  const std::string found = fmt::format("gRPC {} {}", *status, name);
  if (!matches(request_.matcher, *status)) {
    return {Finding::CodeMismatch,
            fmt::format("{}, expected {}", found, to_string(request_.matcher))};
  }
  if (*status == 0 && request_.path == config::grpc_health_path) return judged_health();
  return {Finding::Passed, found};
}

ProbeOutcome GrpcCall::judged_health() const {
  const auto status = serving_status(body_);
  if (!status) return {Finding::Failed, "gRPC 0 OK without a HealthCheckResponse"};
  const std::string_view name =
      *status < serving_names.size() ? serving_names[*status] : "an unknown status";
  if (*status == serving) return {Finding::Passed, fmt::format("gRPC {}", name)};
  return {Finding::CodeMismatch, fmt::format("gRPC {}, expected SERVING", name)};
}

void GrpcCall::fail(std::string sentence) {
  if (!outcome_) outcome_ = {Finding::Failed, std::move(sentence)};
}

std::optional<std::uint64_t> serving_status(std::string_view message) {
  if (message.size() < 5 || message[0] != '\0') return std::nullopt;  // none, or compressed
  std::size_t size = 0;
  for (std::size_t i = 1; i < 5; ++i) size = size << 8 | static_cast<std::uint8_t>(message[i]);
  std::string_view fields = message.substr(5);
  if (size != fields.size()) return std::nullopt;
  std::uint64_t status = 0;  // what is not there is 0: protobuf
  while (!fields.empty()) {
    const auto tag = take_varint(fields);
    if (!tag) return std::nullopt;
    if (*tag != 0x08) {  // HealthCheckResponse { ServingStatus status = 1; }
      if (!skip_field(fields, *tag & 7)) return std::nullopt;
      continue;
    }
    const auto value = take_varint(fields);
    if (!value) return std::nullopt;
    status = *value;
  }
  return status;
}

}  // namespace control
