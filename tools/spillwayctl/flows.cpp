#include "tools/spillwayctl/flows.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

namespace options = boost::program_options;

constexpr std::size_t limit_default = 1'000;
/// Of a list in order, which is one answer: what the daemon allows too (control/commands.h).
constexpr std::size_t sorted_max = 10'000;
/// Of a list that is not: the daemon's thread is back at its checks in milliseconds.
constexpr std::size_t page_max = 2'000;
constexpr std::size_t all = SIZE_MAX;

/// nullopt: neither a number from 1 on nor "all".
std::optional<std::size_t> limit_of(const std::string& text) {
  if (text == "all") return all;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit == 0) return std::nullopt;
  return limit;
}

/// What is asked, but for how many and from where on; a string: why it cannot be asked.
struct Question {
  std::string query;
  std::size_t limit = limit_default;
  std::size_t page = page_max;
};
std::variant<Question, std::string> question_of(const Options& given) {
  Question question;
  const auto add = [&](const char* name, const std::string& value) {
    question.query += fmt::format("&{}={}", name, encoded(value));
  };
  if (given.count("limit") != 0) {
    const auto text = given["limit"].as<std::string>();
    const auto limit = limit_of(text);
    if (!limit) return fmt::format("--limit \"{}\": a number from 1 on, or all, is allowed", text);
    question.limit = *limit;
  }
  question.page = page_max;
  if (given.count("sort") != 0) {
    question.page = sorted_max;
    if (question.limit > sorted_max) {
      return fmt::format("--sort keeps {} flows at most: a --limit up to that is allowed with it",
                         sorted_max);
    }
  }
  if (given.count("target-group") != 0) {
    add("target_group", given["target-group"].as<std::string>());
  }
  for (const char* name : {"target", "listener", "client", "protocol", "state", "sort"}) {
    if (given.count(name) != 0) add(name, given[name].as<std::string>());
  }
  for (const char* name : {"idle", "age"}) {
    if (given.count(name) == 0) continue;
    const auto text = given[name].as<std::string>();
    const auto seconds = whole_seconds(text);
    if (!seconds) {
      return fmt::format("--{} \"{}\": a time such as 30s or 5m is allowed", name, text);
    }
    add(name, std::to_string(*seconds));
  }
  return question;
}

/// Writes pages as they come: as one table, or as one JSON document with a flow a line.
class Pages {
 public:
  Pages(const Context& context, bool wide) : json_(context.json), view_(view_now(context)) {
    view_.wide = wide;
  }

  void add(const Json& page) {
    if (!json_) return print(show_flows(page, view_, widths_));
    if (!begun_) print(fmt::format("{{\"instance\": {},\n \"flows\": [", page["instance"].dump()));
    for (const Json& flow : elements(page, "flows")) {
      print(fmt::format("{}  {}", count_++ == 0 ? "\n" : ",\n",
                        flow.dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    begun_ = true;
  }
  void end(bool truncated) const {
    if (json_) print(fmt::format("\n ],\n \"truncated\": {}}}\n", truncated));
  }

 private:
  bool json_;
  View view_;
  std::vector<std::size_t> widths_;
  bool begun_ = false;
  std::size_t count_ = 0;
};

}  // namespace

void add_flow_filters(OptionsDescription& description) {
  const auto text = [](const char* name) {
    return options::value<std::string>()->value_name(name);
  };
  auto add = description.add_options();
  add("limit,n", text("N"), "at most so many flows, or all (default 1000)");
  add("target-group,g", text("NAME"), "only flows to this group");
  add("target,t", text("ADDRESS:PORT"), "only flows to this target");
  add("listener,l", text("NAME"), "only flows of this listener");
  add("client,c", text("WHO"), "only flows of an address, a network, or an address and port");
  add("protocol,p", text("tcp|udp"), "only flows of this protocol");
  add("state,s", text("STATE"), "only flows in this state, such as established or syn_sent");
  add("idle", text("TIME"), "only flows without a packet for so long, such as 30s or 5m");
  add("age", text("TIME"), "only flows that began so long ago or earlier");
  add("sort", text("FIGURE"), "the largest first: bytes, packets, idle or age");
  add("wide", "all columns: packets too");
}

int run_flows(const Context& context, const Options& given) {
  const auto asked = question_of(given);
  if (const auto* wrong = std::get_if<std::string>(&asked)) return misused(*wrong, "flows");
  const auto& question = std::get<Question>(asked);
  Pages pages(context, given.count("wide") != 0);
  std::string from;
  for (std::size_t left = question.limit;;) {
    auto answer = ask(context, "GET",
                      fmt::format("/v1/flows?limit={}{}{}", std::min(left, question.page),
                                  from.empty() ? "" : "&from=" + from, question.query));
    if (const int* status = std::get_if<int>(&answer)) return *status;
    Json& page = std::get<Json>(answer);
    left -= std::min(left, elements(page, "flows").size());
    from = text(page, "next");
    const bool last = left == 0 || from.empty();
    const bool truncated = flag(page, "truncated");
    page["truncated"] = last && truncated;
    pages.add(page);
    if (!last) continue;
    pages.end(truncated);
    return done;
  }
}

}  // namespace tools
