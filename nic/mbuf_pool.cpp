#include "nic/mbuf_pool.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "dataplane/burst.h"
#include "nic/hugepages.h"

namespace nic {
namespace {

// The kernel writes behind 256 bytes of its own headroom; Ethernet and a VLAN tag.
constexpr std::uint32_t af_xdp_overhead = 256 + 14 + 4;

// Sizes that net_af_xdp takes whatever it is asked for (its XSK_RING_CONS__DEFAULT_NUM_DESCS).
constexpr std::uint64_t af_xdp_descriptors = 2048;

std::uint64_t number(const std::optional<std::string>& text, std::uint64_t otherwise) {
  std::uint64_t value = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

/// What a driver holds beyond its queues' descriptors.
std::uint64_t driver_buffers(const Device& device, std::uint64_t queues) {
  if (device.driver == "net_af_xdp") {
    return queues * 3 * af_xdp_descriptors;  // fill ring (twice the size) and completion ring
  }
  if (device.driver == "net_memif" && device.argument("zero-copy") == "yes") {
    const std::uint64_t log2_size =
        std::min<std::uint64_t>(number(device.argument("rsize"), 10), 14);
    return queues * 2 * (std::uint64_t{1} << log2_size);
  }
  if (device.driver == "net_pcap" && device.argument("infinite_rx") == "1") {
    return queues * pcap_records(device.argument("rx_pcap").value_or(""));
  }
  return 0;
}

std::uint16_t room_for(const Device& device, std::uint16_t mtu) {
  if (device.driver == "net_af_xdp") {
    const std::uint32_t wanted = std::max(mtu + af_xdp_overhead, 2048u);
    return static_cast<std::uint16_t>((wanted + 63) / 64 * 64);
  }
  // Ethernet, one VLAN tag, a second one that only passes, checksum: some NICs store it.
  const std::uint64_t frame = mtu + 14u + 4u + 4u + 4u;
  // af_packet wants a whole ring frame to fit; NICs round what is there down to a multiple of 1 kB.
  const std::uint64_t wanted =
      std::max({frame, number(device.argument("framesz"), 0), std::uint64_t{2048}});
  return static_cast<std::uint16_t>(
      std::min<std::uint64_t>((wanted + 1023) / 1024 * 1024, 63u << 10));
}

/// What rte_pktmbuf_pool_create does, but in one piece and without regard to pages. Null: see
/// rte_errno.
rte_mempool* create_packed(const std::string& name, const BufferPlan& plan, int numa_node) {
  const auto elt_size = static_cast<unsigned>(sizeof(rte_mbuf) + plan.data_room);
  rte_mempool* pool = rte_mempool_create_empty(name.c_str(), plan.pool_size(), elt_size, mbuf_cache,
                                               sizeof(rte_pktmbuf_pool_private), numa_node,
                                               RTE_MEMPOOL_F_NO_IOVA_CONTIG);
  if (pool == nullptr) return nullptr;
  const auto give_up = [pool](int error) -> rte_mempool* {
    rte_mempool_free(pool);
    rte_errno = error;
    return nullptr;
  };
  int error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
  if (error != 0) return give_up(-error);
  rte_pktmbuf_pool_private sizes;
  std::memset(&sizes, 0, sizeof sizes);
  sizes.mbuf_data_room_size = plan.data_room;
  rte_pktmbuf_pool_init(pool, &sizes);

  const std::size_t each = pool->header_size + pool->elt_size + pool->trailer_size;
  const rte_memzone* memory =
      rte_memzone_reserve_aligned(name.c_str(), each * pool->size, numa_node,
                                  RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY, 4096);
  if (memory == nullptr) return give_up(rte_errno);
  const auto release = [](rte_mempool_memhdr*, void* zone) {
    rte_memzone_free(static_cast<const rte_memzone*>(zone));
  };
  // Virtual addresses in one piece are IO addresses in one piece here, so a NIC may use them too.
  error = rte_mempool_populate_iova(pool, static_cast<char*>(memory->addr), memory->iova,
                                    memory->len, release, const_cast<rte_memzone*>(memory));
  if (error != static_cast<int>(pool->size)) {
    if (error <= 0) rte_memzone_free(memory);
    return give_up(ENOMEM);
  }
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace

void BufferPlan::add_port(const Device& device, const PortBuffers& port) {
  buffers +=
      std::uint64_t{2} * port.queues * port.descriptors + driver_buffers(device, port.queues);
  data_room =
      std::max(data_room, static_cast<std::uint16_t>(headroom + room_for(device, port.mtu)));
}

void BufferPlan::add_threads(std::uint64_t threads) {
  // A cache is flushed at one and a half times its size.
  buffers += threads * (mbuf_cache * 3 / 2 + 4 * dataplane::Burst::capacity);
}

std::uint32_t BufferPlan::pool_size() const {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(buffers + buffers / 8 + 1024, 1u << 30));
}

std::uint64_t BufferPlan::pool_bytes() const {
  // Object header, mbuf and data, each rounded up to a cache line, and one that spreads channels;
  // the pool's own ring is 8 bytes a buffer, rounded up to a power of two.
  const std::uint64_t each = 64 + sizeof(rte_mbuf) + (data_room + 127u) / 64 * 64 + 64 + 16;
  return pool_size() * each + (2u << 20);
}

std::uint64_t pcap_records(const std::string& file) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rb"),
                                                         &std::fclose);
  if (stream == nullptr) return 0;
  std::array<std::uint32_t, 6> header{};
  if (std::fread(header.data(), sizeof header, 1, stream.get()) != 1) return 0;
  const bool microseconds = header[0] == 0xa1b2c3d4;
  const bool nanoseconds = header[0] == 0xa1b23c4d;
  if (!microseconds && !nanoseconds) return 0;
  std::uint64_t records = 0;
  std::array<std::uint32_t, 4> record{};  // seconds, fraction, bytes stored, bytes on the wire
  while (std::fread(record.data(), sizeof record, 1, stream.get()) == 1) {
    if (std::fseek(stream.get(), static_cast<long>(record[2]), SEEK_CUR) != 0) break;
    ++records;
  }
  return records;
}

Result<MbufPool> MbufPool::create(const std::string& name, const BufferPlan& plan, int numa_node) {
  rte_mempool* pool = rte_eal_iova_mode() == RTE_IOVA_VA
                          ? create_packed(name, plan, numa_node)
                          : rte_pktmbuf_pool_create(name.c_str(), plan.pool_size(), mbuf_cache, 0,
                                                    plan.data_room, numa_node);
  if (pool != nullptr) return MbufPool(pool);
  return Failure{fmt::format(
      "{} packet buffers of {} bytes ({}) cannot be had on NUMA node {}: {}; give DPDK more memory "
      "(eal.memory_megabytes, or more huge pages), or lower queue_descriptors or workers",
      plan.pool_size(), plan.data_room, megabytes(plan.pool_bytes()), numa_node,
      rte_strerror(rte_errno))};
}

}  // namespace nic
