// MbufPool: packet buffers of one NUMA node, and how many of them a set of ports can hold at once.
//
// Sized once at start: a pool that runs dry makes drivers stop receiving without a word, so every
// place that can hold a buffer is added up (BufferPlan), with a margin. At the end in_use() must be
// 0: that law is what Forwarder's stop report states.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "nic/device.h"
#include "nic/failure.h"

namespace nic {

/// Bytes in front of each received frame: what the path may grow into. DPDK's own default.
inline constexpr std::uint16_t headroom = RTE_PKTMBUF_HEADROOM;
inline constexpr std::uint32_t mbuf_cache = 256;  // per thread; the pool's own share of the sum

/// net_af_xdp makes UMEM chunks of whole pool elements, and a chunk is at most a page. 63 cache
/// lines (DPDK rounds 64 up to 65), less element header, mbuf, headroom, the kernel's headroom of
/// 256 bytes, Ethernet header and VLAN tag. Its driver claims 3,542, and frames of that size never
/// arrive.
inline constexpr std::uint16_t af_xdp_mtu_max = 63 * 64 - 64 - 128 - headroom - 256 - 14 - 4;
static_assert(af_xdp_mtu_max == 3438);

/// What one port can hold.
struct PortBuffers {
  std::uint16_t mtu = 1500;
  std::uint16_t queues = 1;          // receive queues, and as many for transmitting
  std::uint16_t descriptors = 1024;  // of each queue
};

/// Everything that can hold a buffer of one pool.
struct BufferPlan {
  std::uint64_t buffers = 0;
  std::uint16_t data_room = 0;  // headroom + the largest frame

  void add_port(const Device& device, const PortBuffers& port);
  void add_rings(std::uint64_t rings, std::uint64_t capacity) { buffers += rings * capacity; }
  /// SYNs in surge queues: they may all have come from this pool.
  void add_held(std::uint64_t packets) { buffers += packets; }
  /// Bursts in hand and caches of `threads` threads.
  void add_threads(std::uint64_t threads);
  /// What is made: the sum, an eighth more, and 1,024.
  [[nodiscard]] std::uint32_t pool_size() const;
  /// Upper bound of a pool's memory.
  [[nodiscard]] std::uint64_t pool_bytes() const;
};

/// Records in a pcap file (0: not one): net_pcap's infinite_rx keeps each in a buffer for ever.
[[nodiscard]] std::uint64_t pcap_records(const std::string& file);

/// Where IO addresses are virtual ones (always without huge pages), the buffers lie packed in one
/// piece, across pages. DPDK's own rte_pktmbuf_pool_create lets none cross a page, so that 4 kB
/// pages would hold one buffer each, and net_af_xdp, which reckons with packed ones, would never
/// reach the upper half of the pool: after some 2,000 frames it went silent.
class MbufPool {
 public:
  [[nodiscard]] static Result<MbufPool> create(const std::string& name, const BufferPlan& plan,
                                               int numa_node);

  [[nodiscard]] rte_mempool* get() const { return pool_.get(); }
  [[nodiscard]] std::string name() const { return pool_->name; }
  [[nodiscard]] std::uint32_t size() const { return pool_->size; }
  /// Buffers that are somewhere else now. Exact only while nobody allocates or frees.
  [[nodiscard]] std::uint32_t in_use() const { return rte_mempool_in_use_count(pool_.get()); }

 private:
  struct Free {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };
  explicit MbufPool(rte_mempool* pool) : pool_(pool) {}
  std::unique_ptr<rte_mempool, Free> pool_;
};

}  // namespace nic
