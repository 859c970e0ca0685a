// Packet: the path's view of one frame.
//
// Bytes belong to somebody else (an mbuf, a test's array); `buffer` is that owner's handle and
// nobody in dataplane/ looks at it. parse proves the offsets once; later verbs use them. The frame
// may grow into headroom (a VLAN tag) and tailroom (an ICMP error), never beyond.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/packet/contract.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct Packet {
  std::uint8_t* data = nullptr;  // first byte of the Ethernet header
  void* buffer = nullptr;        // the owner's handle
  std::uint16_t length = 0;      // bytes at data
  std::uint16_t headroom = 0;    // writable bytes in front of data
  std::uint16_t tailroom = 0;    // writable bytes behind data + length
  std::uint16_t network = 0;     // offset of the IP (or ARP) header; set by parse
  std::uint16_t transport = 0;   // offset of the TCP, UDP or ICMP header; set by parse
  PortId ingress;
  PortId egress;            // set with a Forward or Reply verdict
  WorkerId owner;           // set with HandOff
  bool handed_off = false;  // came over a hand-off ring: its owner is this worker, do not ask again
  bool segmented = false;   // more bytes in further buffers

  /// The T at `offset`, or nullptr if the frame ends before it does.
  template <class T>
  [[nodiscard]] T* at(std::size_t offset) const {
    return offset + sizeof(T) <= length ? reinterpret_cast<T*>(data + offset) : nullptr;
  }
  /// The T at an offset that parse has proven.
  template <class T>
  [[nodiscard]] T& header(std::size_t offset) const {
    DCHECK(offset + sizeof(T) <= length);
    return *reinterpret_cast<T*>(data + offset);
  }
};

}  // namespace dataplane
