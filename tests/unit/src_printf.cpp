// What a printf record prints is what its values print one by one, whether they go by way of Values or not.
#include <gtest/gtest.h>

#include <cstring>

#include "src/format.h"
#include "src/printf_text.h"

namespace zeektrace {
namespace {

struct Message {
  Record record;
  std::vector<std::byte> bytes = std::vector<std::byte>(8);

  void add(const Type& type, const void* data, size_t size) {
    record.fields.push_back({type, record.size});
    record.size += type.storage();
    bytes.resize(record.size);
    std::memcpy(bytes.data() + record.fields.back().offset, data, size);
  }
  void add(const Type& type, uint64_t word) { add(type, &word, sizeof word); }
};

std::string both_ways(Message& message, const std::string& format) {
  message.record.format = format;
  Names names;
  auto values = decode_fields(message.record, message.bytes, names);
  std::vector<uint32_t> sizes;
  for (const auto& field : message.record.fields) sizes.push_back(field.type.is_integer() ? field.type.size : 8);
  std::string slow = format_values(format, values, sizes), fast = "before ";
  PrintfText(message.record).append(message.bytes, names, fast);
  EXPECT_EQ(fast, "before " + slow) << format;
  return slow;
}

TEST(PrintfText, numbers) {
  for (uint64_t word : {0ULL, 1ULL, 42ULL, ~0ULL, 1ULL << 63, 0xffffffffULL, 0xfffffffffffffff0ULL}) {
    for (uint32_t size : {1u, 2u, 4u, 8u}) {
      for (bool is_signed : {false, true}) {
        Message message;
        message.add(Type::integer(size, is_signed), word);
        for (const char* format : {"%d", "%i|", "<%u>", "%x", "%X", "%o", "%#x", "%hd", "%hhu", "%5d", "%-7u.", "%05x", "%c",
                                   "%p", "%s", "%.3d", "%%%d%%"})
          both_ways(message, format);
      }
    }
  }
}

TEST(PrintfText, texts_and_what_is_behind_their_nul) {
  Message message;
  char text[16] = "abc";
  std::memcpy(text + 4, "left over", 9);
  message.add(Type::string(16), text, sizeof text);
  message.add(Type::integer(8, false), 7);
  EXPECT_EQ(both_ways(message, "%s=%d\n"), "abc=7\n");
  EXPECT_EQ(both_ways(message, "[%6s]%u"), "[   abc]7");
  EXPECT_EQ(both_ways(message, "%.2s %d"), "ab 7");
}

TEST(PrintfText, more_or_fewer_conversions_than_fields) {
  Message message;
  message.add(Type::integer(8, false), 7);
  EXPECT_EQ(both_ways(message, "no values\n"), "no values\n");
  EXPECT_EQ(both_ways(message, "%d and %d"), "7 and ");
  EXPECT_EQ(both_ways(message, "100%%"), "100%");
}

}  // namespace
}  // namespace zeektrace
