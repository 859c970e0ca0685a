#include "tools/spillwayctl/fields.h"

#include <fmt/core.h>

namespace tools {

std::uint64_t number(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_number()) return 0;
  return found->get<std::uint64_t>();
}

std::string text(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_string()) return {};
  return found->get<std::string>();
}

bool flag(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& elements(const Json& object, const char* field) {
  static const Json none = Json::array();
  const auto found = object.find(field);
  return found != object.end() && found->is_array() ? *found : none;
}

const Json& object(const Json& outer, const char* field) {
  static const Json none = Json::object();
  const auto found = outer.find(field);
  return found != outer.end() && found->is_object() ? *found : none;
}

std::string endpoint(const Json& object) {
  const auto address = text(object, "address");
  const bool ipv6 = address.find(':') != std::string_view::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), address, number(object, "port"));
}

double rate(const Json& now, const Json* earlier, const char* field, double seconds) {
  if (earlier == nullptr || seconds <= 0) return 0;
  const std::uint64_t before = number(*earlier, field);
  const std::uint64_t after = number(now, field);
  return after < before ? 0 : static_cast<double>(after - before) / seconds;
}

}  // namespace tools
