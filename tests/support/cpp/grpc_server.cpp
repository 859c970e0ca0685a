#include "tests/support/cpp/grpc_server.h"

#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <algorithm>
#include <cstring>

namespace tests {
namespace {

std::string text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<nghttp2_nv> as_library_has_them(const GrpcServer::Headers& headers) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  std::vector<nghttp2_nv> result;
  for (const auto& [name, value] : headers) {
    result.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return result;
}

}  // namespace

struct GrpcServer::Events {
  static GrpcServer& server(void* user) { return *static_cast<GrpcServer*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    server(user).request_headers_.emplace_back(text_of(name, name_size),
                                               text_of(value, value_size));
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    server(user).request_body_ += text_of(bytes, size);
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.stream_id != 0) {
      server(user).answer(frame->hd.stream_id);
    }
    return 0;
  }
  static ssize_t body(nghttp2_session* connection, std::int32_t stream, std::uint8_t* out,
                      std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* user) {
    GrpcServer& self = server(user);
    const std::size_t size = std::min(room, self.answer_.body.size() - self.body_sent_);
    std::memcpy(out, self.answer_.body.data() + self.body_sent_, size);
    self.body_sent_ += size;
    if (self.body_sent_ < self.answer_.body.size()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (self.answer_.trailers.empty()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const auto trailers = as_library_has_them(self.answer_.trailers);
    nghttp2_submit_trailer(connection, stream, trailers.data(), trailers.size());
    return static_cast<ssize_t>(size);
  }
};

GrpcServer::GrpcServer(Answer answer)
    : answer_(std::move(answer)), connection_(nullptr, nghttp2_session_del) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Events::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Events::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Events::frame);
  nghttp2_session* made = nullptr;
  nghttp2_session_server_new(&made, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  connection_.reset(made);
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, nullptr, 0);
}

GrpcServer::~GrpcServer() = default;

std::string GrpcServer::receive(std::string_view bytes) {
  nghttp2_session_mem_recv(connection_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()),
                           bytes.size());
  std::string out;
  while (true) {
    const std::uint8_t* chunk = nullptr;
    const ssize_t size = nghttp2_session_mem_send(connection_.get(), &chunk);
    if (size <= 0) return out;
    out += text_of(chunk, static_cast<std::size_t>(size));
  }
}

void GrpcServer::answer(std::int32_t stream) {
  if (answer_.reset_by != 0) {
    nghttp2_submit_rst_stream(connection_.get(), NGHTTP2_FLAG_NONE, stream, answer_.reset_by);
    return;
  }
  const auto headers = as_library_has_them(answer_.headers);
  nghttp2_data_provider body{};
  body.read_callback = Events::body;
  const bool headers_only = answer_.body.empty() && answer_.trailers.empty();
  nghttp2_submit_response(connection_.get(), stream, headers.data(), headers.size(),
                          headers_only ? nullptr : &body);
}

GrpcServer::Answer grpc_answer(const std::string& status, const std::string& message) {
  return {.headers = {{":status", "200"}, {"content-type", "application/grpc"}},
          .body = message,
          .trailers = {{"grpc-status", status}}};
}

std::string health_response(char serving_status) {
  return std::string("\0\0\0\0\x02\x08", 6) + serving_status;
}

}  // namespace tests
