#include "tools/spillwayctl/figures.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "tools/report/documents.h"
#include "tools/report/group_documents.h"
#include "tools/spillwayctl/instance.h"
#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

namespace options = boost::program_options;
using report::SegmentReader;

constexpr double watch_seconds_min = 0.1;

/// One kind of document, from the segment to the terminal.
struct Figures {
  Json (*document)(const report::SegmentView&, const report::Liveness&, std::uint64_t now);
  std::string (*show)(const Json&, const View&);
};

void write_out(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

int show_once(const Context& context, const SegmentReader& reader, const Figures& figures,
              bool wide) {
  const std::uint64_t now = report::now_unix_milliseconds();
  const auto liveness = reader.liveness(now);
  const std::string stale = staleness(reader.instance(), reader.view(), liveness);
  if (!stale.empty()) fmt::print(stderr, "spillwayctl: {}\n", stale);
  const Json document = figures.document(reader.view(), liveness, now);
  if (context.json) {
    write_out(document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
  } else {
    write_out(figures.show(document, {.now_unix_milliseconds = now,
                                      .colours = context.colours,
                                      .wide = wide,
                                      .earlier = nullptr,
                                      .seconds = 0}));
  }
  return done;
}

/// Until interrupted: a fresh screen on a terminal, else one block (or one line of JSON) each time.
int show_again_and_again(const Context& context, SegmentReader& reader, const Figures& figures,
                         bool wide, double seconds) {
  std::optional<Json> earlier;
  std::uint64_t earlier_at = 0;
  for (;;) {
    if (reader.follow()) earlier.reset();
    const std::uint64_t now = report::now_unix_milliseconds();
    const auto liveness = reader.liveness(now);
    Json document = figures.document(reader.view(), liveness, now);
    std::string text;
    if (context.json) {
      text = document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    } else {
      const std::string stale = staleness(reader.instance(), reader.view(), liveness);
      text = context.terminal ? "\033[H\033[2J" : "";
      text += stale.empty() ? "" : stale + "\n\n";
      text += figures.show(document, {.now_unix_milliseconds = now,
                                      .colours = context.colours,
                                      .wide = wide,
                                      .earlier = earlier ? &*earlier : nullptr,
                                      .seconds = static_cast<double>(now - earlier_at) / 1000});
      text += context.terminal ? "" : "\n";
    }
    write_out(text);
    if (std::ferror(stdout) != 0) return failed;  // nobody reads any more
    earlier = std::move(document);
    earlier_at = now;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
}

int show(const Context& context, const Options& given, const Figures& figures) {
  const bool watch = given.count("watch") != 0;
  const double seconds = watch ? given["watch"].as<double>() : 0;
  if (watch && !(seconds >= watch_seconds_min && seconds <= 86'400)) {
    return misused(fmt::format("--watch {}: seconds from {} to 86400 are allowed", seconds,
                               watch_seconds_min));
  }
  const bool wide = given.count("wide") != 0;
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) return fail(error->message);
  auto& reader = std::get<SegmentReader>(opened);
  return watch ? show_again_and_again(context, reader, figures, wide, seconds)
               : show_once(context, reader, figures, wide);
}

}  // namespace

void add_watch(OptionsDescription& description) {
  description.add_options()("watch,w", options::value<double>()->value_name("SECONDS"),
                            "show again every so many seconds, with rates in between");
}

void add_watch_and_wide(OptionsDescription& description) {
  add_watch(description);
  description.add_options()("wide", "all columns: packets, resets, picked-up flows");
}

int run_status(const Context& context, const Options& given) {
  return show(context, given, {report::status_document, show_status});
}

int run_listeners(const Context& context, const Options& given) {
  return show(context, given,
              {[](const auto& view, const auto& liveness, std::uint64_t) {
                 return report::listeners_document(view, liveness);
               },
               show_listeners});
}

int run_targets(const Context& context, const Options& given) {
  return show(context, given,
              {[](const auto& view, const auto& liveness, std::uint64_t) {
                 return report::targets_document(view, liveness);
               },
               show_targets});
}

int run_target_groups(const Context& context, const Options& given) {
  return show(context, given,
              {[](const auto& view, const auto& liveness, std::uint64_t) {
                 return report::target_groups_document(view, liveness);
               },
               show_target_groups});
}

int run_zone_list(const Context& context, const Options& given) {
  return show(context, given,
              {[](const auto& view, const auto& liveness, std::uint64_t) {
                 return report::zones_document(view, liveness);
               },
               show_zones});
}

int run_security_groups(const Context& context, const Options& given) {
  return show(context, given,
              {[](const auto& view, const auto& liveness, std::uint64_t) {
                 return report::security_groups_document(view, liveness);
               },
               show_security_groups});
}

}  // namespace tools
