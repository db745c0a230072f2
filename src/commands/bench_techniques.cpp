#include "src/commands/bench_techniques.h"

#include <array>

namespace zeektrace {
namespace {

using Way = Technique::Way;

constexpr std::string_view nothing_known = "nothing known";

constexpr std::array techniques = {
    Technique{"LD_PRELOAD counter", Way::call, TargetFunction::interposed, "", "a restart; a library for it",
              "sees calls between libraries only"},
    Technique{"USDT", Way::probe, TargetFunction::usdt, "usdt:$1:zeektrace:bench { @ = count(); }", "a recompile; root",
              nothing_known},
    Technique{"uprobe at a 5-byte nop", Way::probe, TargetFunction::nop, "uprobe:$1:bench_nop { @ = count(); }",
              "a recompile; root", "6.18: data below the stack pointer"},
    Technique{"uprobe at a push", Way::probe, TargetFunction::push, "uprobe:$1:bench_push { @ = count(); }", "root",
              nothing_known},
    Technique{"uprobe, single-stepped", Way::probe, TargetFunction::step, "uprobe:$1:bench_step { @ = count(); }", "root",
              "timing"},
    Technique{"uprobe at the return", Way::probe, TargetFunction::returns, "uprobe:$1:bench_return+4 { @ = count(); }",
              "code that can be decoded; root", "timing"},
    Technique{"uretprobe", Way::probe, TargetFunction::push, "uretprobe:$1:bench_push { @ = count(); }", "root",
              "exceptions, longjmp, moved stacks kill"},
    Technique{"entry and return, timed", Way::probe, TargetFunction::push,
              "uprobe:$1:bench_push { @start[tid] = nsecs; } "
              "uretprobe:$1:bench_push /@start[tid]/ { @ = hist(nsecs - @start[tid]); delete(@start[tid]); }",
              "root; Linux 6.13 for a session", "as a uretprobe"},
    Technique{"tracepoint, system call", Way::probe, TargetFunction::syscall,
              "tracepoint:syscalls:sys_enter_getppid { @ = count(); }", "an event of the kernel; root", nothing_known},
    Technique{"BPF sampling, a stack each", Way::sample, TargetFunction::spin, "profile:hz:4999 { @[ustack] = count(); }",
              "root", nothing_known},
    Technique{"ptrace stop, 20 reads each", Way::stop, TargetFunction::spin, "", "the same user",
              "all threads stop; waits are interrupted"},
};

}  // namespace

std::span<const Technique> bench_techniques() { return techniques; }

}  // namespace zeektrace
