// Netlink: talking to the kernel about interfaces, addresses, routes and neighbours.
//
// Two sockets. Requests: the kernel works on a request while it is sent, so the answer is there at
// once and nothing blocks for long. Events: what changes by itself, read when the descriptor is
// readable. Knows messages, not what they are for: kernel_interface and neighbours do.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "dataplane/packet/address.h"

namespace control {

/// One rtnetlink message being written; bounded, since all of ours are small.
class NetlinkMessage {
 public:
  NetlinkMessage(std::uint16_t type, int flags) : header_(mnl_nlmsg_put_header(buffer_.data())) {
    header_->nlmsg_type = type;
    header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  }
  NetlinkMessage(const NetlinkMessage&) = delete;
  NetlinkMessage& operator=(const NetlinkMessage&) = delete;

  /// The fixed part that follows the header: ifinfomsg, ndmsg, …; zeroed.
  template <class Body>
  Body& body() {
    return *static_cast<Body*>(mnl_nlmsg_put_extra_header(header_, sizeof(Body)));
  }
  void put(std::uint16_t type, std::uint32_t value) { mnl_attr_put_u32(header_, type, value); }
  void put(std::uint16_t type, const dataplane::IpAddress& value) {
    const dataplane::Ipv4Address v4 = value.v4();
    if (value.is_v4()) {
      mnl_attr_put(header_, type, sizeof v4, &v4);
    } else {
      mnl_attr_put(header_, type, sizeof value.v6(), &value.v6());
    }
  }
  [[nodiscard]] nlmsghdr* header() { return header_; }

 private:
  alignas(nlmsghdr) std::array<char, 512> buffer_{};
  nlmsghdr* header_;
};

/// AF_INET or AF_INET6.
[[nodiscard]] std::uint8_t family_of(const dataplane::IpAddress& address);

/// The attributes of a message that came in, by type; nullptr: not there.
using NetlinkAttributes = std::array<const nlattr*, 64>;
[[nodiscard]] NetlinkAttributes attributes(const nlmsghdr& message, std::size_t body_size);

class Netlink {
 public:
  using Visit = std::function<void(const nlmsghdr&)>;

  /// Throws std::runtime_error. Events: an OR of RTMGRP_*.
  explicit Netlink(unsigned events);

  /// 0, or the errno with which the kernel refused.
  [[nodiscard]] int request(NetlinkMessage& message);
  /// Sends without asking for an answer; the kernel's refusals are counted, see refusals().
  void tell(NetlinkMessage& message);
  /// How many tell()s the kernel has refused for want of room since the last call.
  [[nodiscard]] unsigned refusals();
  /// Everything of one kind, of all families, e.g. RTM_GETNEIGH. 0 or errno.
  [[nodiscard]] int dump(std::uint16_t type, const Visit& visit);

  /// Becomes readable when there are events.
  [[nodiscard]] int events_descriptor() const { return mnl_socket_get_fd(events_.get()); }
  enum class Events : std::uint8_t {
    AllRead,
    MoreWait,  // the budget is used up; the descriptor may not become readable again for these
    SomeLost,  // there were more than fit: dump() again; more may wait
  };
  /// Takes those that are waiting, at most `budget` datagrams.
  [[nodiscard]] Events read_events(const Visit& visit, int budget = 64);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  using Socket = std::unique_ptr<mnl_socket, Close>;
  [[nodiscard]] static Socket open(unsigned groups);

  Socket requests_;
  Socket tells_;
  Socket events_;
  std::uint32_t sequence_ = 0;
};

}  // namespace control
