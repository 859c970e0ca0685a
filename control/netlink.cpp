#include "control/netlink.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace control {
namespace {

/// Events of several thousand neighbours at once; more than that is noticed and made good by a
/// dump.
constexpr int receive_buffer_bytes = 1 << 20;
/// A datagram of a dump is at most 32 KiB (netlink's own limit).
constexpr std::size_t datagram_bytes = 32 * 1024;

int visit_message(const nlmsghdr* message, void* visit) {
  (*static_cast<const Netlink::Visit*>(visit))(*message);
  return MNL_CB_OK;
}

int note_attribute(const nlattr* attribute, void* attributes) {
  auto& noted = *static_cast<NetlinkAttributes*>(attributes);
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type < noted.size()) noted[type] = attribute;
  return MNL_CB_OK;
}

}  // namespace

NetlinkAttributes attributes(const nlmsghdr& message, std::size_t body_size) {
  NetlinkAttributes noted{};
  mnl_attr_parse(&message, static_cast<unsigned>(body_size), note_attribute, &noted);
  return noted;
}

std::uint8_t family_of(const dataplane::IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

Netlink::Socket Netlink::open(unsigned groups) {
  const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  Socket opened(mnl_socket_open2(NETLINK_ROUTE, flags));
  if (!opened || mnl_socket_bind(opened.get(), groups, MNL_SOCKET_AUTOPID) != 0) {
    throw std::runtime_error(
        fmt::format("cannot open a netlink socket: {}; the kernel path needs one, or set "
                    "kernel_path = false on every port",
                    std::strerror(errno)));
  }
  const int fd = mnl_socket_get_fd(opened.get());
  // FORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN; without it we take what we get.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  return opened;
}

Netlink::Netlink(unsigned events) : requests_(open(0)), tells_(open(0)), events_(open(events)) {}

int Netlink::request(NetlinkMessage& message) {
  message.header()->nlmsg_flags |= NLM_F_ACK;
  message.header()->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(requests_.get(), message.header(), message.header()->nlmsg_len) < 0) {
    return errno;
  }
  std::vector<char> buffer(datagram_bytes);
  const ssize_t size = mnl_socket_recvfrom(requests_.get(), buffer.data(), buffer.size());
  if (size < 0) return errno;
  const int result = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence_,
                                mnl_socket_get_portid(requests_.get()), nullptr, nullptr);
  return result < 0 ? errno : 0;
}

void Netlink::tell(NetlinkMessage& message) {
  message.header()->nlmsg_seq = ++sequence_;
  // What gets lost here is told again with the next tick of whoever tells.
  static_cast<void>(mnl_socket_sendto(tells_.get(), message.header(), message.header()->nlmsg_len));
}

unsigned Netlink::refusals() {
  unsigned count = 0;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(tells_.get(), buffer.data(), buffer.size());
    if (size <= 0) return count;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (static_cast<std::size_t>(size) < sizeof(nlmsghdr) + sizeof(nlmsgerr)) continue;
    if (message->nlmsg_type != NLMSG_ERROR) continue;
    const auto* refusal = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    if (refusal->error == -ENOBUFS) ++count;
  }
}

int Netlink::dump(std::uint16_t type, const Visit& visit) {
  NetlinkMessage message(type, NLM_F_DUMP);
  message.body<rtgenmsg>().rtgen_family = AF_UNSPEC;
  message.header()->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(requests_.get(), message.header(), message.header()->nlmsg_len) < 0) {
    return errno;
  }
  std::vector<char> buffer(datagram_bytes);
  for (;;) {  // the kernel fills the next datagram while we take this one; the last says so
    const ssize_t size = mnl_socket_recvfrom(requests_.get(), buffer.data(), buffer.size());
    if (size < 0) return errno;
    const int result = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence_,
                                  mnl_socket_get_portid(requests_.get()), visit_message,
                                  const_cast<Visit*>(&visit));
    if (result < 0) return errno;
    if (result == MNL_CB_STOP) return 0;
  }
}

Netlink::Events Netlink::read_events(const Visit& visit, int budget) {
  std::vector<char> buffer(datagram_bytes);
  for (int i = 0; i < budget; ++i) {
    const ssize_t size = mnl_socket_recvfrom(events_.get(), buffer.data(), buffer.size());
    if (size < 0) return errno == ENOBUFS ? Events::SomeLost : Events::AllRead;
    mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), 0, 0, visit_message,
               const_cast<Visit*>(&visit));
  }
  return Events::MoreWait;
}

}  // namespace control
