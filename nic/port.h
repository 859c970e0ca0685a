// Port: one ethdev, started: its queues filled from one pool, MTU and MAC set, receiving.
//
// Made in two steps because pools are shared: attach() finds the device and says what it can do;
// with that the pools are sized; Port::start() configures it. Control asks for link and statistics;
// workers use only number() and their queue, which nobody else touches. Offloads: none but
// FAST_FREE (every other one makes many drivers leave their vector path); VLAN tags and checksums
// are done in software.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"
#include "nic/device.h"
#include "nic/eal_log.h"
#include "nic/failure.h"
#include "nic/mbuf_pool.h"
#include "nic/queue_drops.h"
#include "nic/rss.h"

namespace nic {

struct PortOptions {
  std::string name;    // also the TAP twin's interface name
  std::string device;  // PCI address or vdev string
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 1500;
  std::uint16_t queue_descriptors = 1024;
  std::optional<dataplane::MacAddress> mac{};  // nullopt: the device's own
  bool kernel_path = true;
  bool promiscuous = false;
  RssOptions rss{};
};

/// A device that DPDK has; closed when this goes away. Whoever started it stops it before.
class AttachedDevice {
 public:
  /// A device that is there already (made by --vdev, or by a test) is taken as it is.
  [[nodiscard]] static Result<AttachedDevice> attach(const PortOptions& options, EalLog& log);
  AttachedDevice(AttachedDevice&& other) noexcept
      : device_(std::move(other.device_)),
        number_(std::exchange(other.number_, none)),
        ours_(other.ours_) {}
  AttachedDevice& operator=(AttachedDevice&&) = delete;
  ~AttachedDevice();

  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] std::uint16_t number() const { return number_; }  // ethdev's
  [[nodiscard]] int numa_node() const;  // the control thread's, where the device has none
  [[nodiscard]] std::uint16_t queues_max() const;  // pairs that may be used
  [[nodiscard]] std::string driver() const;

 private:
  static constexpr std::uint16_t none = 0xffff;
  AttachedDevice(Device device, std::uint16_t number, bool ours)
      : device_(std::move(device)), number_(number), ours_(ours) {}
  Device device_;
  std::uint16_t number_;
  bool ours_;  // attached by us, so removed by us
};

struct LinkState {
  bool up = false;
  std::uint32_t megabits = 0;  // 0: not known
};

/// The device's own figures since start.
struct PortStatistics {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t missed = 0;  // no descriptor when it arrived
  std::uint64_t errors = 0;  // arrived damaged
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t no_buffer = 0;    // no packet buffer when it arrived
  std::uint64_t send_errors = 0;  // taken and not sent
};

struct PortQueues {
  std::uint16_t count = 1;  // pairs
  bool only_pool = true;    // all buffers of the process come from this port's pool
};

class Port {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Port>> start(AttachedDevice attached,
                                                           const PortOptions& options,
                                                           PortQueues queues, const MbufPool& pool,
                                                           EalLog& log);
  ~Port() { stop(); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const std::string& device() const { return options_.device; }
  [[nodiscard]] const std::string& driver() const { return driver_; }
  [[nodiscard]] std::uint16_t number() const { return attached_.number(); }
  [[nodiscard]] const dataplane::MacAddress& mac() const { return mac_; }
  [[nodiscard]] std::uint16_t mtu() const { return options_.mtu; }
  [[nodiscard]] std::uint16_t vlan() const { return options_.vlan; }
  [[nodiscard]] std::uint16_t queues() const { return queues_; }
  [[nodiscard]] const MbufPool& pool() const { return pool_; }
  /// How it spreads what it receives over its queues, where that can be reckoned with.
  [[nodiscard]] const RssAnswer& rss() const { return rss_; }

  // --- control ---
  [[nodiscard]] LinkState link() const;
  [[nodiscard]] PortStatistics statistics() const;
  /// QueueDrops::read()
  [[nodiscard]] std::vector<std::uint64_t> dropped_by_queue() const { return queue_drops_.read(); }
  /// Takes back buffers that the kernel has sent; net_af_xdp does so only while it sends.
  void collect_sent();
  /// No more packets either way. Workers have left it.
  void stop();
  /// Buffers that its driver never gives back, not even when closed (net_af_xdp's fill ring).
  [[nodiscard]] std::uint32_t kept_by_driver() const { return kept_by_driver_; }

 private:
  Port(AttachedDevice attached, const PortOptions& options, std::uint16_t queues,
       const MbufPool& pool);
  [[nodiscard]] std::optional<Failure> configure(bool only_pool, EalLog& log);
  [[nodiscard]] std::optional<Failure> check_for_af_xdp() const;
  [[nodiscard]] std::optional<Failure> set_up_queues(bool only_pool, EalLog& log);
  [[nodiscard]] std::optional<Failure> set_mtu(EalLog& log);
  [[nodiscard]] std::optional<Failure> set_mac();
  [[nodiscard]] std::optional<Failure> set_rss();
  [[nodiscard]] Failure failure(const std::string& what, int error, EalLog& log) const;

  AttachedDevice attached_;
  PortOptions options_;
  std::string driver_;
  std::uint16_t queues_;
  const MbufPool& pool_;
  dataplane::MacAddress mac_;
  std::uint32_t kept_by_driver_ = 0;
  RssAnswer rss_{.state = std::nullopt, .lacks = "has one queue"};
  QueueDrops queue_drops_;
  bool started_ = false;
};

}  // namespace nic
