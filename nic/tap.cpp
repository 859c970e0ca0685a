#include "nic/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace nic {
namespace {

constexpr const char* clone_device = "/dev/net/tun";

ifreq request_for(const std::string& name) {
  ifreq request;
  std::memset(&request, 0, sizeof request);
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

Failure failure(const std::string& name, const std::string& what, const std::string& remedy) {
  return Failure{fmt::format("port '{}': its kernel path (TAP interface '{}') {}; {}", name, name,
                             what, remedy)};
}

Failure open_failure(const std::string& name, int error) {
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return failure(name, fmt::format("needs {}, which is not there", clone_device),
                   "modprobe tun, give the container that device, or set kernel_path = false");
  }
  return failure(name, fmt::format("cannot open {}: {}", clone_device, std::strerror(error)),
                 "run as root, or set kernel_path = false");
}

Failure create_failure(const std::string& name, int error) {
  if (error == EPERM || error == EACCES) {
    return failure(name, "may not be made by this user",
                   "it needs CAP_NET_ADMIN: run as root, or set kernel_path = false");
  }
  if (error == EBUSY || error == EEXIST) {
    return failure(name, "cannot be made: an interface of that name exists",
                   "give the port another name, or delete or rename the interface");
  }
  return failure(name, fmt::format("cannot be made: {}", std::strerror(error)),
                 "port names are interface names: letters, digits, '-', '_' and '.'");
}

/// MAC, MTU, up. The name of the step that failed (errno says why), or nullptr.
const char* set_up(int socket_fd, const TapOptions& options) {
  ifreq request = request_for(options.name);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, options.mac.bytes.data(), options.mac.bytes.size());
  if (ioctl(socket_fd, SIOCSIFHWADDR, &request) != 0) return "MAC address";
  request = request_for(options.name);
  request.ifr_mtu = options.mtu;
  if (ioctl(socket_fd, SIOCSIFMTU, &request) != 0) return "MTU";
  request = request_for(options.name);
  if (ioctl(socket_fd, SIOCGIFFLAGS, &request) != 0) return "state";
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket_fd, SIOCSIFFLAGS, &request) != 0) return "state 'up'";
  return nullptr;
}

}  // namespace

Result<Tap> Tap::create(const TapOptions& options) {
  if (options.name.empty() || options.name.size() >= IFNAMSIZ) {
    return failure(
        options.name, "cannot have that name",
        fmt::format("a port with a kernel path has a name of 1 to {} bytes", IFNAMSIZ - 1));
  }
  const int descriptor = open(clone_device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return open_failure(options.name, errno);
  Tap tap(options.name, 0, descriptor);  // closes it whatever happens from here on
  if (if_nametoindex(options.name.c_str()) != 0) return create_failure(options.name, EEXIST);
  ifreq request = request_for(options.name);
  // EXCL: never join an interface that somebody else has made in between.
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(descriptor, TUNSETIFF, &request) != 0) return create_failure(options.name, errno);

  const int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const char* refused = socket_fd < 0 ? "state" : set_up(socket_fd, options);
  const int error = errno;
  if (socket_fd >= 0) close(socket_fd);
  if (refused != nullptr) {
    return failure(
        options.name,
        fmt::format("does not take its {} ({}, {}): {}", refused, dataplane::to_string(options.mac),
                    options.mtu, std::strerror(error)),
        "check the port's 'mac' and 'mtu'");
  }
  tap.index_ = static_cast<int>(if_nametoindex(options.name.c_str()));
  return tap;
}

Tap::~Tap() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::size_t Tap::read(std::span<std::uint8_t> frame) const {
  const ssize_t size = ::read(descriptor_, frame.data(), frame.size());
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

bool Tap::write(std::span<const std::uint8_t> frame) const {
  return ::write(descriptor_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

}  // namespace nic
