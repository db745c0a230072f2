// Names of addresses, on this very process; the command of -c; what wakes a session.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "src/child.h"
#include "src/files.h"
#include "src/messages.h"
#include "src/options.h"
#include "src/script.h"
#include "src/symbols.h"
#include "src/watch.h"

namespace zeektrace_symbols_test {
[[gnu::noinline]] int named_function(int x) { return x * 3 + 1; }
}  // namespace zeektrace_symbols_test

namespace zeektrace {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

uint64_t address_of(int (*function)(int)) { return reinterpret_cast<uint64_t>(function); }

class Folder {
 public:
  Folder() { path_ = mkdtemp(name_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  char name_[32] = "/tmp/zeektrace-test-XXXXXX";
  std::string path_;
};

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// ---- symbols ----

TEST(Symbols, OfThisProcess) {
  Symbols symbols;
  auto self = static_cast<uint32_t>(getpid());
  uint64_t function = address_of(zeektrace_symbols_test::named_function);
  EXPECT_EQ(symbols.user(self, function, false), "zeektrace_symbols_test::named_function(int)");
  EXPECT_EQ(symbols.user(self, function + 1, false), "zeektrace_symbols_test::named_function(int)+1");
  EXPECT_EQ(symbols.user(self, function + 1, true), "zeektrace_symbols_test::named_function(int)+1");
  // A return address right behind a function belongs to the function that made the call.
  EXPECT_THAT(symbols.user(self, function, true),
              testing::Not(StartsWith("zeektrace_symbols_test::named_function")));
}

TEST(Symbols, OfALibrary) {
  Symbols symbols;
  auto address = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "qsort"));
  ASSERT_NE(address, 0u);
  EXPECT_THAT(symbols.user(static_cast<uint32_t>(getpid()), address + 2, false),
              AnyOf("qsort+2", "__interceptor_qsort+2"));
}

TEST(Symbols, OfTheVdso) {
  uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
  if (vdso == 0) GTEST_SKIP() << "this process has no vdso";
  Symbols symbols;
  auto maps = parse_mappings(*read_file("/proc/self/maps"));
  std::string found;
  for (uint64_t at = vdso; at < vdso + 0x2000 && found.empty(); at += 16) {
    std::string name = symbols.user(static_cast<uint32_t>(getpid()), at, false);
    if (name.find("clock_gettime") != std::string::npos) found = name;
  }
  EXPECT_NE(found, "");
}

TEST(Symbols, UnknownAddressesAreHexadecimal) {
  Symbols symbols;
  EXPECT_EQ(symbols.user(static_cast<uint32_t>(getpid()), 0x1234, false), "0x1234");
  EXPECT_EQ(symbols.user(999999999, 0x1234, false), "0x1234");
}

// A copy of this program, started with this variable, tells where the function is, and sleeps.
constexpr const char* sleeper_variable = "ZEEKTRACE_TEST_SLEEPER";
[[gnu::constructor]] void sleep_if_asked() {
  if (getenv(sleeper_variable) == nullptr) return;
  printf("address=%#llx;;\n",
         static_cast<unsigned long long>(address_of(zeektrace_symbols_test::named_function)));
  fflush(stdout);
  sleep(5);
  _exit(0);
}

TEST(Symbols, OutliveTheProcessAndItsFile) {
  Folder folder;
  std::string program = folder / "sleeper";
  std::filesystem::copy_file("/proc/self/exe", program);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ready[1], 1);
    setenv(sleeper_variable, "1", 1);
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(127);
  }
  close(ready[1]);
  // Wait for the copy to print where the function is.
  std::string said;
  char byte;
  while (said.find(";;") == std::string::npos && read(ready[0], &byte, 1) == 1) said += byte;
  size_t at = said.find("address=");
  ASSERT_NE(at, std::string::npos) << said;
  uint64_t address = std::strtoull(said.c_str() + at + 8, nullptr, 0);

  Symbols symbols;
  symbols.observe(pid);
  std::filesystem::remove(program);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  symbols.observe(pid);  // nothing is there any more: the snapshot stays
  EXPECT_EQ(symbols.user(static_cast<uint32_t>(pid), address + 1, false),
            "zeektrace_symbols_test::named_function(int)+1");
}

// Two files at one address, one after the other, as this process might have had them.
TEST(Symbols, OfWhatWasMappedThen) {
  const pid_t pid = getpid();
  constexpr uint64_t begin = 0x10000000;
  const uint64_t function = address_of(zeektrace_symbols_test::named_function), library = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "qsort"));
  Mapping one, two;
  for (const Mapping& each : parse_mappings(*read_file("/proc/self/maps"))) {
    if (function >= each.begin && function < each.end) one = each;
    if (library >= each.begin && library < each.end) two = each;
  }
  ASSERT_TRUE(one.has_file() && two.has_file());
  const uint64_t address = function - one.begin + begin + 1;
  for (Mapping* each : {&one, &two}) {
    each->end += begin - each->begin;
    each->begin = begin;
  }
  two.end = std::max(two.end, one.end);
  const uint32_t first = code_id(one.file, one.offset - begin), second = code_id(two.file, two.offset - begin);
  ASSERT_NE(first, second);
  const std::string name = "zeektrace_symbols_test::named_function(int)+1", nameless = fmt::format("{:#x}", address);
  Symbols symbols;
  const auto named = [&](uint32_t id) { return symbols.user(static_cast<uint32_t>(pid), {address, id}, false); };
  EXPECT_TRUE(symbols.mapped(pid, one));
  EXPECT_EQ(named(first), name);
  EXPECT_EQ(named(0), name);
  EXPECT_EQ(named(second), name) << "the kernel may call a file in its own way, and there was no other";
  EXPECT_TRUE(symbols.mapped(pid, two));
  EXPECT_EQ(named(first), name);
  EXPECT_NE(named(second), name);
  EXPECT_EQ(named(0), nameless) << "nobody knows which";
  EXPECT_EQ(named(id_without_file), nameless);
  EXPECT_TRUE(symbols.mapped(pid, one));
  EXPECT_EQ(named(first), name) << "the first one once more";
}

// What is announced is opened a moment later: another file can be mapped at that place by then.
TEST(Mappings, WhatHasTakenAFilesPlaceIsNotOpenedForIt) {
  const auto library = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "qsort"));
  const uint64_t function = address_of(zeektrace_symbols_test::named_function);
  Mapping gone, there;
  for (const Mapping& each : parse_mappings(*read_file("/proc/self/maps"))) {
    if (function >= each.begin && function < each.end) gone = each;
    if (library >= each.begin && library < each.end) there = each;
  }
  gone.begin = there.begin;
  gone.end = there.end;
  const int fd = open_mapped(getpid(), gone), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(file_identity(fd), file_identity(self));
  close(fd);
  close(self);
  gone.path = "/nonexistent";
  EXPECT_EQ(open_mapped(getpid(), gone), -1);
}

TEST(Symbols, AreNotGuessedWhenMappingsMayBeMissing) {
  const auto self = static_cast<uint32_t>(getpid());
  const uint64_t function = address_of(zeektrace_symbols_test::named_function);
  Symbols symbols;
  EXPECT_EQ(symbols.user(self, {function, 4711}, false), "zeektrace_symbols_test::named_function(int)");
  symbols.is_blind();
  EXPECT_EQ(symbols.user(self, {function, 4711}, false), fmt::format("{:#x}", function));
  EXPECT_EQ(symbols.user(self, function, false), "zeektrace_symbols_test::named_function(int)");
}

TEST(Symbols, MemoryWithoutFileTakesThePlaceOfAFile) {
  constexpr pid_t pid = 999999997;
  Symbols symbols;
  const Mapping made{0x20000000, 0x20001000, 0, "", {}};
  EXPECT_FALSE(symbols.mapped(pid, made)) << "nothing was there";
  EXPECT_TRUE(symbols.mapped(pid, {0x20000000, 0x20001000, 0, "/nonexistent", {1, 2}}));
  EXPECT_TRUE(symbols.mapped(pid, made));
  EXPECT_FALSE(symbols.mapped(pid, {0x20000000, 0x20000800, 0, "", {}})) << "and again";
}

TEST(Symbols, KernelNamesFromKallsyms) {
  Folder folder;
  write_file(folder / "kallsyms",
             "ffffffff81000000 T _stext\nffffffff81000100 t __do_it\nffffffff81000100 T do_it\n"
             "ffffffff81000200 D some_data\nffffffff81000400 T last\nffffffffc0000010 t mod_fn\t[mod]\n");
  Symbols symbols({.kallsyms = folder / "kallsyms"});
  EXPECT_EQ(symbols.kernel(0xffffffff81000100, false), "do_it");
  EXPECT_EQ(symbols.kernel(0xffffffff81000210, false), "do_it+272");
  EXPECT_EQ(symbols.kernel(0xffffffff81000400, true), "do_it+768");
  EXPECT_EQ(symbols.kernel(0xffffffffc0000012, false), "mod_fn+2");
  EXPECT_EQ(symbols.kernel(0xffffffff90000000, false), "0xffffffff90000000");
  EXPECT_EQ(symbols.kernel(0x10, false), "0x10");
  EXPECT_EQ(symbols.trouble(), "");
}

TEST(Symbols, HiddenKernelAddressesAreTold) {
  Folder folder;
  write_file(folder / "kallsyms", "0000000000000000 T _stext\n0000000000000000 T do_it\n");
  Symbols symbols({.kallsyms = folder / "kallsyms"});
  EXPECT_EQ(symbols.kernel(0xffffffff81000100, false), "0xffffffff81000100");
  EXPECT_THAT(symbols.trouble(), HasSubstr("kptr_restrict"));
}

TEST(Symbols, Mappings) {
  auto mappings = parse_mappings(
      "55d0c0a00000-55d0c0a01000 r--p 00000000 fe:01 131  /usr/bin/x\n"
      "55d0c0a01000-55d0c0a05000 r-xp 00001000 fe:01 131  /usr/bin/x y (deleted)\n"
      "7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
      "7ffd3d5f2000-7ffd3d5f4000 r-xp 00000000 00:00 0    [vdso]\n");
  ASSERT_EQ(mappings.size(), 2u);
  EXPECT_EQ(mappings[0].path, "/usr/bin/x y");
  EXPECT_EQ(mappings[0].begin, 0x55d0c0a01000u);
  EXPECT_EQ(mappings[0].offset, 0x1000u);
  EXPECT_EQ(mappings[1].path, "[vdso]");
}

// ---- -c ----

std::vector<std::string> words(const std::string& text) { return *split_words(text); }

TEST(Child, RunsOnlyWhenReleased) {
  Folder folder;
  std::string mark = folder / "mark";
  auto child = Child::start(words("touch " + mark));
  ASSERT_TRUE(child) << child.error().text();
  usleep(50000);
  EXPECT_FALSE(std::filesystem::exists(mark));
  EXPECT_FALSE(child->ended());
  ASSERT_TRUE(child->release());
  waitid(P_PID, static_cast<id_t>(child->pid()), nullptr, WEXITED | WNOWAIT);
  EXPECT_EQ(child->ended(), 0);
  EXPECT_TRUE(std::filesystem::exists(mark));
}

TEST(Child, NeverRunsWithoutUs) {
  Folder folder;
  std::string mark = folder / "mark";
  pid_t pid = -1;
  {
    auto child = Child::start(words("touch " + mark));
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST(Child, InheritsNoDescriptorOfOurs) {
  Folder folder;
  std::string mark = folder / "mark";
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int ours = fcntl(null, F_DUPFD_CLOEXEC, 200);
  auto child =
      Child::start({"sh", "-c", "test -e /proc/$$/fd/" + std::to_string(ours) + " || touch " + mark});
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->release());
  waitid(P_PID, static_cast<id_t>(child->pid()), nullptr, WEXITED | WNOWAIT);
  EXPECT_TRUE(std::filesystem::exists(mark));
  close(ours);
  close(null);
}

TEST(Child, WhatCannotRunIsAnErrorBeforehand) {
  Folder folder;
  write_file(folder / "plain", "no program");
  auto error = [](const std::string& text) {
    auto child = Child::start(words(text));
    return child ? "no error" : child.error().text();
  };
  EXPECT_THAT(error("zeektrace-no-such-program x"), HasSubstr("no such program in PATH"));
  EXPECT_THAT(error("/no/such/file"), HasSubstr("No such file"));
  EXPECT_THAT(error("/tmp"), HasSubstr("directory"));
  EXPECT_THAT(error(folder / "plain"), HasSubstr("Permission denied"));
  EXPECT_THAT(error(""), HasSubstr("empty"));
}

TEST(Child, WhatTheKernelRefusesIsAnErrorAtRelease) {
  Folder folder;
  write_file(folder / "plain", "no program");
  std::filesystem::permissions(folder / "plain", std::filesystem::perms::owner_all);
  auto child = Child::start({folder / "plain"});
  ASSERT_TRUE(child);
  auto status = child->release();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), HasSubstr("Exec format error"));
  child->stop(1000);
}

TEST(Child, IsHeldWhereItStopsAndGoesOnWhenReleasedAgain) {
  auto child = Child::start({"sh", "-c", "kill -STOP $$; exit 3"});
  ASSERT_TRUE(child && child->release());
  auto held = child->hold_stopped();
  ASSERT_TRUE(held && *held);
  EXPECT_TRUE(child->is_stopped());
  EXPECT_FALSE(child->ended());
  ASSERT_TRUE(child->release());
  EXPECT_FALSE(child->is_stopped());
  std::optional<int> status;
  for (int i = 0; i < 500 && !status; i++, usleep(10'000)) status = child->ended();
  EXPECT_EQ(wait_status_text(status.value_or(-1)), "status 3");
}

TEST(Child, ThatEndsBeforeItStopsIsNotHeld) {
  auto child = Child::start({"sh", "-c", "exit 4"});
  ASSERT_TRUE(child && child->release());
  auto held = child->hold_stopped();
  ASSERT_TRUE(held);
  EXPECT_FALSE(*held);
  EXPECT_EQ(wait_status_text(child->ended().value_or(-1)), "status 4");
}

// As after kill -9: nobody lets it go on but its guardian.
TEST(Child, IsNotLeftStoppedWhenWeAreKilled) {
  Folder folder;
  const std::string mark = folder / "went_on";
  pid_t tracer = fork();
  if (tracer == 0) {
    auto child = Child::start({"sh", "-c", "kill -STOP $$; touch " + mark});
    bool held = child && child->release() && *child->hold_stopped();
    raise(held ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(waitpid(tracer, &status, 0), tracer);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  bool went_on = false;
  for (int i = 0; i < 500 && !went_on; i++, usleep(10'000)) went_on = std::filesystem::exists(mark);
  EXPECT_TRUE(went_on);
}

TEST(Child, StopEndsIt) {
  auto child = Child::start(words("sleep 60"));
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->release());
  child->stop(1000);
  ASSERT_TRUE(child->ended());
  EXPECT_EQ(wait_status_text(*child->ended()), "signal 15 (Terminated)");
}

// ---- what wakes a session ----

TEST(Watch, SignalsProcessesAndTime) {
  sigset_t before;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  {
    auto watch = Watch::make();
    ASSERT_TRUE(watch);
    auto nothing = watch->wait(std::chrono::milliseconds(5));
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(nothing->signal || nothing->process_ended || nothing->message);

    auto child = Child::start(words("true"));
    ASSERT_TRUE(watch->add_process(child->pid()));
    ASSERT_TRUE(child->release());
    auto ended = watch->wait(std::chrono::seconds(5));
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->process_ended);

    kill(getpid(), SIGHUP);
    auto signal = watch->wait(std::chrono::seconds(5));
    ASSERT_TRUE(signal);
    EXPECT_TRUE(signal->signal);
    timespec zero = {};
    sigset_t hup;
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    EXPECT_EQ(sigtimedwait(&hup, nullptr, &zero), SIGHUP);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

TEST(Watch, ASignalWhileEndingEndsAtOnce) {
  EXPECT_EXIT(
      {
        auto watch = Watch::make();
        kill(getpid(), SIGINT);
        watch->signals_end_at_once();
        fprintf(stderr, "the first was taken;");
        usleep(600'000);
        kill(getpid(), SIGINT);
        sleep(5);
      },
      testing::ExitedWithCode(130), "the first was taken;interrupted");
}

TEST(Watch, TwoSignalsTogetherAreOne) {
  EXPECT_EXIT(
      {
        auto watch = Watch::make();
        kill(getpid(), SIGTERM);
        watch->signals_end_at_once();
        kill(getpid(), SIGTERM);
        fprintf(stderr, "still here;");
        _exit(0);
      },
      testing::ExitedWithCode(0), "still here;");
}

// ---- files ----

std::string load_error(const std::string& path) {
  Options options;
  options.file = path;
  auto source = load_script(options);
  if (source) return "no error";
  EXPECT_EQ(source.error().kind, Error::Kind::script);
  return source.error().text();
}

TEST(Script, FilesThatCannotBeRead) {
  EXPECT_THAT(load_error("/no/such/script.bt"), HasSubstr("can't open /no/such/script.bt: No such file"));
  EXPECT_THAT(load_error("/tmp"), HasSubstr("Is a directory"));
  EXPECT_THAT(load_error("/dev/zero"), HasSubstr("larger than"));
}

TEST(Script, TextComesAsItIs) {
  Folder folder;
  write_file(folder / "x.bt", "BEGIN { exit(); }\n");
  Options options;
  options.file = folder / "x.bt";
  auto source = load_script(options);
  ASSERT_TRUE(source);
  EXPECT_EQ(source->text(), "BEGIN { exit(); }\n");
  EXPECT_EQ(source->name(), options.file);
}

TEST(Script, ProcessNumbers) {
  EXPECT_TRUE(check_process(getpid()));
  auto none = check_process(999999999);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text(), HasSubstr("there is no process 999999999"));
}

TEST(Messages, Time) {
  EXPECT_EQ(time_text("%%H"), "%H");
  EXPECT_EQ(time_text("%Y").size(), 4u);
}

}  // namespace
}  // namespace zeektrace
