// Buckets, extremes, division, stacks and scratch slots against what the user side and C make of the same numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "parser/program.h"
#include "parser/type.h"

using zeektrace::bucket_count;
using zeektrace::bucket_range;
using zeektrace::BucketRange;
using zeektrace::extreme_rank;
using zeektrace::ExtremeRank;
using zeektrace::max_stack_frames;
using zeektrace::SeriesFold;
using zeektrace::SeriesSlot;
using zeektrace::StackFrames;
using zeektrace::Type;
using std::numeric_limits;

struct TestSlot {
  uint64_t busy;
};
struct TestMap {
  std::map<uint64_t, std::vector<char>> stored;  // by hash
  std::vector<TestSlot> slots;
  bool full = false;
};
static std::vector<uint64_t> stack_now;
static int user_reads, kernel_reads;
// A process's memory for one test: the pages that are not there, whether they can be brought in, and where its text ends.
static std::set<uint64_t> absent_pages;
static bool can_bring_in = true;
static uint64_t text_end = 0;

static bool is_present(uint64_t from, uint64_t end) {
  return absent_pages.empty() ||
         std::none_of(absent_pages.begin(), absent_pages.end(),
                      [&](uint64_t page) { return page * 4096 < end && (page + 1) * 4096 > from; });
}

extern "C" {
unsigned long long zt_hist_bucket(unsigned long long n, unsigned bits, unsigned is_signed);
unsigned long long zt_lhist_bucket(unsigned long long n, unsigned is_signed, long long min, long long max,
                                   long long step, unsigned long long last);
void zt_extreme(ExtremeRank* slot, unsigned long long rank);
unsigned long long zt_total(void* map, const void* key, unsigned word, unsigned processors);
unsigned long long zt_highest(void* map, const void* key, unsigned long long none, unsigned processors);
unsigned long long zt_room_take(void* rooms, unsigned map, unsigned long long most);
void zt_room_give(void* rooms, unsigned map);
unsigned long long zt_divide(unsigned long long a, unsigned long long b);
unsigned long long zt_modulo(unsigned long long a, unsigned long long b);
unsigned long long zt_signed_divide(long long a, long long b);
unsigned long long zt_signed_modulo(long long a, long long b);
long zt_read(void* dst, unsigned size, unsigned long long from);
long zt_read_string(void* dst, unsigned size, unsigned long long from);
long zt_read_waiting(void* dst, unsigned size, unsigned long long from);
long zt_read_string_waiting(void* dst, unsigned size, unsigned long long from);
long zt_copy_string(void* dst, unsigned size, unsigned long long from,
                    int (*copy)(void*, unsigned, const void*, unsigned long long));
unsigned long long zt_same_string(const unsigned long long* a, const unsigned long long* b, unsigned words);
unsigned long long zt_stack(void* ctx, void* stacks, StackFrames* frames, unsigned long long flags, unsigned most);
TestSlot* zt_scratch_take(void* map);
unsigned long long zt_pid_tgid(unsigned long long device, unsigned long long inode);
unsigned long long zt_string_length(const unsigned long long* text, unsigned words);
long long zt_compare(const unsigned long long* a, const unsigned long long* b, unsigned words, unsigned long long most);
unsigned long long zt_needle(const char* needle, unsigned size, unsigned long long* accepts);
unsigned long long zt_find(const unsigned long long* text, unsigned words, unsigned long long length,
                           const unsigned long long* accepts);
long long zt_found(unsigned long long length, unsigned long long end);
void zt_series_add(SeriesSlot* slots, unsigned long long value, unsigned long long now, unsigned long long step,
                   unsigned most, unsigned fold, unsigned is_signed);

// A map of one element, whose values on the processors stand side by side.
void* bpf_map_lookup_percpu_elem(void* map, const void*, unsigned cpu) {
  auto* values = static_cast<std::vector<ExtremeRank>*>(map);
  return cpu < values->size() ? &(*values)[cpu] : nullptr;
}
void* bpf_map_lookup_elem(void* map, const void* key) {
  auto* test = static_cast<TestMap*>(map);
  if (!test->slots.empty()) {
    uint32_t index = *static_cast<const uint32_t*>(key);
    return index < test->slots.size() ? &test->slots[index] : nullptr;
  }
  auto found = test->stored.find(*static_cast<const uint64_t*>(key));
  return found == test->stored.end() ? nullptr : found->second.data();
}
long bpf_map_update_elem(void* map, const void* key, const void* value, unsigned long long) {
  auto* test = static_cast<TestMap*>(map);
  if (test->full) return -7;
  const char* bytes = static_cast<const char*>(value);
  test->stored[*static_cast<const uint64_t*>(key)].assign(bytes, bytes + sizeof(StackFrames));
  return 0;
}
long bpf_get_stack(void*, void* buffer, unsigned size, unsigned long long) {
  size_t bytes = std::min<size_t>(size, stack_now.size() * 8);
  std::memcpy(buffer, stack_now.data(), bytes);
  return static_cast<long>(bytes);
}
long bpf_probe_read_user(void*, unsigned size, const void* from) {
  auto address = reinterpret_cast<uint64_t>(from);
  return is_present(address, address + size) ? user_reads++ : -14;
}
long bpf_probe_read_kernel(void*, unsigned, const void*) { return kernel_reads++; }
long bpf_probe_read_user_str(void*, unsigned size, const void* from) {
  auto address = reinterpret_cast<uint64_t>(from);
  return is_present(address, std::min(address + size, std::max(text_end, address + 1))) ? user_reads++ : -14;
}
long bpf_copy_from_user(void*, unsigned size, const void* from) {
  auto address = reinterpret_cast<uint64_t>(from);
  if (!can_bring_in) return -14;
  for (uint64_t page = address / 4096; page <= (address + size - 1) / 4096; page++) absent_pages.erase(page);
  return 0;
}
long bpf_probe_read_kernel_str(void*, unsigned, const void*) { return kernel_reads++; }
long bpf_get_ns_current_pid_tgid(unsigned long long device, unsigned long long inode, void* info, unsigned size) {
  const uint32_t ids[2] = {13, 12};  // the thread, the process
  if (device != 4 || inode != 77 || size != sizeof ids) return -22;
  std::memcpy(info, ids, sizeof ids);
  return 0;
}
}

namespace {

std::vector<int64_t> interesting_numbers() {
  std::vector<int64_t> numbers = {0, 1, -1, 2, 3, 5, 63, 64, 65, numeric_limits<int64_t>::min(),
                                  numeric_limits<int64_t>::min() + 1, numeric_limits<int64_t>::max()};
  for (int bit = 1; bit < 63; bit++)
    for (int64_t near = -1; near <= 1; near++) numbers.push_back((int64_t{1} << bit) + near);
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; i++) numbers.push_back(static_cast<int64_t>(random() >> (random() % 64)));
  return numbers;
}

TEST(Runtime, process_ids_of_a_namespace) {
  EXPECT_EQ(zt_pid_tgid(4, 77), uint64_t{12} << 32 | 13);
  EXPECT_EQ(zt_pid_tgid(4, 78), 0u) << "the process is in another one";
}

TEST(Runtime, hist_puts_each_number_into_the_bucket_that_holds_it) {
  for (int32_t bits = 0; bits <= 5; bits++) {
    Type::Buckets shape{bits, 0, 0, 0};
    for (int64_t n : interesting_numbers()) {
      uint64_t bucket = zt_hist_bucket(static_cast<uint64_t>(n), static_cast<uint32_t>(bits), true);
      ASSERT_LT(bucket, bucket_count(Type::Kind::hist, shape)) << n << " bits " << bits;
      BucketRange range = bucket_range(Type::Kind::hist, shape, static_cast<uint32_t>(bucket));
      EXPECT_TRUE(!range.has_low || n >= range.low) << n << " bits " << bits << " bucket " << bucket;
      EXPECT_TRUE(!range.has_high || n < range.high) << n << " bits " << bits << " bucket " << bucket;
    }
  }
}

TEST(Runtime, hist_of_unsigned_numbers_knows_no_negatives) {
  Type::Buckets shape{};
  uint64_t bucket = zt_hist_bucket(numeric_limits<uint64_t>::max(), 0, false);
  EXPECT_EQ(bucket, bucket_count(Type::Kind::hist, shape) - 1);
  EXPECT_EQ(zt_hist_bucket(numeric_limits<uint64_t>::max(), 0, true), 0u);
}

TEST(Runtime, lhist_puts_each_number_into_the_bucket_that_holds_it) {
  for (Type::Buckets shape : {Type::Buckets{0, 0, 100, 10}, Type::Buckets{0, -50, 53, 7}, Type::Buckets{0, 3, 4, 1}}) {
    uint32_t count = bucket_count(Type::Kind::lhist, shape);
    for (int64_t n : interesting_numbers()) {
      uint64_t bucket = zt_lhist_bucket(static_cast<uint64_t>(n), true, shape.min, shape.max, shape.step, count - 1);
      ASSERT_LT(bucket, count) << n;
      BucketRange range = bucket_range(Type::Kind::lhist, shape, static_cast<uint32_t>(bucket));
      EXPECT_TRUE(!range.has_low || n >= range.low) << n << " bucket " << bucket;
      EXPECT_TRUE(!range.has_high || n < range.high) << n << " bucket " << bucket;
    }
  }
  EXPECT_EQ(zt_lhist_bucket(numeric_limits<uint64_t>::max(), false, 0, 10, 1, 11), 11u);
}

TEST(Runtime, extreme_keeps_the_smallest_and_the_largest) {
  for (bool is_signed : {false, true})
    for (bool is_min : {false, true}) {
      ExtremeRank slot;
      std::vector<uint64_t> values = {5, 1, static_cast<uint64_t>(-3), 7, 0, uint64_t{1} << 63};
      for (uint64_t value : values) zt_extreme(&slot, extreme_rank(value, is_signed, is_min));
      auto less = [&](uint64_t a, uint64_t b) {
        return is_signed ? static_cast<int64_t>(a) < static_cast<int64_t>(b) : a < b;
      };
      uint64_t expected = is_min ? *std::min_element(values.begin(), values.end(), less)
                                 : *std::max_element(values.begin(), values.end(), less);
      EXPECT_EQ(extreme_rank(slot.rank, is_signed, is_min), expected) << is_signed << is_min;
      EXPECT_EQ(slot.seen, 1u);
    }
}

TEST(Runtime, division_is_that_of_c_and_by_zero_that_of_bpf) {
  for (int64_t a : interesting_numbers())
    for (int64_t b : {int64_t{1}, int64_t{-1}, int64_t{3}, int64_t{-7}, numeric_limits<int64_t>::max()}) {
      if (a == numeric_limits<int64_t>::min() && b == -1) continue;  // overflows in C
      EXPECT_EQ(static_cast<int64_t>(zt_signed_divide(a, b)), a / b) << a << "/" << b;
      EXPECT_EQ(static_cast<int64_t>(zt_signed_modulo(a, b)), a % b) << a << "%" << b;
    }
  EXPECT_EQ(zt_signed_divide(5, 0), 0u);
  EXPECT_EQ(static_cast<int64_t>(zt_signed_modulo(-5, 0)), -5);
  EXPECT_EQ(zt_divide(5, 0), 0u);
  EXPECT_EQ(zt_modulo(5, 0), 5u);
}

TEST(Rooms, are_shared_given_back_and_never_more_than_there_are) {
  TestMap rooms;
  rooms.slots.resize(4);  // of two maps: {made, removed}, {made, removed}
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 1u);
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 1u);
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 0u);
  EXPECT_EQ(rooms.slots[2].busy, 2u);
  zt_room_give(&rooms, 1);
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 1u);
  rooms.slots[3].busy = 2;  // the user side has removed both
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 1u);
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 1u);
  EXPECT_EQ(zt_room_take(&rooms, 1, 2), 0u);
  EXPECT_EQ(rooms.slots[0].busy, 0u);
  EXPECT_EQ(zt_room_take(&rooms, 7, 2), 0u);  // no such map
}

TEST(Runtime, a_program_that_may_sleep_brings_pages_in) {
  can_bring_in = true;
  absent_pages = {5};
  EXPECT_LT(zt_read(nullptr, 8, 5 * 4096), 0);
  EXPECT_GE(zt_read_waiting(nullptr, 8, 5 * 4096), 0);
  EXPECT_TRUE(absent_pages.empty());
  // A text over three pages, of which two are away; the page behind its end stays where it is.
  absent_pages = {5, 7, 8};
  text_end = 7 * 4096 + 10;
  EXPECT_LT(zt_read_string(nullptr, 16384, 5 * 4096 + 4000), 0);
  EXPECT_GE(zt_read_string_waiting(nullptr, 16384, 5 * 4096 + 4000), 0);
  EXPECT_EQ(absent_pages, std::set<uint64_t>{8});
  // What can't be had stays a failed read.
  can_bring_in = false;
  text_end = 9 * 4096;
  EXPECT_LT(zt_read_waiting(nullptr, 8, 8 * 4096), 0);
  EXPECT_LT(zt_read_string_waiting(nullptr, 64, 8 * 4096), 0);
  absent_pages.clear();
}

TEST(Runtime, an_address_is_read_where_it_lies) {
  user_reads = kernel_reads = 0;
  (void)zt_read(nullptr, 8, 0x7fffffffe000);
  (void)zt_read_string(nullptr, 8, 0x1000);
  EXPECT_EQ(user_reads, 2);
  (void)zt_read(nullptr, 8, 0xffff888000000000);
  (void)zt_read_string(nullptr, 8, 0xffffffff81000000);
  EXPECT_EQ(kernel_reads, 2);
}

TEST(Runtime, a_text_is_copied_by_the_kernels_function_where_there_is_one) {
  auto copy = [](void* to, unsigned size, const void*, unsigned long long flags) {
    return flags == 0 ? snprintf(static_cast<char*>(to), size, "%s", "copied") + 1 : -22;
  };
  char text[32] = {};
  user_reads = kernel_reads = 0;
  EXPECT_EQ(zt_copy_string(text, sizeof text, 0x1000, copy), 7);
  EXPECT_STREQ(text, "copied");
  EXPECT_EQ(user_reads + kernel_reads, 0);
  (void)zt_copy_string(text, sizeof text, 0xffffffff81000000, copy);
  EXPECT_EQ(kernel_reads, 1) << "which reads the process's memory only";
  (void)zt_copy_string(text, sizeof text, 0x1000, nullptr);
  EXPECT_EQ(user_reads, 1);
}

TEST(Runtime, texts_are_the_same_or_not) {
  alignas(8) char a[16] = "short", b[16] = "short", c[16] = "short and", d[16] = "shore";
  auto same = [](const char* x, const char* y, unsigned words) {
    return zt_same_string(reinterpret_cast<const unsigned long long*>(x),
                          reinterpret_cast<const unsigned long long*>(y), words);
  };
  EXPECT_EQ(same(a, b, 2), 1u);
  EXPECT_EQ(same(a, c, 1), 0u);
  EXPECT_EQ(same(a, d, 1), 0u);
}

TEST(Runtime, a_stack_is_kept_once_under_its_hash) {
  TestMap stacks;
  StackFrames frames;
  stack_now = {0x10, 0x20, 0x30};
  uint64_t hash = zt_stack(nullptr, &stacks, &frames, 0, max_stack_frames);
  EXPECT_GT(hash, 1u);
  EXPECT_EQ(frames.count, 3u);
  EXPECT_EQ(zt_stack(nullptr, &stacks, &frames, 0, max_stack_frames), hash);
  EXPECT_EQ(stacks.stored.size(), 1u);
  EXPECT_NE(zt_stack(nullptr, &stacks, &frames, 0, 2), hash) << "two frames are another stack than three";
  stack_now = {0x10, 0x20, 0x31};
  EXPECT_NE(zt_stack(nullptr, &stacks, &frames, 0, max_stack_frames), hash);
  stack_now = {0x40};
  stacks.full = true;
  EXPECT_EQ(zt_stack(nullptr, &stacks, &frames, 0, max_stack_frames), 1u) << "no room";
  stack_now.clear();
  EXPECT_EQ(zt_stack(nullptr, &stacks, &frames, 0, max_stack_frames), 0u) << "no stack";
}

TEST(Runtime, a_scratch_slot_has_one_user_at_a_time) {
  TestMap map;
  map.slots.resize(8);
  std::vector<TestSlot*> taken;
  for (int i = 0; i < 8; i++) taken.push_back(zt_scratch_take(&map));
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(std::unique(taken.begin(), taken.end()), taken.end());
  EXPECT_NE(taken.front(), nullptr);
  EXPECT_EQ(zt_scratch_take(&map), nullptr);
  taken[3]->busy = 0;
  EXPECT_EQ(zt_scratch_take(&map), taken[3]);
}

// A text as the programs have it: zero-padded to a multiple of 8 bytes.
std::vector<unsigned long long> padded(const std::string& text) {
  std::vector<unsigned long long> words(text.size() / 8 + 1);
  std::memcpy(words.data(), text.data(), text.size());
  return words;
}

TEST(Runtime, aggregations_of_all_processors) {
  std::vector<ExtremeRank> values = {{5, 1}, {0, 0}, {9, 2}};
  EXPECT_EQ(zt_total(&values, nullptr, 0, 8), 14u);
  EXPECT_EQ(zt_total(&values, nullptr, 1, 8), 3u);
  EXPECT_EQ(zt_total(&values, nullptr, 0, 2), 5u);
  EXPECT_EQ(zt_highest(&values, nullptr, 77, 8), 9u);
  values = {{100, 0}, {3, 1}};
  EXPECT_EQ(zt_highest(&values, nullptr, 77, 8), 3u);
  values = {{100, 0}};
  EXPECT_EQ(zt_highest(&values, nullptr, 77, 8), 77u);
}

TEST(Runtime, lengths_of_texts) {
  for (size_t size = 0; size < 40; size++) {
    auto text = padded(std::string(size, 'x'));
    EXPECT_EQ(zt_string_length(text.data(), static_cast<unsigned>(text.size())), size);
  }
  auto high = padded("\xff\x80\x01");
  EXPECT_EQ(zt_string_length(high.data(), 1), 3u);
}

TEST(Runtime, texts_are_compared_as_C_does) {
  const std::vector<std::string> texts = {"", "a", "ab", "abcdefgh", "abcdefghi", "abcdefgX", "abcdefgh\xff", "b", "abcdefghij"};
  auto sign = [](long long n) { return (n > 0) - (n < 0); };
  for (const std::string& a : texts)
    for (const std::string& b : texts)
      for (size_t most : {0, 1, 7, 8, 9, 100}) {
        auto x = padded(a), y = padded(b);
        auto words = static_cast<unsigned>(std::min(x.size(), y.size()));
        EXPECT_EQ(sign(zt_compare(x.data(), y.data(), words, most)), sign(std::strncmp(a.c_str(), b.c_str(), most)))
            << a << " " << b << " " << most;
      }
}

TEST(Runtime, a_text_in_a_text) {
  const std::string longest(64, 'n');
  const std::vector<std::string> texts = {"", "a", "aa", "aab", "abab", "xxabxabab", "mississippi", "x" + longest, longest,
                                          std::string(7, '-') + "ab", std::string(6, '-') + "aab", std::string(100, 'a') + 'b'};
  const std::vector<std::string> needles = {"", "a", "ab", "aab", "abab", "issip", "sippi", "q", longest};
  for (const std::string& text : texts)
    for (const std::string& needle : needles) {
      unsigned long long accepts[256] = {};
      const size_t found = text.find(needle);
      const auto words = padded(text);
      const auto length = zt_needle(needle.c_str(), static_cast<unsigned>(needle.size() + 1), accepts);
      EXPECT_EQ(length, needle.size());
      EXPECT_EQ(zt_found(length, zt_find(words.data(), static_cast<unsigned>(words.size()), length, accepts)),
                found == std::string::npos ? -1 : static_cast<long long>(found))
          << text << " " << needle;
    }
}

TEST(Runtime, a_series_keeps_the_newest_intervals) {
  SeriesSlot slots[2];
  auto add = [&](unsigned long long value, unsigned long long now, SeriesFold fold) {
    zt_series_add(slots, value, now, 10, 2, static_cast<unsigned>(fold), 1);
  };
  add(5, 100, SeriesFold::max);
  add(static_cast<unsigned long long>(-7), 109, SeriesFold::max);
  EXPECT_EQ(slots[0].interval, 11u);
  EXPECT_EQ(slots[0].value, 5u);
  EXPECT_EQ(slots[0].count, 2u);
  EXPECT_EQ(slots[0].when, 109u);
  add(1, 110, SeriesFold::sum);
  add(2, 111, SeriesFold::sum);
  EXPECT_EQ(slots[1].value, 3u);
  add(9, 120, SeriesFold::last);
  EXPECT_EQ(slots[0].interval, 13u);
  EXPECT_EQ(slots[0].value, 9u);
  add(8, 121, SeriesFold::last);
  EXPECT_EQ(slots[0].value, 8u);
}

}  // namespace
