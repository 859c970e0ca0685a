#include "nic/kernel_port.h"

#include <fmt/format.h>
#include <rte_lcore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dataplane/packet/headers.h"

namespace nic {

using dataplane::Be16;
using dataplane::VlanTag;

bool add_tag(rte_mbuf* packet, std::uint16_t vlan) {
  static constexpr std::size_t addresses = 2 * sizeof(dataplane::MacAddress);
  auto* begin = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_prepend(packet, sizeof(VlanTag)));
  if (begin == nullptr || packet->data_len < sizeof(VlanTag) + addresses) return false;
  std::memmove(begin, begin + sizeof(VlanTag), addresses);
  const Be16 tag[2] = {dataplane::ether_type::vlan, Be16{vlan}};
  std::memcpy(begin + addresses, tag, sizeof tag);
  return true;
}

void remove_tag(rte_mbuf* packet, std::uint16_t vlan) {
  static constexpr std::size_t addresses = 2 * sizeof(dataplane::MacAddress);
  struct Tagged {
    std::uint8_t macs[addresses];
    Be16 type;
    VlanTag tag;
  };
  if (packet->data_len < sizeof(Tagged)) return;
  const auto* frame = rte_pktmbuf_mtod(packet, const Tagged*);
  if (frame->type != dataplane::ether_type::vlan || frame->tag.id() != vlan) return;
  auto* begin = rte_pktmbuf_mtod(packet, std::uint8_t*);
  std::memmove(begin + sizeof(VlanTag), begin, addresses);
  rte_pktmbuf_adj(packet, sizeof(VlanTag));
}

Result<std::unique_ptr<KernelPort>> KernelPort::create(const KernelPortOptions& options,
                                                       const MbufPool& pool) {
  auto tap = Tap::create(options.tap);
  if (auto* failure = std::get_if<Failure>(&tap)) return std::move(*failure);
  auto to_kernel =
      Ring::create("punt-" + options.tap.name, ring_capacity, options.numa_node, options.punters);
  if (auto* failure = std::get_if<Failure>(&to_kernel)) return std::move(*failure);
  auto from_kernel =
      Ring::create("kernel-" + options.tap.name, ring_capacity, options.numa_node, Writers::One);
  if (auto* failure = std::get_if<Failure>(&from_kernel)) return std::move(*failure);
  const int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake < 0) {
    return Failure{
        fmt::format("port '{}': no descriptor for its kernel path: {}; raise the limit "
                    "(ulimit -n)",
                    options.tap.name, std::strerror(errno))};
  }
  return std::unique_ptr<KernelPort>(
      new KernelPort(std::move(std::get<Tap>(tap)), wake, std::move(std::get<Ring>(to_kernel)),
                     std::move(std::get<Ring>(from_kernel)), pool, options.vlan));
}

KernelPort::~KernelPort() { close(wake_); }

unsigned KernelPort::punt(rte_mbuf* const* packets, unsigned count) {
  const unsigned taken = to_kernel_.put(packets, count);
  // acq_rel, with the exchange in to_kernel: either control's comes later and it then sees what was
  // put, or ours comes later and finds false.
  if (taken != 0 && !woken_.exchange(true, std::memory_order_acq_rel)) wake_control();
  return taken;
}

void KernelPort::wake_control() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

unsigned KernelPort::to_kernel() {
  std::uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t size = read(wake_, &wakes, sizeof wakes);
  woken_.exchange(false, std::memory_order_acq_rel);  // before the ring is read; see punt
  std::array<rte_mbuf*, frames_per_call> packets;
  const unsigned count = to_kernel_.take(packets.data(), frames_per_call);
  for (unsigned i = 0; i < count; ++i) {
    if (vlan_ != 0) remove_tag(packets[i], vlan_);
    const auto* frame = rte_pktmbuf_mtod(packets[i], const std::uint8_t*);
    if (!tap_.write({frame, packets[i]->data_len})) ++lost_to_kernel_;
  }
  if (count != 0) rte_pktmbuf_free_bulk(packets.data(), count);
  if (count == frames_per_call) wake_control();  // there may be more: come back after other work
  return count;
}

rte_mbuf* KernelPort::read_frame() {
  rte_mbuf* packet = rte_pktmbuf_alloc(pool_.get());
  if (packet == nullptr) {
    // Read and lose it, or the descriptor would stay readable and control would turn in circles.
    std::array<std::uint8_t, 64> lost;
    if (tap_.read(lost) != 0) ++lost_from_kernel_;
    return nullptr;
  }
  auto* data = rte_pktmbuf_mtod(packet, std::uint8_t*);
  const std::size_t size = tap_.read({data, rte_pktmbuf_tailroom(packet)});
  if (size == 0) {
    rte_pktmbuf_free(packet);
    return nullptr;
  }
  packet->data_len = static_cast<std::uint16_t>(size);
  packet->pkt_len = packet->data_len;
  return packet;
}

unsigned KernelPort::from_kernel() {
  std::array<rte_mbuf*, frames_per_call> packets;
  unsigned count = 0;
  while (count < frames_per_call) {
    rte_mbuf* packet = read_frame();
    if (packet == nullptr) break;
    packets[count++] = packet;
    if (vlan_ != 0 && !add_tag(packet, vlan_)) {
      rte_pktmbuf_free(packets[--count]);
      ++lost_from_kernel_;
    }
  }
  const unsigned put = from_kernel_.put(packets.data(), count);
  if (put < count) rte_pktmbuf_free_bulk(packets.data() + put, count - put);
  lost_from_kernel_ += count - put;
  return count;
}

}  // namespace nic
