#include "tools/spillwayctl/pcapng.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tools::pcapng {
namespace {

// Types of blocks, and codes of their options, with the draft's names.
constexpr std::uint32_t block_section = 0x0a0d'0d0a;
constexpr std::uint32_t block_interface = 1;
constexpr std::uint32_t block_enhanced_packet = 6;
constexpr std::uint16_t opt_endofopt = 0, opt_comment = 1;
constexpr std::uint16_t shb_userappl = 4;
constexpr std::uint16_t if_name = 2, if_description = 3, if_tsresol = 9;
constexpr std::uint16_t epb_flags = 2, epb_dropcount = 4, epb_packetid = 5;

constexpr std::uint32_t byte_order_magic = 0x1a2b'3c4d;
constexpr std::uint16_t link_ethernet = 1;
constexpr std::uint8_t nanoseconds = 9;  // 10^-9 s

/// A block's content, as it grows.
class Content {
 public:
  template <class Number>
  void add(Number number) {
    std::array<char, sizeof number> bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    text_.append(bytes.data(), bytes.size());
  }
  void add_padded(std::string_view bytes) {
    text_ += bytes;
    text_.append((4 - bytes.size() % 4) % 4, '\0');
  }
  void option(std::uint16_t code, std::string_view value) {
    const std::size_t size = std::min<std::size_t>(value.size(), 65'535);
    add(code);
    add(static_cast<std::uint16_t>(size));
    add_padded(value.substr(0, size));
    has_options_ = true;
  }
  template <class Number>
  void option_of(std::uint16_t code, Number number) {
    Content value;
    value.add(number);
    option(code, value.text_);
  }
  /// The whole block.
  [[nodiscard]] std::string block(std::uint32_t type) {
    if (has_options_) add(std::uint32_t{opt_endofopt});  // of length 0
    const auto total = static_cast<std::uint32_t>(text_.size() + 3 * sizeof(std::uint32_t));
    Content whole;
    whole.add(type);
    whole.add(total);
    whole.text_ += text_;
    whole.add(total);
    return whole.text_;
  }

 private:
  std::string text_;
  bool has_options_ = false;
};

}  // namespace

std::string section_header(const Section& section) {
  Content content;
  content.add(byte_order_magic);
  content.add(std::uint16_t{1});  // version 1.0
  content.add(std::uint16_t{0});
  content.add(~std::uint64_t{0});  // length not known
  if (!section.comment.empty()) content.option(opt_comment, section.comment);
  content.option(shb_userappl, section.application);
  return content.block(block_section);
}

std::string interface(const Interface& description) {
  Content content;
  content.add(link_ethernet);
  content.add(std::uint16_t{0});
  content.add(description.snap_length);
  content.option(if_name, description.name);
  if (!description.description.empty()) content.option(if_description, description.description);
  content.option_of(if_tsresol, nanoseconds);
  return content.block(block_interface);
}

std::string frame(const Frame& frame) {
  Content content;
  content.add(frame.interface);
  content.add(static_cast<std::uint32_t>(frame.unix_nanoseconds >> 32));
  content.add(static_cast<std::uint32_t>(frame.unix_nanoseconds));
  content.add(static_cast<std::uint32_t>(frame.bytes.size()));
  content.add(frame.length);
  content.add_padded({reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size()});
  if (!frame.comment.empty()) content.option(opt_comment, frame.comment);
  content.option_of(epb_flags, static_cast<std::uint32_t>(frame.direction));
  if (frame.lost_before != 0) content.option_of(epb_dropcount, frame.lost_before);
  content.option_of(epb_packetid, frame.packet_id);
  return content.block(block_enhanced_packet);
}

}  // namespace tools::pcapng
