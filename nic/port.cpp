#include "nic/port.h"

#include <fmt/format.h>
#include <net/if.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

namespace nic {
namespace {

/// The kernel's view of an interface under a vdev.
std::optional<ifreq> ask_interface(const std::string& interface, unsigned long request) {
  ifreq answer;
  std::memset(&answer, 0, sizeof answer);
  interface.copy(answer.ifr_name, IFNAMSIZ - 1);
  const int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return std::nullopt;
  const bool asked = ioctl(socket_fd, request, &answer) == 0;
  close(socket_fd);
  return asked ? std::optional(answer) : std::nullopt;
}

std::uint32_t interface_megabits(const std::string& interface) {
  long megabits = 0;
  std::ifstream("/sys/class/net/" + interface + "/speed") >> megabits;
  return megabits > 0 ? static_cast<std::uint32_t>(megabits) : 0;
}

/// The largest MTU that the device's info allows, as rte_eth_dev_configure reckons.
std::uint32_t mtu_max(const rte_eth_dev_info& info, std::string_view driver) {
  if (driver == "net_af_xdp") return af_xdp_mtu_max;
  if (info.max_mtu != UINT16_MAX) return info.max_mtu;
  const std::uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
  if (info.max_rx_pktlen <= overhead) return UINT16_MAX;
  return std::min<std::uint32_t>(info.max_rx_pktlen - overhead, UINT16_MAX);
}

rte_eth_conf configuration(const rte_eth_dev_info& info, const PortOptions& options,
                           PortQueues queues) {
  rte_eth_conf conf;
  std::memset(&conf, 0, sizeof conf);
  conf.rxmode.mtu = options.mtu;
  const std::uint64_t hashes = rss_types(info.flow_type_rss_offloads, options.rss.fields);
  if (queues.count > 1 && hashes != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = hashes;
  }
  // FAST_FREE: every buffer of a transmit queue comes from one pool and has one owner.
  if (queues.only_pool) {
    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  }
  conf.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0 ? 1 : 0;
  return conf;
}

}  // namespace

Port::Port(AttachedDevice attached, const PortOptions& options, std::uint16_t queues,
           const MbufPool& pool)
    : attached_(std::move(attached)),
      options_(options),
      driver_(attached_.driver()),
      queues_(queues),
      pool_(pool) {}

Failure Port::failure(const std::string& what, int error, EalLog& log) const {
  const std::string complaints = log.complaints();
  const std::string advice = attach_remedy(attached_.device(), complaints);
  return Failure{fmt::format("port '{}' ({}): {}: {}{}{}", options_.name, options_.device, what,
                             rte_strerror(-error),
                             complaints.empty() ? "" : fmt::format(" ({})", complaints),
                             advice.empty() ? "" : fmt::format("; {}", advice))};
}

Result<std::unique_ptr<Port>> Port::start(AttachedDevice attached, const PortOptions& options,
                                          PortQueues queues, const MbufPool& pool, EalLog& log) {
  std::unique_ptr<Port> port(new Port(std::move(attached), options, queues.count, pool));
  const std::uint32_t before = pool.in_use();
  log.begin_step();
  if (auto problem = port->configure(queues.only_pool, log)) return std::move(*problem);
  if (auto problem = port->set_mac()) return std::move(*problem);
  const int error = rte_eth_dev_start(port->number());
  if (error != 0) return port->failure("it does not start", error, log);
  port->started_ = true;
  port->queue_drops_ = QueueDrops(port->number(), port->queues());
  if (options.promiscuous) {
    const int refused = rte_eth_promiscuous_enable(port->number());
    if (refused != 0 && refused != -ENOTSUP) {
      return port->failure("promiscuous mode is refused", refused, log);
    }
  }
  // IPv6 asks for neighbours by multicast. A device that cannot filter hears it all anyway, as
  // virtual ones do; one that refuses says so.
  const int deaf = rte_eth_allmulticast_enable(port->number());
  if (deaf != 0 && deaf != -ENOTSUP) {
    return port->failure("it refuses to receive all multicast", deaf, log);
  }
  if (auto problem = port->set_rss()) return std::move(*problem);
  // Nobody else uses the pool yet, so this is what the driver's receive side took.
  if (port->driver_ == "net_af_xdp") port->kept_by_driver_ = pool.in_use() - before;
  return port;
}

std::optional<Failure> Port::configure(bool only_pool, EalLog& log) {
  rte_eth_dev_info info;
  const int unknown = rte_eth_dev_info_get(number(), &info);
  if (unknown != 0) return failure("it does not answer", unknown, log);
  const std::uint32_t mtu_limit = mtu_max(info, driver_);
  if (options_.mtu > mtu_limit || options_.mtu < info.min_mtu) {
    return Failure{fmt::format("port '{}': mtu = {}: {} takes {} to {}", options_.name,
                               options_.mtu, driver_, info.min_mtu, mtu_limit)};
  }
  if (driver_ == "net_af_xdp") {
    if (auto problem = check_for_af_xdp()) return problem;
  }
  rte_eth_conf conf = configuration(info, options_, {queues_, only_pool});
  const std::size_t key_size = rss_key_size(info);
  if (options_.rss.key.size() >= key_size) {
    conf.rx_adv_conf.rss_conf.rss_key = options_.rss.key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(key_size);
  }
  const int error = rte_eth_dev_configure(number(), queues_, queues_, &conf);
  if (error != 0) return failure(fmt::format("{} queues are refused", queues_), error, log);
  if (auto problem = set_mtu(log)) return problem;
  return set_up_queues(only_pool, log);
}

std::optional<Failure> Port::check_for_af_xdp() const {
  if (pool_.get()->nb_mem_chunks != 1) {
    return Failure{
        fmt::format("port '{}': net_af_xdp needs its packet buffers in one piece, and they are in "
                    "{}; start with "
                    "--eal \"--iova-mode=va\"",
                    options_.name, pool_.get()->nb_mem_chunks)};
  }
  const std::uint32_t bytes =
      rte_mempool_calc_obj_size(pool_.get()->elt_size, pool_.get()->flags, nullptr);
  if (bytes <= 4096) return std::nullopt;
  return Failure{
      fmt::format("port '{}': net_af_xdp needs packet buffers of one page at most, and another "
                  "port's mtu makes "
                  "them {} bytes; set that mtu to {} or less",
                  options_.name, bytes, af_xdp_mtu_max)};
}

std::optional<Failure> Port::set_up_queues(bool only_pool, EalLog& log) {
  rte_eth_dev_info info;
  rte_eth_dev_info_get(number(), &info);
  // Powers of two suit every device; some insist.
  std::uint16_t receive = std::bit_ceil(options_.queue_descriptors);
  std::uint16_t transmit = receive;
  rte_eth_dev_adjust_nb_rx_tx_desc(number(), &receive, &transmit);
  rte_eth_rxconf receive_conf = info.default_rxconf;
  receive_conf.offloads = 0;
  rte_eth_txconf transmit_conf = info.default_txconf;
  transmit_conf.offloads = configuration(info, options_, {queues_, only_pool}).txmode.offloads;
  const auto node = static_cast<unsigned>(attached_.numa_node());
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    int error = rte_eth_rx_queue_setup(number(), queue, receive, node, &receive_conf, pool_.get());
    if (error != 0) return failure(fmt::format("receive queue {}", queue), error, log);
    error = rte_eth_tx_queue_setup(number(), queue, transmit, node, &transmit_conf);
    if (error != 0) return failure(fmt::format("transmit queue {}", queue), error, log);
  }
  return std::nullopt;
}

std::optional<Failure> Port::set_mtu(EalLog& log) {
  const std::string interface = attached_.device().interface();
  if (!interface.empty()) {
    const auto now = ask_interface(interface, SIOCGIFMTU);
    if (now && now->ifr_mtu == options_.mtu) return std::nullopt;
  }
  const int error = rte_eth_dev_set_mtu(number(), options_.mtu);
  if (error == 0 || error == -ENOTSUP) return std::nullopt;  // no MTU of its own: memif, pcap, null
  return failure(fmt::format("mtu = {} is refused", options_.mtu), error, log);
}

std::optional<Failure> Port::set_mac() {
  rte_ether_addr address;
  std::memset(&address, 0, sizeof address);
  if (options_.mac) {
    std::memcpy(&address, options_.mac->bytes.data(), sizeof address);
    const int error = rte_eth_dev_default_mac_addr_set(number(), &address);
    // A memif or a ring takes any frame: the address is only ours then. A kernel interface does
    // not.
    if (error != 0 && (error != -ENOTSUP || !attached_.device().interface().empty())) {
      return Failure{fmt::format(
          "port '{}': {} does not take another MAC address: {}; leave 'mac' out, or set it on the "
          "kernel's interface (ip link set dev {} address {})",
          options_.name, driver_, rte_strerror(-error), attached_.device().interface(),
          dataplane::to_string(*options_.mac))};
    }
  } else {
    rte_eth_macaddr_get(number(), &address);
    if (rte_is_zero_ether_addr(&address)) rte_eth_random_addr(address.addr_bytes);  // net_ring
  }
  std::memcpy(mac_.bytes.data(), &address, sizeof address);
  return std::nullopt;
}

std::optional<Failure> Port::set_rss() {
  const UseRss use = options_.rss.use;
  if (queues_ > 1) {
    if (use == UseRss::Never) {
      rss_.lacks = "is not to use it";
    } else if (use == UseRss::Automatic && !attached_.device().pci) {
      rss_.lacks = "is a virtual device, whose RSS may be in name only";
    } else {
      rss_ = settle_rss(number(), queues_);
    }
  }
  if (use != UseRss::Always) return std::nullopt;
  if (rss_.state && rss_.state->fields == options_.rss.fields) return std::nullopt;
  return Failure{fmt::format(
      "port '{}': steering = \"rss\": {} {}; leave 'steering' out, and packets are handed over "
      "between workers",
      options_.name, driver_,
      rss_.state ? "cannot hash one end alone (L3_SRC_ONLY, L4_SRC_ONLY, L3_DST_ONLY, "
                   "L4_DST_ONLY), which target groups in mode nat need"
                 : rss_.lacks)};
}

LinkState Port::link() const {
  const std::string interface = attached_.device().interface();
  if (!interface.empty()) {  // its driver says "up" whatever the interface does
    const auto flags = ask_interface(interface, SIOCGIFFLAGS);
    const bool up =
        flags && (flags->ifr_flags & IFF_UP) != 0 && (flags->ifr_flags & IFF_RUNNING) != 0;
    return {.up = up, .megabits = interface_megabits(interface)};
  }
  rte_eth_link link;
  std::memset(&link, 0, sizeof link);
  if (rte_eth_link_get_nowait(number(), &link) != 0) return {};
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.up = link.link_status == RTE_ETH_LINK_UP, .megabits = known ? link.link_speed : 0};
}

PortStatistics Port::statistics() const {
  rte_eth_stats stats;
  std::memset(&stats, 0, sizeof stats);
  if (rte_eth_stats_get(number(), &stats) != 0) return {};
  return {.received = stats.ipackets,
          .sent = stats.opackets,
          .missed = stats.imissed,
          .errors = stats.ierrors,
          .received_bytes = stats.ibytes,
          .sent_bytes = stats.obytes,
          .no_buffer = stats.rx_nombuf,
          .send_errors = stats.oerrors};
}

void Port::collect_sent() {
  if (kept_by_driver_ == 0) return;
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    rte_eth_tx_burst(number(), queue, nullptr, 0);
  }
}

void Port::stop() {
  if (!started_) return;
  started_ = false;
  if (options_.promiscuous) rte_eth_promiscuous_disable(number());
  rte_eth_dev_stop(number());
}

}  // namespace nic
