#include "config/restart.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "config/complaints.h"

namespace config {
namespace {

std::string text(const std::string& value) { return in_quotes(value); }
std::string text(bool value) { return value ? "true" : "false"; }
std::string text(std::uint32_t value) { return std::to_string(value); }
std::string text(std::uint16_t value) { return std::to_string(value); }
std::string text(Idle idle) {
  return idle == Idle::Spin ? "\"spin\"" : idle == Idle::Yield ? "\"yield\"" : "\"sleep\"";
}
std::string text(Hugepages hugepages) {
  return hugepages == Hugepages::Automatic ? "\"auto\""
         : hugepages == Hugepages::On      ? "\"on\""
                                           : "\"off\"";
}
std::string text(WantedSteering steering) {
  return steering == WantedSteering::Automatic ? "\"auto\""
         : steering == WantedSteering::HandOff ? "\"hand_off\""
                                               : "\"rss\"";
}
std::string text(const std::optional<dataplane::MacAddress>& mac) {
  return mac ? in_quotes(to_string(*mac)) : "not set";
}
template <class Address>
std::string text(const std::vector<Address>& values) {
  std::string list;
  for (const Address& value : values)
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", to_string(value));
  return "[" + list + "]";
}

class Comparison {
 public:
  explicit Comparison(const Config& wanted) : complaints_(wanted.places) {}

  template <class T>
  void same(const std::string& path, const T& running, const T& wanted) {
    if (running == wanted) return;
    add(path, text(running), text(wanted));
  }
  void add(const std::string& path, const std::string& running, const std::string& wanted) {
    complaints_.add({.setting = path,
                     .value = wanted,
                     .problem = "cannot change while spillway runs",
                     .allowed = fmt::format("what it runs with, {}", running),
                     .remedy = "Put it back, or restart spillway for it."});
  }
  [[nodiscard]] Errors take() { return complaints_.take(); }

 private:
  Complaints complaints_;
};

std::string workers_text(const Config& config) {
  if (config.worker_cpus.empty()) return std::to_string(config.workers);
  std::string list;
  for (const int cpu : config.worker_cpus)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", cpu);
  return "[" + list + "]";
}

void compare_port(Comparison& comparison, const Port& running, const Port& wanted,
                  const std::string& path) {
  comparison.same(path + ".name", running.name, wanted.name);
  comparison.same(path + ".device", running.device, wanted.device);
  comparison.same(path + ".addresses", running.addresses, wanted.addresses);
  comparison.same(path + ".gateways", running.gateways, wanted.gateways);
  comparison.same(path + ".local_addresses", running.local_addresses, wanted.local_addresses);
  comparison.same(path + ".vlan", running.vlan, wanted.vlan);
  comparison.same(path + ".mtu", running.mtu, wanted.mtu);
  comparison.same(path + ".steering", running.steering, wanted.steering);
  comparison.same(path + ".queue_descriptors", running.queue_descriptors, wanted.queue_descriptors);
  comparison.same(path + ".mac", running.mac, wanted.mac);
  comparison.same(path + ".kernel_path", running.kernel_path, wanted.kernel_path);
  comparison.same(path + ".promiscuous", running.promiscuous, wanted.promiscuous);
}

}  // namespace

Errors restart_needed(const Config& running, const Config& wanted) {
  Comparison comparison{wanted};
  comparison.same("instance", running.instance, wanted.instance);
  if (running.workers != wanted.workers || running.worker_cpus != wanted.worker_cpus) {
    comparison.add("workers", workers_text(running), workers_text(wanted));
  }
  comparison.same("idle", running.idle, wanted.idle);
  comparison.same("eal.hugepages", running.eal.hugepages, wanted.eal.hugepages);
  comparison.same("eal.memory_megabytes", running.eal.memory_megabytes,
                  wanted.eal.memory_megabytes);
  comparison.same("eal.pci", running.eal.pci, wanted.eal.pci);
  comparison.same("flows.capacity", running.flows.capacity, wanted.flows.capacity);
  // Tables that nobody needs any more may stay.
  if (wanted.flows.capacity_ipv6 || ipv6_capacity(wanted) != 0) {
    comparison.same("flows.capacity_ipv6", ipv6_capacity(running), ipv6_capacity(wanted));
  }
  comparison.same("sticky.capacity", running.sticky.capacity, wanted.sticky.capacity);
  // Where it is left out, the queues share what there is.
  if (wanted.surge_queues.capacity) {
    comparison.same("surge_queues.capacity", surge_capacity(running), surge_capacity(wanted));
  }
  // The rings are there whether or not there is a flow log.
  if (wanted.flow_log.on()) {
    comparison.same("flow_log.ring", running.flow_log.ring, wanted.flow_log.ring);
  }
  if (running.ports.size() != wanted.ports.size()) {
    comparison.add("ports", fmt::format("{} ports", running.ports.size()),
                   fmt::format("{} ports", wanted.ports.size()));
    return comparison.take();  // which is which cannot be told
  }
  for (std::size_t i = 0; i < wanted.ports.size(); ++i) {
    compare_port(comparison, running.ports[i], wanted.ports[i], element("ports", i));
  }
  return comparison.take();
}

}  // namespace config
