#include "tools/spillwayctl/zone_commands.h"

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <variant>

#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

namespace options = boost::program_options;

/// What the daemon allows too (control/commands.h).
constexpr std::uint64_t expires_max_seconds = 72 * 3600;

int show(const Context& context, const std::variant<Json, int>& answer) {
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  const View view{.now_unix_milliseconds = report::now_unix_milliseconds(),
                  .colours = context.colours,
                  .wide = false,
                  .earlier = nullptr,
                  .seconds = 0};
  const std::string text = context.json
                               ? document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n'
                               : show_zones(document, view);
  std::fputs(text.c_str(), stdout);
  return done;
}

}  // namespace

void add_expiry(OptionsDescription& description) {
  description.add_options()("expires,e", options::value<std::string>()->value_name("TIME"),
                            "when it ends by itself, required: 90s, 30m, 2h, at most 3d")(
      "comment,c", options::value<std::string>()->value_name("TEXT"),
      "why, for those who look at it later; at most 127 bytes");
}

int run_zone_shift(const Context& context, const Options& given) {
  if (given.count("expires") == 0) {
    return misused("--expires is missing: a shift is for a while, such as --expires 2h",
                   "zone shift");
  }
  const auto text = given["expires"].as<std::string>();
  const auto seconds = whole_seconds(text);
  if (!seconds || *seconds == 0 || *seconds > expires_max_seconds) {
    return misused(fmt::format("--expires \"{}\": a time from 1s to 3d is allowed, such as 90s, "
                               "30m or 2h",
                               text),
                   "zone shift");
  }
  std::string target = fmt::format("/v1/zones/{}/shift?expires={}",
                                   encoded(given["ZONE"].as<std::string>()), *seconds);
  if (given.count("comment") != 0) {
    target += "&comment=" + encoded(given["comment"].as<std::string>());
  }
  return show(context, ask(context, "POST", target));
}

int run_zone_unshift(const Context& context, const Options& given) {
  return show(context,
              ask(context, "POST",
                  fmt::format("/v1/zones/{}/unshift", encoded(given["ZONE"].as<std::string>()))));
}

}  // namespace tools
