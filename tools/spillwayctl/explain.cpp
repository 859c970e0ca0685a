#include "tools/spillwayctl/explain.h"

#include <fmt/core.h>

#include <string>
#include <variant>

#include "tools/explain/story.h"
#include "tools/spillwayctl/ask.h"
#include "tools/spillwayctl/control_client.h"

namespace tools {

namespace options = boost::program_options;

void add_packet(OptionsDescription& description) {
  description.add_options()("from", options::value<std::string>()->value_name("ADDRESS:PORT"),
                            "the client's address and port, required")(
      "to", options::value<std::string>()->value_name("ADDRESS:PORT"),
      "the listener's address and port, required")(
      "proto,p", options::value<std::string>()->value_name("tcp|udp")->default_value("tcp"),
      "the packet's protocol")("flags", options::value<std::string>()->value_name("LIST"),
                               "a TCP packet's flags, such as ACK or FIN,ACK (default: SYN)")(
      "port", options::value<std::string>()->value_name("NAME"),
      "the port that it comes in by (default: where the client is)");
}

int run_explain(const Context& context, const Options& given) {
  for (const char* needed : {"from", "to"}) {
    if (given.count(needed) != 0) continue;
    return misused(fmt::format("--{} is missing, such as --{} 198.51.100.7:5555", needed, needed),
                   "explain");
  }
  std::string query = "?protocol=" + encoded(given["proto"].as<std::string>());
  for (const char* name : {"from", "to", "flags", "port"}) {
    if (given.count(name) == 0) continue;
    query += fmt::format("&{}={}", name, encoded(given[name].as<std::string>()));
  }
  const auto answer = ask(context, "GET", "/v1/explain" + query);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const Json& document = std::get<Json>(answer);
  if (context.json) {
    print(document);
  } else {
    print(explain::story_text(document));
  }
  return done;
}

}  // namespace tools
