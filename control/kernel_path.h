// KernelPath: serves the ports' TAP twins on the control thread: moves frames between the kernel
// and the workers' rings whenever either side has some.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <list>

#include "nic/kernel_port.h"

namespace control {

class KernelPath {
 public:
  explicit KernelPath(boost::asio::io_context& io) : io_(io) {}
  /// Lets go of the descriptors; the twins keep them.
  ~KernelPath();
  KernelPath(const KernelPath&) = delete;
  KernelPath& operator=(const KernelPath&) = delete;

  /// From now on until the end of this. The port must outlive it.
  void serve(nic::KernelPort& port);

 private:
  using Move = unsigned (nic::KernelPort::*)();
  struct Watch {
    boost::asio::posix::stream_descriptor descriptor;
    nic::KernelPort& port;
    Move move;
  };
  void watch(int descriptor, nic::KernelPort& port, Move move);
  void wait(Watch& watch);

  boost::asio::io_context& io_;
  std::list<Watch> watches_;  // two a port; a list: handlers refer to its elements
};

}  // namespace control
