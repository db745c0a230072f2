// Globs, C++ names, library names, system call names: text in, answer out.
#include <asm/unistd_64.h>
#include <gtest/gtest.h>

#include "probes/binary_path.h"
#include "probes/cxx_name.h"
#include "probes/glob.h"
#include "probes/perf_event.h"
#include "probes/symbol_name.h"
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

TEST(CxxName, SpellingDoesNotMatter) {
  const std::string text = "std::basic_string<char,std::char_traits<char>,std::allocator<char>>";
  const std::pair<std::string_view, std::string> cases[] = {
      {"f( const std::string &, int )", "f(" + text + "const&,int)"},
      {"f(std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&, int)",
       "f(" + text + "const&,int)"},
      {"std::__1::vector<int>::size() const", "std::vector<int>::size()const"},
      {"zeek::Obj::Name[abi:cxx11]() const", "zeek::Obj::Name()const"},
      {"f(const std::vector<const zeek::Val*>&, const unsigned long &)",
       "f(std::vector<zeek::Val const*>const&,unsigned long const&)"},
      {"f(char const *const)", "f(char const*const)"},
      {"std::map<int, std::vector<int> >::operator[] (int const&)", "std::map<int,std::vector<int>>::operator[](int const&)"},
      {"zeek::(anonymous namespace)::g(char **)", "zeek::(anonymous namespace)::g(char**)"},
      {"f(std::string_view)", "f(std::basic_string_view<char,std::char_traits<char>>)"},
      {"mystd::string", "mystd::string"},
      {"operator new (unsigned long)", "operator new(unsigned long)"},
      {"", ""},
      {"[abi:never closed", ""},
      {"const ", "const"},
  };
  for (const auto& [spelling, canonical] : cases) {
    EXPECT_EQ(canonical_cxx_name(spelling), canonical) << spelling;
    EXPECT_EQ(canonical_cxx_name(canonical), canonical) << spelling;
  }
}

using Match = CxxPattern::Match;

TEST(CxxName, PatternsMatchWhatTheyMean) {
  Demangler demangler;
  const auto match = [&](std::string_view pattern, std::string_view mangled) {
    return CxxPattern(pattern).match(mangled, demangler);
  };
  constexpr std::string_view drain = "_ZN4zeek8EventMgr5DrainEv";
  EXPECT_EQ(match("zeek::EventMgr::Drain", drain), Match::literal);
  EXPECT_EQ(match("zeek::EventMgr::Drain()", drain), Match::literal);
  EXPECT_EQ(match("zeek::EventMgr::*", drain), Match::glob);
  EXPECT_EQ(match("*[Ee]vent*", drain), Match::glob);
  EXPECT_EQ(match("zeek::EventMgr::Drai", drain), Match::none);
  EXPECT_EQ(match("Drain", drain), Match::none);
  EXPECT_EQ(match("malloc", "malloc"), Match::none);  // no C++ name
  EXPECT_EQ(match("A::f", "_ZThn16_N1A1fEv"), Match::none) << "a thunk to it";
  EXPECT_EQ(match("zeek::EventMgr::EventMgr", "_ZN4zeek8EventMgrC1Ev"), Match::literal);
  EXPECT_EQ(match("zeek::EventMgr::~EventMgr", "_ZN4zeek8EventMgrD2Ev"), Match::literal);
  EXPECT_EQ(match("std::ostream::put", "_ZNSo3putEc"), Match::literal);  // "ostream" is not in the mangled name
  EXPECT_EQ(match("*tring*append*", "_ZNSs6appendEPKc"), Match::glob);
  constexpr std::string_view append = "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE6appendEPKc";
  EXPECT_EQ(match("std::string::append", append), Match::literal);
  EXPECT_EQ(match("std::string::append(const char *)", append), Match::literal);
  EXPECT_EQ(match("f", "_Z1fIiEvT_"), Match::literal);  // void f<int>(int)
  EXPECT_EQ(match("f<int>(int)", "_Z1fIiEvT_"), Match::literal);
  EXPECT_EQ(match("void f<int>(int)", "_Z1fIiEvT_"), Match::literal);
  constexpr std::string_view name = "_ZNK4zeek3Obj4NameB5cxx11Ev";
  EXPECT_EQ(match("zeek::Obj::Name", name), Match::literal);
  EXPECT_EQ(match("zeek::Obj::Name[abi:cxx11]() const", name), Match::literal);
  EXPECT_EQ(match("zeek::Obj::Name()", name), Match::none) << "its const tells it from an overload";
}

TEST(CxxName, NamesThatLookLikeGlobs) {
  Demangler demangler;
  const auto match = [&](std::string_view pattern, std::string_view mangled) {
    return CxxPattern(pattern).match(mangled, demangler);
  };
  EXPECT_EQ(match("f(char*)", "_Z1fPc"), Match::literal);
  EXPECT_EQ(match("f(char*)", "_Z1fPci"), Match::glob);
  EXPECT_EQ(match("operator*", "_ZmlRK1AS1_"), Match::literal);
  EXPECT_EQ(match("A::operator*", "_ZN1AixEi"), Match::glob);
  EXPECT_EQ(match("A::operator[]", "_ZN1AixEi"), Match::literal);
  EXPECT_EQ(match("*operator[](*)", "_ZN1AIiEixEi"), Match::glob);
  EXPECT_EQ(match("*operator[](*)", "_ZN1AIiEplEi"), Match::none);
  EXPECT_TRUE(CxxPattern("f(char*)").may_be_literal());
  EXPECT_FALSE(CxxPattern("zeek::*").may_be_literal());
}

TEST(CxxName, ReachOfAGlob) {
  Demangler demangler;
  const auto match = [&](std::string_view pattern, CxxPattern::Reach reach) {
    return CxxPattern(pattern, reach).match("_Z1fP3Val", demangler);
  };
  EXPECT_EQ(match("*Val*", CxxPattern::Reach::all), Match::glob);
  EXPECT_EQ(match("*Val*", CxxPattern::Reach::name), Match::none);
  EXPECT_EQ(match("*(Val*)", CxxPattern::Reach::name), Match::glob);
}

TEST(SymbolName, WhatCompilersAppend) {
  using Kind = SymbolName::Kind;
  struct Case {
    std::string_view symbol;
    std::string_view function;
    Kind kind;
  };
  const Case cases[] = {
      {"f", "f", Kind::whole},
      {"_ZN1A1fEv.isra.0", "_ZN1A1fEv", Kind::specialised},
      {"f.constprop.0.isra.1", "f", Kind::specialised},
      {"f.specialized.2", "f", Kind::specialised},
      {"f.part.0", "f", Kind::part},
      {"f.part.0.constprop.0", "f", Kind::part},
      {"f.constprop.0.cold", "f", Kind::cold},
      {"f.cold.1", "f", Kind::cold},
      {"f.lto_priv.12", "f", Kind::renamed},
      {"f.llvm.1234567", "f", Kind::renamed},
      {"f.avx2", "f.avx2", Kind::whole},
      {"f.0", "f.0", Kind::whole},
      {".f", ".f", Kind::whole},
      {"f.", "f.", Kind::whole},
      {"", "", Kind::whole},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(read_symbol_name(c.symbol).function, c.function) << c.symbol;
    EXPECT_EQ(read_symbol_name(c.symbol).kind, c.kind) << c.symbol;
  }
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
