// What the kernel side makes of a glob and a name, beside what the user side makes of both.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "parser/name_pattern.h"
#include "probes/dead_names.h"

using zeektrace::name_pattern;
using zeektrace::NamePattern;

extern "C" {
unsigned long long zt_name_matches(unsigned long long number, unsigned long long from);
unsigned long long zt_name_matches_waiting(unsigned long long number, unsigned long long from);
NamePattern zt_patterns[2];
unsigned long long zt_pattern_count = 2;
unsigned long long zt_proves(unsigned long long number, unsigned long long description);
struct proof {
  uint64_t pattern;
  int64_t name[12], number[12];
  uint64_t name_steps, number_steps, size, value;
} zt_proofs[1];
unsigned long long zt_proof_count = 1;
}

static int absences = 0;  // how many reads fail before the name is in memory

extern "C" long names_read_text(void* to, unsigned size, const void* from) {
  if (from == nullptr || absences > 0) return -14;
  const size_t length = strnlen(static_cast<const char*>(from), size - 1);
  std::memcpy(to, from, length);
  static_cast<char*>(to)[length] = 0;
  return static_cast<long>(length + 1);
}
extern "C" long names_read(void* to, unsigned size, const void* from) {
  if (reinterpret_cast<uintptr_t>(from) < 4096) return -14;
  std::memcpy(to, from, size);
  return 0;
}

struct Task {
  const Task* group_leader;
  unsigned long long start_boottime, self_exec_id;
};
extern "C" zeektrace::KnownText* zt_known_name(unsigned long long slot);

static Task leader{&leader, 1000, 1}, task{&leader, 1500, 1};
static uint64_t process = 7;
static std::vector<zeektrace::KnownName> known_names;

extern "C" void* names_lookup(void*, const uint32_t* key) {
  return *key < known_names.size() ? &known_names[*key] : nullptr;
}
extern "C" uint64_t names_pid_tgid() { return process << 32 | 9; }
extern "C" const Task* names_task() { return &task; }
extern "C" long names_bring_in(void*, unsigned, const void*) { return absences-- > 0 ? 0 : -14; }

namespace {

constexpr unsigned long long yes = 1, unread = 2, passing = 4;

unsigned long long matches(std::string_view glob, const std::string& name) {
  const auto pattern = name_pattern(glob);
  EXPECT_TRUE(pattern) << glob;
  if (!pattern) return 99;
  zt_patterns[1] = *pattern;
  return zt_name_matches(1, reinterpret_cast<uint64_t>(name.c_str()));
}

// By the meaning of the words: a star is any text, one character at a time.
bool slowly(std::string_view glob, std::string_view name) {
  if (glob.empty()) return name.empty();
  if (glob[0] == '*') return slowly(glob.substr(1), name) || (!name.empty() && slowly(glob, name.substr(1)));
  if (name.empty()) return false;
  return (glob[0] == '?' || glob[0] == name[0]) && slowly(glob.substr(1), name.substr(1));
}

}  // namespace

TEST(Names, ALiteralNameIsItselfOnly) {
  EXPECT_EQ(matches("dns_request", "dns_request"), yes);
  EXPECT_EQ(matches("dns_request", "dns_requests"), 0);
  EXPECT_EQ(matches("dns_request", "dns_reques"), 0);
  EXPECT_EQ(matches("dns_request", ""), 0);
  EXPECT_EQ(matches("", ""), yes);
}

TEST(Names, SetsAndStars) {
  EXPECT_EQ(matches("HTTP::[a-m]*", "HTTP::log_http"), yes);
  EXPECT_EQ(matches("HTTP::[!a-m]*", "HTTP::log_http"), 0);
  EXPECT_EQ(matches("*", ""), yes);
  EXPECT_EQ(matches("a[]x]b", "a]b"), yes);
  EXPECT_EQ(matches("a[b", "a[b"), yes);
  EXPECT_EQ(matches("**a**", "bab"), yes);
}

TEST(Names, AreAsTheirMeaningSaysForAnyTextOfTwoLetters) {
  std::mt19937 random(7);
  const std::string letters = "ab*?";
  for (int round = 0; round < 20000; round++) {
    std::string glob, name;
    for (size_t left = random() % 8; left > 0; left--) glob += letters[random() % 4];
    for (size_t left = random() % 9; left > 0; left--) name += letters[random() % 2];
    ASSERT_EQ(matches(glob, name), slowly(glob, name) ? yes : 0) << glob << " on " << name;
  }
}

TEST(Names, AsLongAsTheyMayBe) {
  const std::string longest(zeektrace::most_name_characters, 'n');
  EXPECT_EQ(matches(longest, longest), yes);
  EXPECT_EQ(matches(longest, longest.substr(1)), 0);
  EXPECT_EQ(matches(longest.substr(1) + "*", longest), yes);
  EXPECT_EQ(matches("*" + longest.substr(2) + "x", longest), 0);
  EXPECT_FALSE(name_pattern(longest + "n"));
  EXPECT_EQ(matches("*q", longest + "q"), 0) << "what is behind is not seen";
}

TEST(Names, OfWhatComesAndGoesAreNotToBeKept) {
  EXPECT_EQ(matches("*", "lambda_<123>"), yes | passing);
  EXPECT_EQ(matches("dns*", "lambda_<123>"), passing);
  EXPECT_EQ(matches("*", "lambda"), yes);
}

TEST(Names, ThatCanNotBeReadAreNoAnswer) {
  zt_patterns[0] = *name_pattern("*");
  EXPECT_EQ(zt_name_matches(0, 0), unread);
  EXPECT_EQ(zt_name_matches(2, reinterpret_cast<uint64_t>("x")), unread) << "there is no such pattern";
  const std::string name = "x";
  const auto at = reinterpret_cast<uint64_t>(name.c_str());
  absences = 1;
  EXPECT_EQ(zt_name_matches(0, at), unread);
  EXPECT_EQ(zt_name_matches_waiting(0, at), yes);
  absences = 2;  // it reaches into a second page
  EXPECT_EQ(zt_name_matches_waiting(0, at), yes);
  absences = 3;
  EXPECT_EQ(zt_name_matches_waiting(0, at), unread);
  absences = 0;
}

// A field's name and the tag of its type, reached from the record that declares it.
TEST(Names, AProofIsANameAndANumber) {
  struct Type {
    uint64_t vtable;
    uint8_t other, tag;
  } count{0, 9, 3}, text{0, 9, 7};
  struct Field {
    Type* type;
    const char* id;
  } a{&count, "orig_p"}, b{&text, "uid"};
  Field* fields[] = {&a, &b};
  struct Record {
    uint64_t vtable;
    Field** fields;
  } record{0, fields};
  zt_patterns[1] = *name_pattern("uid");
  auto proves = [&](int64_t index, uint64_t tag, uint64_t of) {
    zt_proofs[0] = {1, {8, 8 * index, 8, 0}, {8, 8 * index, 0, 9}, 4, 4, 1, tag};
    return zt_proves(0, of);
  };
  const auto address = reinterpret_cast<uint64_t>(&record);
  EXPECT_EQ(proves(1, 7, address), yes);
  EXPECT_EQ(proves(1, 3, address), 0);
  EXPECT_EQ(proves(0, 3, address), 0);
  EXPECT_EQ(proves(1, 7, 8), unread);
  EXPECT_EQ(zt_proves(1, address), unread);
}

// ---- names that are known ----

namespace {

struct Object {
  uint64_t other = 0;
  const char* name = nullptr;
  uint64_t slot() const { return reinterpret_cast<uint64_t>(&name); }
};
std::string known(const Object& object) {
  const zeektrace::KnownText* found = zt_known_name(object.slot());
  if (!found) return "(none)";
  EXPECT_EQ(found->size, strnlen(found->text, sizeof(found->text)) + 1);
  return found->text;
}
void forget_all() { known_names.assign(zeektrace::most_known_names, {}); }
size_t in_use() {
  return static_cast<size_t>(std::ranges::count_if(known_names, [](const auto& name) { return name.process != 0; }));
}

}  // namespace

TEST(KnownNames, AreReadOnceInTheLifeOfAProgram) {
  forget_all();
  Object object{0, "dns_request"};
  EXPECT_EQ(known(object), "dns_request");
  object.name = nullptr;
  EXPECT_EQ(known(object), "dns_request") << "it is not read again";
  object.name = "http_request";
  process = 8;
  EXPECT_EQ(known(object), "http_request") << "of another process";
  object.name = "smtp_request";
  task.self_exec_id = 2;
  EXPECT_EQ(known(object), "smtp_request") << "after an exec";
  object.name = "ssh_request";
  leader.start_boottime = 2000;
  EXPECT_EQ(known(object), "ssh_request") << "the id is given to a later process";
  EXPECT_EQ(in_use(), 4U);
}

TEST(KnownNames, ThatPassOrCanNotBeReadAreNotKept) {
  forget_all();
  static const char empty[8] = "";  // a name's first eight bytes are read at once
  const Object lambda{0, "lambda_<4711>"}, nothing{0, empty}, absent{0, nullptr};
  EXPECT_EQ(known(lambda), "(none)");
  EXPECT_EQ(known(nothing), "(none)");
  EXPECT_EQ(known(absent), "(none)");
  const Object later{0, "new_connection"};
  absences = 1;
  EXPECT_EQ(known(later), "(none)") << "the page is not there";
  EXPECT_EQ(in_use(), 0U);
  absences = 0;
  EXPECT_EQ(known(later), "new_connection") << "now it is";
}

// 20,000 handlers want 16,384 places: whoever has none is none, and whoever has one is himself.
TEST(KnownNames, WithoutRoomAreNone) {
  forget_all();
  std::vector<Object> objects(20000);
  std::vector<std::string> names;
  for (size_t i = 0; i < objects.size(); ++i) names.push_back("event_" + std::to_string(i));
  for (size_t i = 0; i < objects.size(); ++i) objects[i].name = names[i].c_str();
  size_t kept = 0;
  for (int round = 0; round < 2; ++round) {
    kept = 0;
    for (size_t i = 0; i < objects.size(); ++i) {
      const std::string name = known(objects[i]);
      kept += name == names[i];
      EXPECT_TRUE(name == names[i] || name == "(none)") << name;
    }
    EXPECT_EQ(kept, in_use());
  }
  EXPECT_GT(kept, 14000U);
  forget_all();
  for (size_t i = 0; i < 4000; ++i) EXPECT_EQ(known(objects[i]), names[i]) << "there is room";
}

TEST(KnownNames, OfTheDeadMakeRoom) {
  forget_all();
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  Object mine{0, "new_connection"}, other{0, "connection_state_remove"};
  process = static_cast<uint64_t>(getpid());
  EXPECT_EQ(known(mine), "new_connection");
  process = static_cast<uint64_t>(child);
  EXPECT_EQ(known(other), "connection_state_remove");
  EXPECT_EQ(zeektrace::forget_dead_names(std::span(known_names)), 1U);
  EXPECT_EQ(in_use(), 1U);
  other.name = "dns_end";  // shorter: nothing of the former may be left behind it
  EXPECT_EQ(known(other), "dns_end");
  const zeektrace::KnownText* text = zt_known_name(other.slot());
  EXPECT_TRUE(std::ranges::all_of(std::span(text->text).subspan(text->size), [](char c) { return c == 0; }));
  process = static_cast<uint64_t>(getpid());
  mine.name = nullptr;
  EXPECT_EQ(known(mine), "new_connection") << "the living keep theirs";
}
