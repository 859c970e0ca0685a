// Tap: a network interface of the kernel whose wire is a file descriptor.
//
// Made by the control thread in the process's network namespace; gone when the descriptor is
// closed, even by kill -9: it is never made persistent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "dataplane/packet/address.h"
#include "nic/failure.h"

namespace nic {

struct TapOptions {
  std::string name;  // 1 to 15 bytes
  dataplane::MacAddress mac;
  std::uint16_t mtu = 1500;
};

class Tap {
 public:
  /// The interface, up, with MAC and MTU, without addresses. Failures say whose port it is for.
  [[nodiscard]] static Result<Tap> create(const TapOptions& options);
  Tap(Tap&& other) noexcept
      : name_(std::move(other.name_)),
        index_(other.index_),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  Tap& operator=(Tap&&) = delete;
  ~Tap();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int index() const { return index_; }            // for netlink
  [[nodiscard]] int descriptor() const { return descriptor_; }  // non-blocking
  /// The next frame that the kernel sends; 0: none waits.
  [[nodiscard]] std::size_t read(std::span<std::uint8_t> frame) const;
  /// False: the kernel did not take it (interface down, no memory).
  [[nodiscard]] bool write(std::span<const std::uint8_t> frame) const;

 private:
  Tap(std::string name, int index, int descriptor)
      : name_(std::move(name)), index_(index), descriptor_(descriptor) {}
  std::string name_;
  int index_;
  int descriptor_;
};

}  // namespace nic
