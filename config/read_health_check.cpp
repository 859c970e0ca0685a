// How a group's health_check is read. What is a protocol's own is read for every protocol, so that
// mistakes in it are found; check_health_checks() says where it has no meaning.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/ranges.h"
#include "config/sections.h"

namespace config {
namespace {

/// 1 to 65535, or "traffic-port" (0): the port that the target gets its traffic on.
struct CheckPort {
  [[nodiscard]] std::optional<std::uint16_t> operator()(const Value& value) const {
    const std::string allowed = "1 to 65535, or \"traffic-port\"";
    if (value.type() == libconfig::Setting::TypeString) {
      if (*value.string(allowed, "") == "traffic-port") return std::uint16_t{0};
      value.complain("is neither a number nor \"traffic-port\"", allowed,
                     "Write a number without quotes, or leave it out for \"traffic-port\".");
      return std::nullopt;
    }
    const auto port = value.integer(allowed, "80");
    if (!port) return std::nullopt;
    if (*port >= 1 && *port <= 65'535) return static_cast<std::uint16_t>(*port);
    value.complain("is out of range", allowed, "Leave it out for \"traffic-port\".");
    return std::nullopt;
  }
};

/// Codes and ranges of them: "200-399,404".
struct Matcher {
  std::string what;  // "HTTP status"
  std::uint16_t first;
  std::uint16_t last;
  std::string sample;
  std::string standard;  // the default

  [[nodiscard]] std::string allowed() const {
    return fmt::format("{} codes and ranges between {} and {}, like \"{}\"", what, first, last,
                       sample);
  }
  [[nodiscard]] std::optional<std::vector<StatusRange>> operator()(const Value& value) const {
    const auto text = value.string(allowed(), fmt::format("Write it like \"{}\".", standard));
    if (!text) return std::nullopt;
    std::vector<StatusRange> ranges;
    std::string_view rest = *text;
    while (true) {
      const std::size_t comma = rest.find(',');
      const auto range = parse_range(rest.substr(0, comma));
      if (!range) {
        value.complain(
            "is not a list of status codes", allowed(),
            fmt::format("Change it, or leave it out for the default, \"{}\".", standard));
        return std::nullopt;
      }
      ranges.push_back(*range);
      if (comma == std::string_view::npos) return ranges;
      rest.remove_prefix(comma + 1);
    }
  }

 private:
  [[nodiscard]] std::optional<std::uint16_t> parse_code(std::string_view text) const {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    std::uint16_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() > 3) {
      return std::nullopt;
    }
    return code >= first && code <= last ? std::optional{code} : std::nullopt;
  }
  [[nodiscard]] std::optional<StatusRange> parse_range(std::string_view text) const {
    const std::size_t dash = text.find('-');
    const auto from = parse_code(text.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : parse_code(text.substr(dash + 1));
    if (!from || !to || *from > *to) return std::nullopt;
    return StatusRange{*from, *to};
  }
};

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// Goes into the probe's request as it is, so nothing that ends a line or a word may be in it.
struct RequestText {
  std::string what;
  std::string sample;
  std::size_t size_max;
  bool path;
  [[nodiscard]] std::optional<std::string> operator()(const Value& value) const {
    auto text = value.string(what, fmt::format("Write it like {}.", sample));
    if (!text) return std::nullopt;
    const bool begins = path ? !text->empty() && text->front() == '/' : !text->empty();
    if (printable(*text) && begins && text->size() <= size_max) return text;
    value.complain(
        path ? "is not a path" : "is not a host name", what,
        fmt::format("Write it like {}; what is not ASCII goes in percent encoding.", sample));
    return std::nullopt;
  }
};

/// A token (RFC 9110, 5.6.2).
struct HeaderName {
  std::string what;
  std::string sample;
  [[nodiscard]] std::optional<std::string> operator()(const Value& value) const {
    auto text = value.string(what, fmt::format("Write it like {}.", sample));
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    const auto good = [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             others.find(c) != std::string_view::npos;
    };
    if (!text ||
        (!text->empty() && text->size() <= 128 && std::all_of(text->begin(), text->end(), good))) {
      return text;
    }
    value.complain("is not a header's name", "1 to 128 letters, digits and hyphens",
                   fmt::format("Write it like {}.", sample));
    return std::nullopt;
  }
};

struct File {
  [[nodiscard]] std::optional<std::string> operator()(const Value& value) const {
    const std::string allowed = "the absolute path of a PEM file";
    const std::string remedy = "Write it like \"/etc/spillway/targets-ca.pem\".";
    auto text = value.string(allowed, remedy);
    if (!text || (!text->empty() && text->front() == '/')) return text;
    value.complain("is not an absolute path", allowed, remedy);
    return std::nullopt;
  }
};

/// The bytes of a datagram: text, or "hex:" and two digits a byte, for what text cannot hold.
struct Payload {
  static constexpr std::size_t size_max = 512;
  [[nodiscard]] std::optional<std::string> operator()(const Value& value) const {
    const std::string allowed = fmt::format(
        "1 to {} bytes of text, or \"hex:\" and two hexadecimal digits a byte", size_max);
    const auto text = value.string(allowed, "Write it like \"ping\" or \"hex:0a1b\".");
    if (!text) return std::nullopt;
    const auto bytes = text->starts_with("hex:") ? from_hex(text->substr(4)) : text;
    if (bytes && !bytes->empty() && bytes->size() <= size_max) return bytes;
    const char* problem =
        bytes ? "is empty or too long" : "is not in hexadecimal digits, two a byte";
    value.complain(problem, allowed, "Write it like \"ping\" or \"hex:0a1b\", or leave it out.");
    return std::nullopt;
  }

 private:
  [[nodiscard]] static std::optional<std::string> from_hex(std::string_view digits) {
    if (digits.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      unsigned byte = 0;
      const char* const end = digits.data() + i + 2;
      const auto [at, error] = std::from_chars(digits.data() + i, end, byte, 16);
      if (error != std::errc{} || at != end) return std::nullopt;
      bytes += static_cast<char>(byte);
    }
    return bytes;
  }
};

TlsCheck read_tls(const Value& value) {
  TlsCheck tls;
  Group group{value};
  group.read("server_name", tls.server_name,
             RequestText{"at most 253 visible ASCII bytes", "\"www.example.com\"", 253, false});
  group.read("verify", tls.verify, Flag{});
  group.read("ca_file", tls.ca_file, File{});
  group.read("minimum_version", tls.minimum_version,
             OneOf<TlsVersion>{{{"1.2", TlsVersion::Tls12}, {"1.3", TlsVersion::Tls13}}});
  group.finish();
  return tls;
}

void read_request_keys(Group& group, HealthCheck& check) {
  const bool grpc = check.protocol == CheckProtocol::Grpc;
  if (grpc) check.path = "/AWS.ALB/healthcheck";
  group.read("path", check.path,
             RequestText{"a path of at most 1024 visible ASCII bytes that begins with '/'",
                         "\"/healthz\"", 1024, true});
  group.read("host", check.host,
             RequestText{"at most 255 visible ASCII bytes", "\"www.example.com\"", 255, false});
  if (grpc) {  // ELB's default path is no service's, so the right answer is that it is unknown
    const std::uint16_t code = check.path == grpc_health_path ? 0 : 12;
    check.matcher = {{code, code}};
    group.read("matcher", check.matcher,
               Matcher{"gRPC status", 0, 99, "0,12", fmt::format("{}", code)});
  } else {
    group.read("matcher", check.matcher,
               Matcher{"HTTP status", 200, 599, "200-399,404", "200-399"});
  }
  group.read("weight_header", check.weight_header,
             HeaderName{"a header's name", "\"X-Load-Balancing-Endpoint-Weight\""});
  group.read("service", check.service,
             RequestText{"at most 255 visible ASCII bytes", "\"shop.Cart\"", 255, false});
  group.read("send", check.send, Payload{});
  group.read("expect", check.expect, Payload{});
  if (check.protocol == CheckProtocol::Https) check.tls.emplace();
  if (const auto tls = group.find("tls")) check.tls = read_tls(*tls);
}

}  // namespace

HealthCheck read_health_check(const Value& value) {
  HealthCheck check;
  check.line = value.line();
  Group group{value};
  group.read("enabled", check.enabled, Flag{});
  group.read("protocol", check.protocol,
             OneOf<CheckProtocol>{{{"tcp", CheckProtocol::Tcp},
                                   {"http", CheckProtocol::Http},
                                   {"https", CheckProtocol::Https},
                                   {"grpc", CheckProtocol::Grpc},
                                   {"udp", CheckProtocol::Udp},
                                   {"icmp", CheckProtocol::Icmp}}});
  group.read("port", check.port, CheckPort{});
  read_request_keys(group, check);
  group.read("interval", check.interval,
             Duration{ranges::interval_min, ranges::interval_max, check.interval});
  // The defaults of ELB, but never longer than the interval: who asks for an interval of 2 s should
  // not have to learn about a timeout first.
  using std::chrono::milliseconds;
  check.timeout =
      std::min(check.interval,
               check.protocol == CheckProtocol::Http ? milliseconds{6'000} : milliseconds{10'000});
  group.read("timeout", check.timeout,
             Duration{ranges::timeout_min, ranges::timeout_max, check.timeout});
  group.read("healthy_threshold", check.healthy_threshold, Whole{1, 10, 5});
  group.read("unhealthy_threshold", check.unhealthy_threshold, Whole{1, 10, 2});
  group.finish();
  return check;
}

}  // namespace config
