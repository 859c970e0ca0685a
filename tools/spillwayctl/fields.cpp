#include "tools/spillwayctl/fields.h"

#include <fmt/core.h>

#include "dataplane/packet/address.h"
#include "tools/spillwayctl/quantity.h"

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

namespace {

/// "80", a listener's "5000-5999" or "all", a target's "same".
std::string ports(const Json& object) {
  const std::uint64_t first = number(object, "port");
  if (first == 0) return "same";
  const std::uint64_t last = number(object, "port_last");
  if (last <= first) return std::to_string(first);
  return to_string(
      dataplane::PortRange{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
}

}  // namespace

std::string endpoint(const Json& object) {
  const auto address = text(object, "address");
  const bool ipv6 = address.find(':') != std::string_view::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), address, ports(object));
}

std::string whole(const Json& object, const char* field) {
  return count(static_cast<double>(number(object, field)));
}

std::string volume(const Json& object, const char* field) {
  return bytes(static_cast<double>(number(object, field)));
}

double rate(const Json& now, const Json* earlier, const char* field, double seconds) {
  if (earlier == nullptr || seconds <= 0) return 0;
  const std::uint64_t before = number(*earlier, field);
  const std::uint64_t after = number(now, field);
  return after < before ? 0 : static_cast<double>(after - before) / seconds;
}

}  // namespace tools
