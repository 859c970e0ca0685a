#include "tools/spillwayctl/ask.h"

#include <fmt/core.h>

#include <filesystem>

#include "tools/report/place.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"

namespace tools {
namespace {

/// The instance that a request goes to.
struct Destination {
  std::string instance;
  std::filesystem::path socket;
};

std::variant<Destination, std::string> destination(const Context& context) {
  const auto name = name_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&name)) return error->message;
  const auto& instance = std::get<std::string>(name);
  return Destination{instance, report::socket_path(context.run_directory, instance)};
}

}  // namespace

std::variant<report::Json, int> ask(const Context& context, std::string_view method,
                                    const std::string& target) {
  const auto to = destination(context);
  if (const auto* error = std::get_if<std::string>(&to)) return fail(*error);
  const auto& [instance, socket] = std::get<Destination>(to);
  auto answer = request(socket, instance, method, target);
  if (const auto* error = std::get_if<std::string>(&answer)) return fail(*error);
  auto& response = std::get<Response>(answer);
  if (response.status == 200) return std::move(response.document);
  const std::string sentence = text(response.document, "error");
  fail(sentence.empty() ? fmt::format("instance {} answered {}", instance, response.status)
                        : sentence);
  return response.status == 400 ? bad_usage : failed;
}

}  // namespace tools
