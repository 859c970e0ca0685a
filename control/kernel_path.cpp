#include "control/kernel_path.h"

#include <spdlog/spdlog.h>

namespace control {

KernelPath::~KernelPath() {
  for (Watch& watch : watches_) watch.descriptor.release();
}

void KernelPath::serve(nic::KernelPort& port) {
  watch(port.tap_descriptor(), port, &nic::KernelPort::from_kernel);
  watch(port.wake_descriptor(), port, &nic::KernelPort::to_kernel);
}

void KernelPath::watch(int descriptor, nic::KernelPort& port, Move move) {
  watches_.push_back({boost::asio::posix::stream_descriptor(io_, descriptor), port, move});
  wait(watches_.back());
}

void KernelPath::wait(Watch& watch) {
  watch.descriptor.async_wait(
      boost::asio::posix::descriptor_base::wait_read,
      [this, &watch](const boost::system::error_code& error) {
        if (error == boost::asio::error::operation_aborted) return;
        if (error) {
          spdlog::error("the TAP twin {} cannot be watched any more: {}", watch.port.tap().name(),
                        error.message());
          return;
        }
        (watch.port.*watch.move)();  // a bounded number: what is left makes it readable again
        wait(watch);
      });
}

}  // namespace control
