// Values that have a notation of their own: addresses, subnets, ports, enumerations. Both directions, for the text that
// is shown and for a literal that a value is compared with. The bytes are those of Type::storage(), little-endian words
// where they are numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parser/type.h"

namespace zeektrace {

// What stands above a port's 16 bits, as Zeek has it (TCP_PORT_MASK and its like, src/Val.h, 2.6 to 8.2).
enum class PortProtocol : uint8_t { unknown, tcp, udp, icmp };

// "10.0.0.1", "2001:db8::/32", "53/udp", "Notice::ACTION_LOG"; a number that the enumeration has no name for is that
// number. Needs type.storage() bytes.
std::string notation_text(const Type& type, std::span<const std::byte> bytes);

// The same values in an order that people expect: texts that compare as bytes.
std::string notation_order(const Type& type, std::span<const std::byte> bytes);

// The words of the value that a text notes; nothing when it is no such notation.
std::optional<std::vector<uint64_t>> parse_notation(const Type& type, std::string_view text);
// A uid's two words as logs spell them, "" for none; and all that a text may stand for: it does not tell where the second word
// begins. None when it is no uid.
std::string uid_text(uint64_t high, uint64_t low);
std::vector<std::pair<uint64_t, uint64_t>> parse_uid(std::string_view text);
// For an error: "an address, such as \"10.0.0.1\"".
std::string notation_example(const Type& type);

}  // namespace zeektrace
