#include "dataplane/packet/frame_pattern.h"

#include "dataplane/packet/headers.h"

namespace dataplane {
namespace {

/// Writes what frames begin with, field by field.
class Writer {
 public:
  explicit Writer(FramePattern& pattern) : pattern_(pattern) {}

  /// The next field must have the bits of `value` where `mask` has ones.
  template <class Field>
  void field(const Field& value, const Field& mask) {
    std::memcpy(pattern_.bytes.data() + offset_, &value, sizeof value);
    std::memcpy(pattern_.mask.data() + offset_, &mask, sizeof mask);
    offset_ += sizeof value;
  }
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  FramePattern& pattern_;
  std::size_t offset_ = 0;
};

constexpr MacAddress all_of_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr MacAddress group_bit{{0x01, 0, 0, 0, 0, 0}};
constexpr Be16 all_bits{0xffff};

}  // namespace

FramePattern usual_frame(const MacAddress& mac, std::uint16_t vlan, Family family) {
  FramePattern pattern;
  Writer writer(pattern);
  writer.field(mac, all_of_mac);
  writer.field(MacAddress{}, group_bit);
  if (vlan != 0) {
    writer.field(ether_type::vlan, all_bits);
    writer.field(Be16{vlan}, Be16{0x0fff});
  }
  const bool v4 = family == Family::V4;
  writer.field(v4 ? ether_type::ipv4 : ether_type::ipv6, all_bits);
  pattern.network = static_cast<std::uint16_t>(writer.offset());
  if (v4) {
    // Five words of header; neither more-fragments nor an offset.
    writer.field(std::uint8_t{0x45}, std::uint8_t{0xff});
    writer.field(std::uint8_t{0}, std::uint8_t{0});  // service
    writer.field(Be16{0}, Be16{0});                  // length
    writer.field(Be16{0}, Be16{0});                  // identification
    writer.field(Be16{0}, Be16{0x3fff});
  } else {
    writer.field(std::uint8_t{0x60}, std::uint8_t{0xf0});
  }
  return pattern;
}

}  // namespace dataplane
