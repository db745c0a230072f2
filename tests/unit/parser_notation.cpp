// Addresses, subnets, ports and names of enumerations: as they are shown, and as a script writes them.
#include "parser/notation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace zeektrace {
namespace {

const Type colour = Type::enumeration(
    "colour", std::make_shared<const EnumNames>(EnumNames{{0, "red"}, {7, "Paint::blue"}, {-1, "none"}}));

std::vector<std::byte> bytes_of(const std::vector<uint64_t>& words) {
  std::vector<std::byte> bytes(words.size() * 8);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

// What is shown of the value that the text notes; "" where it notes none.
std::string again(const Type& type, std::string_view text) {
  auto words = parse_notation(type, text);
  if (!words) return "";
  EXPECT_EQ(words->size() * 8, type.storage());
  return notation_text(type, bytes_of(*words));
}

TEST(Notation, AddressesAreShownAsTheyAreWritten) {
  for (std::string_view text : {"10.0.0.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::", "::1", "fe80::1:2:3"})
    EXPECT_EQ(again(Type::inet(), text), text);
  EXPECT_EQ(again(Type::inet(), "::ffff:10.0.0.1"), "10.0.0.1") << "one and the same to Zeek";
  EXPECT_EQ(again(Type::inet(), "2001:DB8:0:0::1"), "2001:db8::1");
  for (std::string_view text : {"", "10.0.0", "10.0.0.256", "10.0.0.1/8", "localhost", "1::2::3"})
    EXPECT_EQ(again(Type::inet(), text), "") << text;
}

TEST(Notation, SubnetsKeepTheirPrefixAlone) {
  EXPECT_EQ(again(Type::subnet(), "10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(again(Type::subnet(), "10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(again(Type::subnet(), "0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(again(Type::subnet(), "2001:db8:1::/33"), "2001:db8::/33");
  EXPECT_EQ(again(Type::subnet(), "::/0"), "::/0");
  for (std::string_view text : {"10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "/8", "10.0.0.0/8x"})
    EXPECT_EQ(again(Type::subnet(), text), "") << text;
}

TEST(Notation, PortsHaveAProtocol) {
  EXPECT_EQ(*parse_notation(Type::port(), "53/udp"), std::vector<uint64_t>{0x20035});
  for (std::string_view text : {"53/udp", "80/tcp", "8/icmp", "0/unknown", "65535/tcp"})
    EXPECT_EQ(again(Type::port(), text), text);
  for (std::string_view text : {"53", "65536/tcp", "53/sctp", "/tcp", "-1/tcp", "53/udp "})
    EXPECT_EQ(again(Type::port(), text), "") << text;
}

TEST(Notation, EnumerationsGoByTheirNames) {
  EXPECT_EQ(again(colour, "Paint::blue"), "Paint::blue");
  EXPECT_EQ(again(colour, "none"), "none");
  EXPECT_EQ(again(colour, "green"), "");
  EXPECT_EQ(notation_text(colour, bytes_of({5})), "5") << "a number without a name";
  EXPECT_EQ(notation_text(Type::enumeration("bare", nullptr), bytes_of({5})), "5");
}

TEST(Notation, IsInOrder) {
  auto order = [](const Type& type, std::string_view text) { return notation_order(type, bytes_of(*parse_notation(type, text))); };
  EXPECT_LT(order(Type::inet(), "9.0.0.1"), order(Type::inet(), "10.0.0.1"));
  EXPECT_LT(order(Type::inet(), "10.0.0.2"), order(Type::inet(), "10.0.0.10"));
  EXPECT_LT(order(Type::subnet(), "10.0.0.0/8"), order(Type::subnet(), "10.0.0.0/16"));
  EXPECT_LT(order(Type::port(), "80/tcp"), order(Type::port(), "443/tcp"));
  EXPECT_LT(order(Type::port(), "53/tcp"), order(Type::port(), "53/udp"));
  EXPECT_LT(order(Type::port(), "255/udp"), order(Type::port(), "256/tcp"));
}

TEST(Notation, EnumerationsFitWhereTheirNamesAgree) {
  auto named = [](EnumNames names) { return Type::enumeration("colour", std::make_shared<const EnumNames>(std::move(names))); };
  EXPECT_TRUE(colour.fits(named({{0, "red"}, {7, "Paint::blue"}, {-1, "none"}})));
  EXPECT_FALSE(colour.fits(named({{0, "red"}, {7, "Paint::green"}, {-1, "none"}})));
  EXPECT_FALSE(colour.fits(Type::enumeration("shade", colour.names)));
  EXPECT_FALSE(colour.fits(Type::integer(8, true)));
}

TEST(Notation, AUidIsReadAsAllThatItMayStandFor) {
  using Words = std::pair<uint64_t, uint64_t>;
  constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
  for (const auto& [high, low] : {Words{1000000, ~1000000ULL}, {0, 1}, {1, 0}, {62, 61}, {most, most}, {0xffffffff, 62 * 62}}) {
    const std::string text = uid_text(high, low);
    const auto read = parse_uid(text);
    EXPECT_NE(std::ranges::find(read, Words{high, low}), read.end()) << text;
    for (const auto& [first, second] : read) EXPECT_EQ(uid_text(first, second), text);
  }
  EXPECT_EQ(parse_uid(""), std::vector<Words>({{0, 0}}));
  for (const char* wrong : {"C", "C1", "C00", "D12", "10.0.0.1", "C12 ", "Czzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"})
    EXPECT_TRUE(parse_uid(wrong).empty()) << wrong;
}

}  // namespace
}  // namespace zeektrace
