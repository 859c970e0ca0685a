#include "tools/spillwayctl/requests.h"

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "dataplane/packet/address.h"
#include "tools/report/documents.h"
#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/drain_wait.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"
#include "tools/spillwayctl/live.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

namespace options = boost::program_options;

/// What the daemon allows too (control/commands.h).
constexpr unsigned weight_max = 999;

/// "10.0.1.11" completed by the port that this address has in its group; nullopt: said why not.
std::optional<std::string> with_port(const Context& context, const std::string& group,
                                     const std::string& address, int& status) {
  const auto answer = ask(context, "GET", "/v1/targets");
  if (const int* failure = std::get_if<int>(&answer)) {
    status = *failure;
    return std::nullopt;
  }
  std::vector<std::string> found;
  for (const Json& target : elements(std::get<Json>(answer), "targets")) {
    const bool same = text(target, "target_group") == group && text(target, "address") == address;
    if (same) found.push_back(endpoint(target));
  }
  if (found.size() == 1) return found.front();
  status =
      fail(found.empty()
               ? fmt::format("there is no target {} in group \"{}\"; spillwayctl targets lists "
                             "them",
                             address, group)
               : fmt::format("group \"{}\" has {} on {} ports: say which, such as {}", group,
                             address, found.size(), found.front()));
  return std::nullopt;
}

/// Asks for a change of one target; `verb` is the command, and the last part of the path, `query`
/// what goes behind it. The target's new state, or a status.
std::variant<Json, int> change_target(const Context& context, const Options& given,
                                      const std::string& verb, const std::string& query = "") {
  const auto group = given["TARGET_GROUP"].as<std::string>();
  auto target = given["ADDRESS:PORT"].as<std::string>();
  const auto bare = dataplane::parse_address(target);
  if (!bare && !dataplane::parse_target(target)) {
    return misused(fmt::format("\"{}\" is not a target: an address and port such as 10.0.1.11:8080 "
                               "or [2001:db8::11]:8080 is allowed",
                               target),
                   verb);
  }
  if (bare) {
    int status = failed;
    const auto complete = with_port(context, group, to_string(*bare), status);
    if (!complete) return status;
    target = *complete;
  }
  Json body;
  if (given.count("force") != 0) body["force"] = true;
  return ask(context, "POST",
             fmt::format("/v1/target_groups/{}/targets/{}/{}{}", encoded(group), encoded(target),
                         verb, query),
             body);
}

}  // namespace

void add_waiting(OptionsDescription& description) {
  add_force(description);
  description.add_options()("wait", "return when no flow is left on it")(
      "timeout", options::value<double>()->value_name("SECONDS"),
      "with --wait: give up after so long (exit status 1)");
}

int run_drain(const Context& context, const Options& given) {
  const bool wait = given.count("wait") != 0;
  if (given.count("timeout") != 0 && !wait) return misused("--timeout goes with --wait", "drain");
  const auto answer = change_target(context, given, "drain");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& target = std::get<Json>(answer);
  if (context.json) {
    if (!wait) print(target);
  } else {
    print(show_target_state(target, view_now(context)) + '\n');
    std::fflush(stdout);
  }
  if (!wait) return done;
  std::optional<double> timeout;
  if (given.count("timeout") != 0) timeout = given["timeout"].as<double>();
  return wait_until_empty(context, target, timeout);
}

int run_undrain(const Context& context, const Options& given) {
  const auto answer = change_target(context, given, "undrain");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& target = std::get<Json>(answer);
  if (context.json) {
    print(target);
  } else {
    print(show_target_state(target, view_now(context)) + '\n');
  }
  return done;
}

int run_weight(const Context& context, const Options& given) {
  const auto text = given["WEIGHT"].as<std::string>();
  unsigned weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc{} || end != text.data() + text.size() || weight > weight_max) {
    return misused(fmt::format("\"{}\" is not a weight: from 0 (no new flows) to {} are allowed",
                               text, weight_max),
                   "weight");
  }
  const auto answer = change_target(context, given, "weight", fmt::format("?weight={}", weight));
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& target = std::get<Json>(answer);
  if (context.json) {
    print(target);
  } else {
    print(show_weight(target) + '\n');
  }
  return done;
}

/// Ours always; the instance's if there is one, for the two should be the same.
int run_version(const Context& context, const Options&) {
  Json document{{"spillwayctl", SPILLWAY_VERSION}, {"layout_version", dataplane::layout_version}};
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) {
    if (!context.instance.empty()) return fail(error->message);
  } else {
    const Json theirs = report::version_document(std::get<report::SegmentReader>(opened).view());
    document["instance"] = theirs["instance"];
    document["version"] = theirs["version"];
  }
  if (context.json) {
    print(document);
    return done;
  }
  print(fmt::format("spillwayctl {}\n", SPILLWAY_VERSION));
  if (document.contains("instance")) {
    print(fmt::format("instance {}: spillway {}\n", text(document, "instance"),
                      text(document, "version")));
  }
  return done;
}

}  // namespace tools
