#include "dataplane/packet/checksum.h"

#include <cstring>

namespace dataplane {

std::uint64_t sum_words(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t sum = 0;
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) {  // 32 bits at a time: the same sum once folded
    std::uint32_t word;
    std::memcpy(&word, bytes + i, sizeof word);
    sum += word;
  }
  if (i + 2 <= size) {
    std::uint16_t word;
    std::memcpy(&word, bytes + i, sizeof word);
    sum += word;
    i += 2;
  }
  if (i < size) sum += bytes[i];  // little-endian: the byte comes first, zero second
  return sum;
}

void set_header_checksum(Ipv4Header& header) {
  header.checksum = Be16{0};
  header.checksum =
      checksum_of(sum_words(reinterpret_cast<const std::uint8_t*>(&header), header.header_bytes()));
}

}  // namespace dataplane
