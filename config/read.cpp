#include "config/read.h"

#include <charconv>
#include <utility>

#include "config/sections.h"
#include "config/setting.h"
#include "config/source.h"

namespace config {
namespace {

void read_instance_keys(Group& file, Config& config) {
  file.read("instance", config.instance, Text{"a name", "\"edge-1\""});
  if (const auto workers = file.find("workers")) read_workers(*workers, config);
  file.read("idle", config.idle,
            OneOf<Idle>{{{"spin", Idle::Spin}, {"yield", Idle::Yield}, {"sleep", Idle::Sleep}}});
  file.read("punt_rate", config.punt_rate, Whole{0, 10'000'000, config.punt_rate});
  file.read("icmp_error_rate", config.icmp_error_rate,
            Whole{0, 10'000'000, config.icmp_error_rate});
  config.zoning = read_zoning(file);
  if (const auto eal = file.find("eal")) config.eal = read_eal(*eal);
  if (const auto flows = file.find("flows")) config.flows = read_flows(*flows);
  if (const auto sticky = file.find("sticky")) config.sticky = read_sticky(*sticky);
  if (const auto queues = file.find("surge_queues")) {
    config.surge_queues = read_surge_queues(*queues);
  }
  if (const auto log = file.find("flow_log")) config.flow_log = read_flow_log(*log);
}

template <class Element, class Read>
void read_list(Group& file, const char* key, std::vector<Element>& list, Read read_element) {
  const auto value = file.find(key);
  if (!value) return;
  const auto elements = value->elements("( { … }, { … } )");
  if (!elements) return;
  for (const Value& one : *elements) list.push_back(read_element(one));
}

void read_file(const libconfig::Setting& root, Config& config, Findings& findings) {
  Group file{Value{root, "", findings}};
  read_instance_keys(file, config);
  if (!file.find("ports")) {
    findings.complaints.add({.setting = "ports",
                             .problem = "is missing",
                             .allowed = "a list of ports",
                             .remedy = "Add ports = ( { name = \"front\"; device = \"…\"; … } );"});
  }
  read_list(file, "ports", config.ports, read_port);
  read_list(file, "neighbours", config.neighbours, read_neighbour);
  read_list(file, "target_groups", config.target_groups, read_target_group);
  read_list(file, "listeners", config.listeners, read_listener);
  read_list(file, "security_groups", config.security_groups, read_security_group);
  file.read("balancer_security_groups", config.balancer_security_groups,
            ListOf<Text>{{"the name of a security group", "\"web\""}});
  file.read("revalidate_flows", config.revalidate_flows, Flag{});
  file.finish();
}

/// libconfig says little; this is what operators did when it said so.
Error syntax_error(std::string_view problem) {
  if (problem == "duplicate setting name") {
    return {.problem = "a key of this line is there twice",
            .allowed = "each key once in a group { }, and once outside of groups",
            .remedy = "Remove one of the two; several of a kind go in a list ( { … }, { … } )."};
  }
  if (problem == "mismatched element type in array") {
    return {.problem = "values of different types are in one array",
            .allowed = "one type between [ and ]",
            .remedy = "Strings and addresses need double quotes, numbers must have none."};
  }
  return {.problem = std::string{problem},
          .allowed = "KEY = VALUE; with strings and addresses in double quotes",
          .remedy = "Look in this line and the one before for a missing quote, ';', ',' or '='."};
}

Error at(const Source& source, Place place, Error error) {
  error.file = place.file < source.files.size() ? source.files[place.file] : "";
  error.line = place.line;
  return error;
}

/// What libconfig has to say about the text.
std::optional<Error> parse(libconfig::Config& parser, const Source& source) {
  try {
    parser.readString(source.text);
  } catch (const libconfig::ParseException& exception) {
    const auto line = static_cast<unsigned>(exception.getLine());
    Error error = syntax_error(exception.getError());
    error.value = in_quotes(source.line_text(line));
    return at(source, source.place(line), std::move(error));
  }
  return std::nullopt;
}

Reading parse(std::shared_ptr<const Source> whole) {
  const Source& source = *whole;
  Reading reading;
  Config& config = reading.config;
  config.file = source.files.front();
  config.places.files = source.files;
  config.source = std::move(whole);
  libconfig::Config parser;
  if (auto error = parse(parser, source)) {
    reading.errors.push_back(std::move(*error));
    return reading;
  }
  if (parser.getRoot().getLength() == 0) {
    reading.errors.push_back(at(source, {},
                                {.problem = "there is no setting in this file",
                                 .allowed = "at least ports, and what is served over them",
                                 .remedy = "Start from one of the files in config/examples/."}));
    return reading;
  }
  Complaints complaints{config.places};
  Findings findings{source, config.places, complaints};
  read_file(parser.getRoot(), config, findings);
  reading.unread = complaints.paths();
  reading.errors = complaints.take();
  reading.parsed = true;
  return reading;
}

Reading parse(std::variant<Source, Errors> source) {
  if (auto* errors = std::get_if<Errors>(&source)) {
    Reading refused;
    refused.errors = std::move(*errors);
    return refused;
  }
  auto whole = std::make_shared<const Source>(std::move(std::get<Source>(source)));
  try {
    return parse(whole);
  } catch (const libconfig::ConfigException& exception) {
    // Types are asked for before they are used, so this is our mistake; it still ends here.
    Reading refused;
    refused.errors.push_back({.file = whole->files.front(),
                              .problem = exception.what(),
                              .allowed = "a configuration",
                              .remedy = "Please report this as a bug, with the file."});
    return refused;
  }
}

std::variant<Config, Errors> whole(Reading reading) {
  if (!reading.errors.empty()) return std::move(reading.errors);
  return std::move(reading.config);
}

}  // namespace

std::variant<Config, Errors> read(const std::string& path) { return whole(read_all(path)); }

std::variant<Config, Errors> read_text(std::string_view text, const std::string& name) {
  return whole(read_all_text(text, name));
}

Reading read_all(const std::string& path) { return parse(load_source(path)); }

Reading read_all_text(std::string_view text, const std::string& name) {
  return parse(text_source(text, name));
}

Reading read_all(const Source& source) { return parse(std::variant<Source, Errors>{source}); }

std::variant<std::vector<Target>, Errors> read_targets(const std::vector<std::string>& texts,
                                                       std::uint16_t port) {
  std::string text = "targets = (";
  for (std::size_t i = 0; i < texts.size(); ++i) text += (i == 0 ? "\n" : ",\n") + texts[i];
  auto source = text_source(text + " );\n", "");
  if (auto* errors = std::get_if<Errors>(&source)) return std::move(*errors);
  std::vector<Target> targets;
  Places places;
  Complaints complaints{places};
  try {
    libconfig::Config parser;
    if (auto error = parse(parser, std::get<Source>(source))) return Errors{std::move(*error)};
    Findings findings{std::get<Source>(source), places, complaints};
    Group list{Value{parser.getRoot(), "", findings}};
    read_list(list, "targets", targets,
              [port](const Value& value) { return read_target(value, port); });
  } catch (const libconfig::ConfigException& exception) {
    return Errors{{.problem = exception.what(),
                   .allowed = "targets as in the configuration",
                   .remedy = "Please report this as a bug, with the request."}};
  }
  Errors errors = complaints.take();
  for (Error& error : errors) error.line = 0;
  if (!errors.empty()) return errors;
  for (Target& target : targets) target.line = 0;
  return targets;
}

}  // namespace config
