#include "tools/spillwayctl/ask.h"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "tools/report/place.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"

namespace tools {

std::variant<Json, int> ask(const Context& context, std::string_view method,
                            const std::string& target, const Json& body) {
  const auto name = name_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&name)) return fail(error->message);
  const auto& instance = std::get<std::string>(name);
  const std::string text =
      body.is_null() ? "" : body.dump(-1, ' ', false, Json::error_handler_t::replace);
  auto answer = request(report::socket_path(context.run_directory, instance), instance, method,
                        target, patience, text);
  if (const auto* error = std::get_if<std::string>(&answer)) return fail(*error);
  auto& response = std::get<Response>(answer);
  if (response.status == 200) return std::move(response.document);
  const std::string sentence = tools::text(response.document, "error");
  fail(sentence.empty() ? fmt::format("instance {} answered {}", instance, response.status)
                        : sentence);
  return response.status == 400 ? bad_usage : failed;
}

void print(const std::string& lines) { std::fputs(lines.c_str(), stdout); }

void print(const Json& document) {
  print(document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

View view_now(const Context& context) {
  return {.now_unix_milliseconds = report::now_unix_milliseconds(),
          .colours = context.colours,
          .wide = false,
          .earlier = nullptr,
          .seconds = 0};
}

}  // namespace tools
