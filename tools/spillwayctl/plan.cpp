#include "tools/spillwayctl/plan.h"

#include <cstdio>
#include <string>
#include <variant>

#include "config/check.h"
#include "config/source_document.h"
#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/live.h"

namespace tools {

void add_planning(OptionsDescription& description) {
  add_force(description);
  description.add_options()("rollback",
                            "of the configuration before the last reload, not of a file")(
      "discard-changes", "as reload --discard-changes would do it")(
      "exit-code", "exit status 3 if anything differs")("wide",
                                                        "every attribute of what comes and goes");
}

int run_plan(const Context& context, const Options& given) {
  const bool rollback = given.count("rollback") != 0;
  const bool file = given.count("[FILE]") != 0;
  if (rollback == file) return misused("plan takes FILE, or --rollback: one of the two", "plan");
  Json body;
  if (rollback) {
    body["rollback"] = true;
  } else {
    const auto loaded = config::load(given["[FILE]"].as<std::string>());
    if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
      std::fputs(to_string(*errors).c_str(), stderr);
      return bad_usage;
    }
    body["source"] = config::source_document(*std::get<config::Config>(loaded).source);
    body["discard_changes"] = given.count("discard-changes") != 0;
  }
  const auto answer = ask(context, "POST", "/v1/plan", body);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
  } else {
    View view = view_now(context);
    view.wide = given.count("wide") != 0;
    print(show_plan(document, view));
  }
  const bool lacks_force = flag(document, "needs_force") && given.count("force") == 0;
  if (!text(document, "refused").empty() || lacks_force) return failed;
  return given.count("exit-code") != 0 && flag(document, "differs") ? differs : done;
}

}  // namespace tools
