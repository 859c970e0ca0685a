#include "tools/spillwayctl/events.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "dataplane/packet/address.h"
#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"

namespace tools {
namespace {

namespace options = boost::program_options;

/// What the daemon keeps, and allows to ask for (control/events_wanted.h).
constexpr long events_max = 4'096;
constexpr std::chrono::milliseconds look_for_events{250};

/// Milliseconds of "90s", "15m", "2h" or "3d"; nullopt for anything else.
std::optional<std::uint64_t> milliseconds_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const char* const last = text.data() + text.size();
  if (error != std::errc{} || end + 1 != last || value > 1'000'000) return std::nullopt;
  switch (*end) {
    case 's': return value * 1'000;
    case 'm': return value * 60'000;
    case 'h': return value * 3'600'000;
    case 'd': return value * 86'400'000;
    default: return std::nullopt;
  }
}

/// Unix time in milliseconds of "2h" ago or of "2026-01-02T03:04:05.678Z".
std::optional<std::uint64_t> moment(const std::string& text) {
  if (const auto ago = milliseconds_of(text)) {
    const std::uint64_t now = report::now_unix_milliseconds();
    return now - std::min(now, *ago);
  }
  return unix_milliseconds(text);
}

class Query {
 public:
  void add(const char* name, const std::string& value) {
    text_ += fmt::format("{}{}={}", text_.empty() ? '?' : '&', name, encoded(value));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void print_lines(const Json& events, const Context& context) {
  for (const Json& event : events) {
    if (context.json) {
      fmt::print("{}\n", event.dump(-1, ' ', false, Json::error_handler_t::replace));
    } else {
      fmt::print("{}\n", show_event(event, context.colours));
    }
  }
  std::fflush(stdout);
}

/// Prints what happens from now on, until interrupted. `query` without "after"; `known`: what was
/// printed already.
int follow(const Context& context, const Query& query, const Json& known) {
  std::uint64_t history = number(known, "history");
  std::uint64_t last = number(known, "last");
  for (;;) {
    std::this_thread::sleep_for(look_for_events);
    Query next = query;
    next.add("after", std::to_string(last));
    const auto answer = ask(context, "GET", "/v1/events" + next.text());
    if (const int* status = std::get_if<int>(&answer)) return *status;
    const Json& document = std::get<Json>(answer);
    if (number(document, "history") != history) {  // a new daemon, whose numbers begin anew
      history = number(document, "history");
      last = 0;
      continue;
    }
    const Json& events = elements(document, "events");
    print_lines(events, context);
    // More than one answer holds? Then the next begins behind this one's last.
    last = events.size() == static_cast<std::size_t>(events_max) ? number(events.back(), "number")
                                                                 : number(document, "last");
  }
}

/// What is wrong with the options, or nothing; fills the query.
std::optional<std::string> filter(const Options& given, Query& query) {
  if (given.count("target-group") != 0) {
    query.add("target_group", given["target-group"].as<std::string>());
  }
  if (given.count("kind") != 0) query.add("kind", given["kind"].as<std::string>());
  if (given.count("target") != 0) {
    const auto target = given["target"].as<std::string>();
    if (!dataplane::parse_address(target) && !dataplane::parse_with_port(target)) {
      return fmt::format(
          "--target {}: an address, with or without a port, is allowed, such as "
          "10.0.1.11 or [2001:db8::11]:8080",
          target);
    }
    query.add("target", target);
  }
  if (given.count("since") != 0) {
    const auto text = given["since"].as<std::string>();
    const auto since = moment(text);
    if (!since) {
      return fmt::format(
          "--since {}: how long ago (90s, 15m, 2h, 3d) or a time such as "
          "2026-01-02T03:04:05.678Z is allowed",
          text);
    }
    query.add("since", std::to_string(*since));
  }
  return std::nullopt;
}

}  // namespace

void add_event_filters(OptionsDescription& description) {
  description.add_options()("count,n", options::value<long>()->value_name("N"),
                            "at most the newest so many, 1 to 4096 (default 100)")(
      "since", options::value<std::string>()->value_name("AGO|TIME"),
      "only newer ones: 90s, 15m, 2h, 3d or 2026-01-02T03:04:05.678Z")(
      "target-group,g", options::value<std::string>()->value_name("NAME"),
      "only of this group's targets")("target,t",
                                      options::value<std::string>()->value_name("ADDRESS[:PORT]"),
                                      "only of this target")(
      "kind", options::value<std::string>()->value_name("KIND"),
      "only target, operator, reload, …")("follow,f", "go on with what happens next");
}

int run_events(const Context& context, const Options& given) {
  Query query;
  if (const auto error = filter(given, query)) return misused(*error, "events");
  long count = 100;
  if (given.count("count") != 0) count = given["count"].as<long>();
  if (count < 1 || count > events_max) {
    return misused(fmt::format("--count {}: from 1 to {} are allowed", count, events_max),
                   "events");
  }
  const bool follows = given.count("follow") != 0;
  Query first = query;
  first.add("count", std::to_string(count));
  const auto answer = ask(context, "GET", "/v1/events" + first.text());
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (follows) {
    print_lines(elements(document, "events"), context);
    query.add("count", std::to_string(events_max));
    return follow(context, query, document);
  }
  if (context.json) {
    fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    std::fputs(show_events(document, context.colours).c_str(), stdout);
  }
  return done;
}

}  // namespace tools
