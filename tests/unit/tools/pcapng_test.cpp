// Blocks byte for byte, as draft-ietf-opsawg-pcapng draws them; on a machine that is little-endian.
#include "tools/spillwayctl/pcapng.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <vector>

namespace tools::pcapng {
namespace {

static_assert(std::endian::native == std::endian::little);

/// "01020304" for its first bytes, and so on.
std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

TEST(Pcapng, SectionHeader) {
  EXPECT_EQ(hex(section_header({.application = "abcde"})),
            "0a0d0d0a"          // type
            "2c000000"          // length: 44
            "4d3c2b1a"          // byte order
            "01000000"          // version 1.0
            "ffffffffffffffff"  // the section's length: not known
            "0400"              // shb_userappl
            "0500"
            "6162636465000000"  // padded
            "00000000"          // end of options
            "2c000000");
}

TEST(Pcapng, SectionHeaderWithAComment) {
  const std::string block = section_header({.application = "a", .comment = "why"});
  EXPECT_NE(hex(block).find("0100030077687900"), std::string::npos);
  EXPECT_EQ(block.size() % 4, 0u);
}

TEST(Pcapng, InterfaceInNanoseconds) {
  EXPECT_EQ(hex(interface({.name = "front", .description = "tap", .snap_length = 96})),
            "01000000"  // type
            "34000000"  // length: 52
            "01000000"  // Ethernet
            "60000000"  // snap length
            "02000500"  // if_name
            "66726f6e74000000"
            "03000300"  // if_description
            "74617000"
            "09000100"  // if_tsresol
            "09000000"
            "00000000"
            "34000000");
}

TEST(Pcapng, FrameWithItsOptions) {
  const std::array<std::uint8_t, 3> bytes{0xaa, 0xbb, 0xcc};
  EXPECT_EQ(hex(frame({.interface = 1,
                       .unix_nanoseconds = 0x0102'0304'0506'0708,
                       .bytes = bytes,
                       .length = 60,
                       .direction = Direction::Outbound,
                       .packet_id = 7,
                       .comment = "ok",
                       .lost_before = 9})),
            "06000000"  // type
            "50000000"  // length: 80
            "01000000"  // interface
            "04030201"  // time, upper half
            "08070605"  // … and lower
            "03000000"  // captured
            "3c000000"  // of the frame
            "aabbcc00"
            "01000200"  // opt_comment
            "6f6b0000"
            "02000400"  // epb_flags
            "02000000"
            "04000800"  // epb_dropcount
            "0900000000000000"
            "05000800"  // epb_packetid
            "0700000000000000"
            "00000000"
            "50000000");
}

TEST(Pcapng, AFrameThatFollowsTheOneBeforeHasNoDropCount) {
  const std::vector<std::uint8_t> bytes(4, 0xee);
  const std::string block = hex(frame({.bytes = bytes, .length = 4}));
  EXPECT_EQ(block.find("04000800"), std::string::npos);
  EXPECT_NE(block.find("0200040001000000"), std::string::npos) << "inbound";
}

TEST(Pcapng, ACommentIsCutToWhatAnOptionHolds) {
  const std::string comment(70'000, 'x');
  const std::string block = frame({.comment = comment});
  EXPECT_NE(hex(block).find("0100ffff7878"), std::string::npos);
  EXPECT_LT(block.size(), 66'000u);
}

}  // namespace
}  // namespace tools::pcapng
