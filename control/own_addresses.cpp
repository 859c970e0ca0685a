#include "control/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <optional>

namespace control {
namespace {

std::optional<dataplane::IpAddress> address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    dataplane::Ipv4Address result;
    std::memcpy(static_cast<void*>(&result), &v4.sin_addr, sizeof result);
    return result;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    dataplane::Ipv6Address result;
    std::memcpy(static_cast<void*>(&result), &v6.sin6_addr, sizeof result);
    return result;
  }
  return std::nullopt;
}

}  // namespace

std::set<dataplane::IpAddress> addresses_on(const std::set<std::string>& interfaces) {
  std::set<dataplane::IpAddress> found;
  ifaddrs* list = nullptr;
  if (interfaces.empty() || getifaddrs(&list) != 0) return found;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (!interfaces.contains(one->ifa_name)) continue;
    if (const auto address = address_of(one->ifa_addr)) found.insert(*address);
  }
  return found;
}

}  // namespace control
