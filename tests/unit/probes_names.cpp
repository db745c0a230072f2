// Globs, C++ names, library names, system call names: text in, answer out.
#include <asm/unistd_64.h>
#include <gtest/gtest.h>

#include "probes/binary_path.h"
#include "probes/cxx_name.h"
#include "probes/glob.h"
#include "probes/perf_event.h"
#include "probes/syscalls.h"

namespace zeektrace {
namespace {

TEST(Glob, Matches) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "abc", true},
      {"a*c", "abbc", true},
      {"a*c", "abbd", false},
      {"*EventHandler*Call*", "_ZN4zeek12EventHandler4CallEv", true},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[^a-c]x", "ax", false},
      {"[]]", "]", true},
      {"[a", "[a", true},
      {"[a", "a", false},
      {"x[a-]y", "x-y", true},
      {"*a*b*a", "aabba", true},
      {"**", "x", true},
      {"a**b", "ab", true},
      {"*x", "xxxy", false},
      {"ab", "abc", false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
  EXPECT_TRUE(is_glob("a[b]"));
  EXPECT_FALSE(is_glob("zeek::EventMgr::Drain"));
}

// A pattern that makes backtracking matchers run for ever.
TEST(Glob, ManyStarsAreFast) {
  const std::string text(20000, 'a');
  std::string pattern;
  for (int i = 0; i < 50; i++) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", text));
  EXPECT_TRUE(glob_matches(pattern, text));
}

TEST(CxxName, WithoutParameters) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"zeek::EventMgr::Drain()", "zeek::EventMgr::Drain"},
      {"zeek::EventHandler::Call(std::vector<int>*, bool) const", "zeek::EventHandler::Call"},
      {"void zeek::f<int>(int) [clone .isra.0]", "zeek::f<int>"},
      {"std::function<void (int)>::operator()(int) const", "std::function<void (int)>::operator()"},
      {"zeek::(anonymous namespace)::g(char**)", "zeek::(anonymous namespace)::g"},
      {"operator new(unsigned long)", "operator new"},
      {"A::operator bool() const", "A::operator bool"},
      {"f(void (*)(int))", "f"},
      {"vtable", "vtable"},
      {"unsigned int g<char>(char) &&", "g<char>"},
  };
  for (const auto& [full, plain] : cases) EXPECT_EQ(without_parameters(full), plain) << full;
  EXPECT_EQ(without_template_arguments("zeek::f<std::vector<int> >"), "zeek::f");
  EXPECT_EQ(without_template_arguments("A::operator->"), "A::operator->");
}

TEST(CxxName, PatternsMatchWhatTheyMean) {
  Demangler demangler;
  const auto matches = [&](std::string_view pattern, std::string_view mangled) {
    return CxxPattern(pattern).matches(mangled, demangler);
  };
  EXPECT_TRUE(matches("zeek::EventMgr::Drain", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_TRUE(matches("zeek::EventMgr::Drain()", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_TRUE(matches("zeek::EventMgr::*", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_TRUE(matches("zeek::EventMgr::EventMgr", "_ZN4zeek8EventMgrC1Ev"));
  EXPECT_TRUE(matches("zeek::EventMgr::~EventMgr", "_ZN4zeek8EventMgrD2Ev"));
  EXPECT_TRUE(matches("std::ostream::put", "_ZNSo3putEc"));  // "ostream" is not spelled in the mangled name
  EXPECT_TRUE(matches("*tring*append*", "_ZNSs6appendEPKc"));
  EXPECT_TRUE(matches("*[Ee]vent*", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_TRUE(matches("f", "_Z1fIiEvT_"));  // void f<int>(int)
  EXPECT_FALSE(matches("zeek::EventMgr::Drai", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_FALSE(matches("Drain", "_ZN4zeek8EventMgr5DrainEv"));
  EXPECT_FALSE(matches("malloc", "malloc"));  // no C++ name
}

TEST(BinaryPath, BareLibraryNames) {
  EXPECT_TRUE(names_file("libc", "libc.so.6"));
  EXPECT_TRUE(names_file("libc", "libc-2.31.so"));
  EXPECT_TRUE(names_file("libc.so.6", "libc.so.6"));
  EXPECT_TRUE(names_file("libfoo.so", "libfoo.so.3"));
  EXPECT_TRUE(names_file("libstdc++", "libstdc++.so.6.0.30"));
  EXPECT_TRUE(names_file("zeek", "zeek"));
  EXPECT_FALSE(names_file("libc", "libcrypt.so.1"));
  EXPECT_FALSE(names_file("libc", "libc-client.so"));
  EXPECT_FALSE(names_file("libc.so.6", "libc.so.60"));
  EXPECT_FALSE(names_file("zeek", "zeekctl"));
}

TEST(BinaryPath, FindsWhatIsThere) {
  const auto libc = find_binary("libc", std::nullopt);
  ASSERT_TRUE(libc) << libc.error().text();
  EXPECT_TRUE(names_file("libc", std::string_view(libc->shown).substr(libc->shown.rfind('/') + 1)))
      << libc->shown;
  const auto shell = find_binary("sh", std::nullopt);
  ASSERT_TRUE(shell) << shell.error().text();
  EXPECT_TRUE(shell->open.starts_with("/"));
  const auto own = find_binary("libc", getpid());  // from our own mappings
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ(own->shown, own->open);
}

TEST(BinaryPath, SaysWhatIsNot) {
  const auto nothing = find_binary("no-such-program", std::nullopt);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, Error::Kind::script);
  EXPECT_NE(nothing.error().message.find("'no-such-program'"), std::string::npos);
  const auto directory = find_binary("/usr", std::nullopt);
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find("Is a directory"), std::string::npos) << directory.error().message;
  const auto process = find_binary("libc", 0x7ffffff0);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, Error::Kind::machine);
}

TEST(Syscalls, NumbersComeFromTheHeaders) {
  ASSERT_NE(find_syscall("read"), nullptr);
  EXPECT_EQ(find_syscall("read")->number, __NR_read);
  EXPECT_EQ(find_syscall("bpf")->number, __NR_bpf);
  EXPECT_EQ(find_syscall("newstat"), find_syscall("stat"));  // the kernel's name for it
  EXPECT_EQ(find_syscall("stat")->kernel, "newstat");
  EXPECT_EQ(find_syscall("raed"), nullptr);
  EXPECT_GE(all_syscalls().size(), 350U);
}

TEST(Syscalls, Prefixes) {
  EXPECT_EQ(split_syscall_name("sys_read")->name, "read");
  EXPECT_EQ(split_syscall_name("__x64_sys_read")->name, "read");
  EXPECT_EQ(split_syscall_name("SyS_read")->name, "read");
  EXPECT_FALSE(split_syscall_name("vfs_read"));
}

TEST(PerfEvent, CpuLists) {
  EXPECT_EQ(parse_cpu_list("0-3,8"), (std::vector<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("5"), (std::vector<int>{5}));
  EXPECT_TRUE(parse_cpu_list("").empty());
  EXPECT_FALSE(online_cpus().empty());
}

}  // namespace
}  // namespace zeektrace
