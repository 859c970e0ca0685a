#include "tools/spillwayctl/live.h"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/table.h"
#include "tools/spillwayctl/target_list.h"

namespace tools {
namespace {

namespace options = boost::program_options;

/// A longer list than this is only counted, but with --json.
constexpr std::size_t shown_max = 40;

constexpr const char* words_argument = "[ADDRESS[:PORT]...]";

std::string counted(std::uint64_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string optional_text(const Options& given, const char* name) {
  return given.count(name) == 0 ? "" : given[name].as<std::string>();
}

/// The targets that the words or --from-file name; nullopt: said why not.
std::variant<Json, int> targets_wanted(const Options& given, const Attributes& attributes,
                                       const char* command) {
  const bool from_file = given.count("from-file") != 0;
  const bool words = given.count(words_argument) != 0;
  if (from_file == words) {
    return misused(fmt::format("{} takes targets, or --from-file FILE: one of the two", command),
                   command);
  }
  if (from_file) {
    auto read = read_targets_file(given["from-file"].as<std::string>(), attributes);
    if (const auto* error = std::get_if<std::string>(&read)) return misused(*error, command);
    return std::move(std::get<Json>(read));
  }
  Json targets = Json::array();
  for (const auto& word : given[words_argument].as<std::vector<std::string>>()) {
    auto target = target_of(word, attributes);
    if (const auto* error = std::get_if<std::string>(&target)) return misused(*error, command);
    targets.push_back(std::move(std::get<Json>(target)));
  }
  return targets;
}

std::string table_of(const Context& context, const Json& document) {
  const std::size_t count = elements(document, "targets").size();
  if (count == 0 || count > shown_max) return "";
  return show_targets(document, view_now(context));
}

int change_targets(const Context& context, const Options& given, const char* verb,
                   const Json& body) {
  const auto group = given["TARGET_GROUP"].as<std::string>();
  const auto answer =
      ask(context, "POST", fmt::format("/v1/target_groups/{}/{}", encoded(group), verb), body);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
    return done;
  }
  const std::string which = fmt::format("{}ed", verb);
  std::string line = counted(number(document, which.c_str()), "target") + ' ' + which;
  const std::uint64_t unchanged = number(document, "unchanged");
  if (unchanged != 0) line += fmt::format(", {} registered already", unchanged);
  print(fmt::format("{}: {}, generation {}\n", group, line, number(document, "generation")));
  print(table_of(context, document));
  return done;
}

struct ChangesTable {
  Table table{{{"GROUP"}, {"TARGET"}, {"CHANGE"}, {"DETAIL"}}};
  std::size_t rows = 0;

  void add(const Json& document, const char* list, const char* word, const char* detail) {
    for (const Json& change : elements(document, list)) {
      const std::string more = detail == nullptr ? "" : detail_of(change, detail);
      table.add({tools::text(change, "target_group"), endpoint(change), word, more});
      ++rows;
    }
  }
  static std::string detail_of(const Json& change, const char* key) {
    const auto found = change.find(key);
    if (found == change.end()) return "";
    return found->is_string() ? found->get<std::string>() : found->dump();
  }
};

int list_changes(const Context& context) {
  const auto answer = ask(context, "GET", "/v1/changes");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
    return done;
  }
  ChangesTable changes;
  changes.add(document, "registered", "registered", "target");
  changes.add(document, "deregistered", "deregistered", nullptr);
  changes.add(document, "weights", "weight", "weight");
  changes.add(document, "drained", "drained", nullptr);
  const std::string file = text(document, "file");
  if (changes.rows == 0) {
    print(fmt::format("no changes: what runs is {} as it was read\n", file));
    return done;
  }
  print(changes.table.text(context.colours));
  print(fmt::format("{} beside {}, kept in {}\n", counted(changes.rows, "change"), file,
                    text(document, "state_file")));
  return done;
}

Json forced(const Options& given) { return {{"force", given.count("force") != 0}}; }

}  // namespace

void add_force(OptionsDescription& description) {
  description.add_options()("force",
                            "also if it leaves a target group in use without any healthy "
                            "target");
}

void add_target_attributes(OptionsDescription& description) {
  description.add_options()("weight", options::value<std::string>()->value_name("N"),
                            "their weight, 0 to 999 (default 1)")(
      "zone", options::value<std::string>()->value_name("ZONE"), "the zone that they are in")(
      "max-connections", options::value<std::string>()->value_name("N"),
      "connections that each gets at once, 0 to 16777216 (default 0: no limit)")(
      "from-file", options::value<std::string>()->value_name("FILE"),
      "one target a line, ADDRESS[:PORT] [KEY=VALUE]...; \"-\": standard input");
}

void add_removal(OptionsDescription& description) {
  description.add_options()("from-file", options::value<std::string>()->value_name("FILE"),
                            "one target a line, ADDRESS[:PORT]; \"-\": standard input");
  add_force(description);
}

void add_reloading(OptionsDescription& description) {
  add_force(description);
  description.add_options()("discard-changes",
                            "also forget what register, deregister, weight and drain have changed: "
                            "back to the file alone");
}

int run_register(const Context& context, const Options& given) {
  Attributes attributes;
  using Names = std::pair<const char*, const char*>;  // of an option, and of a target's key
  for (const auto& [name, key] : {Names{"weight", "weight"}, Names{"zone", "zone"},
                                  Names{"max-connections", "max_connections"}}) {
    if (given.count(name) != 0) attributes.emplace_back(key, given[name].as<std::string>());
  }
  const auto targets = targets_wanted(given, attributes, "register");
  if (const int* status = std::get_if<int>(&targets)) return *status;
  return change_targets(context, given, "register", {{"targets", std::get<Json>(targets)}});
}

int run_deregister(const Context& context, const Options& given) {
  const auto targets = targets_wanted(given, {}, "deregister");
  if (const int* status = std::get_if<int>(&targets)) return *status;
  Json body = forced(given);
  body["targets"] = std::get<Json>(targets);
  return change_targets(context, given, "deregister", body);
}

int run_changes(const Context& context, const Options& given) {
  const std::string word = optional_text(given, "[discard]");
  if (word.empty()) return list_changes(context);
  if (word != "discard") {
    return misused(fmt::format("\"{}\": discard is allowed, or nothing to list them", word),
                   "changes");
  }
  Json body = forced(given);
  body["target_group"] = optional_text(given, "[TARGET_GROUP]");
  const auto answer = ask(context, "POST", "/v1/changes/discard", body);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
  } else {
    print(fmt::format("{} discarded, {} left, generation {}\n",
                      counted(number(document, "discarded"), "change"), number(document, "changes"),
                      number(document, "generation")));
  }
  return done;
}

int run_reload(const Context& context, const Options& given) {
  Json body = forced(given);
  body["discard_changes"] = given.count("discard-changes") != 0;
  const auto answer = ask(context, "POST", "/v1/reload", body);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
    return done;
  }
  print(fmt::format("reloaded, generation {}\n", number(document, "generation")));
  for (const Json& reason : elements(document, "reasons")) {
    if (reason.is_string()) print(reason.get<std::string>() + '\n');
  }
  const std::uint64_t changes = number(document, "changes");
  if (changes != 0) {
    print(fmt::format("{} beside the file: spillwayctl changes\n", counted(changes, "change")));
  }
  return done;
}

int run_rollback(const Context& context, const Options& given) {
  const auto answer = ask(context, "POST", "/v1/rollback", forced(given));
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
    return done;
  }
  print(fmt::format(
      "{} runs as it was until {}, generation {}\n"
      "The file itself is as it was: a reload or restart reads it, so correct it "
      "first.\n",
      text(document, "file"), text(document, "replaced"), number(document, "generation")));
  return done;
}

}  // namespace tools
