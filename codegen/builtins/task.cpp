// More of who hit the probe: its task in the kernel, its parent, its control group; and of the machine it runs on.
#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using llvm::Value;

constexpr std::string_view task_record = "task_struct";
constexpr uint32_t comm_size = 16;  // TASK_COMM_LEN

template <HelperId id>
Operand emit_helper(Emitter& e, const Expr& expr) {
  return {e.helper(id, {}), e.type_of(expr)};
}

Value* low_word(Emitter& e, Value* value) { return e.ir.CreateAnd(value, e.constant(0xffffffff)); }
template <HelperId id>
Operand emit_half(Emitter& e, const Expr& expr) {
  return {low_word(e, e.helper(id, {})), e.type_of(expr)};
}

// ---- the task ----

Type curtask_type(Checker& checker, const Expr&) {
  Records* records = checker.options().kernel_types ? checker.options().kernel_types() : nullptr;
  auto type = records ? records->find(task_record) : std::nullopt;
  return type ? Type::pointer(*type) : Type::integer(8, false);
}

template <const char* relation, const char* number>
Type number_of(Checker& checker, const Expr& expr) {
  return checker.kernel_member(expr, task_record, {relation, number}) ? Type::integer(8, false) : Type();
}
template <const char* relation>
Type name_of(Checker& checker, const Expr& expr) {
  return checker.kernel_member(expr, task_record, {relation, "comm"}) ? Type::string(comm_size) : Type();
}
constexpr char parent[] = "real_parent", leader[] = "group_leader", process[] = "tgid", thread[] = "pid";

// The address of the task given, or of the current one.
Value* task_of(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  return args.empty() ? e.helper(HelperId::get_current_task, {}) : e.integer(*args[0]);
}
Operand emit_number_of(Emitter& e, const Expr& expr) {
  return {low_word(e, e.reached(expr, task_of(e, expr)).value), e.type_of(expr)};
}

Operand emit_name_of(Emitter& e, const Expr& expr) {
  Value* memory = e.buffer(comm_size);
  e.zero(memory, comm_size);
  e.read_bytes(memory, e.ir.getInt32(comm_size), e.reached(expr, task_of(e, expr)).value);
  return {memory, e.type_of(expr)};
}

Operand emit_username(Emitter& e, const Expr& expr) {
  return {low_word(e, e.helper(HelperId::get_current_uid_gid, {})), e.type_of(expr)};
}

// What the low two bits of the code segment say: 3 is a process's own code (arch/x86/include/asm/segment.h).
Type usermode_type(Checker& checker, const Expr& expr) {
  checker.asked_field(expr, "reg.cs");
  return Type::integer(8, false);
}
Operand emit_usermode(Emitter& e, const Expr& expr) {
  Value* privilege = e.ir.CreateAnd(e.argument(*e.field("reg.cs")), e.constant(3));
  Value* is_user = e.ir.CreateICmpEQ(privilege, e.constant(3));
  return {e.ir.CreateZExt(is_user, e.ir.getInt64Ty()), e.type_of(expr)};
}

// ---- the tracer's own ----

Type cpid_type(Checker& checker, const Expr& expr) {
  if (!checker.options().child_pid)
    checker.diagnostics().add(Code::no_argument_here, expr.span, "cpid", "a script that runs no command").hint =
        "-c CMD runs one; has_cpid says whether there is one";
  checker.make_constant(expr, uint64_t{checker.options().child_pid.value_or(0)});
  return Type::integer(8, false);
}
Type has_cpid_type(Checker& checker, const Expr& expr) {
  checker.make_constant(expr, uint64_t{checker.options().child_pid.has_value()});
  return Type::boolean();
}
Type ncpus_type(Checker& checker, const Expr& expr) {
  checker.make_constant(expr, static_cast<uint64_t>(get_nprocs_conf()));
  return Type::integer(8, false);
}

// ---- getopt(name[, default[, description]]): --name=value among the script's arguments ----

std::optional<std::string> option_given(Checker& checker, const std::string& name) {
  // The last one counts.
  const auto& params = checker.options().params;
  for (auto param = params.rbegin(); param != params.rend(); ++param) {
    if (!param->starts_with("--" + name)) continue;
    const std::string_view rest = std::string_view(*param).substr(2 + name.size());
    if (rest.empty()) return "";
    if (rest[0] == '=') return std::string(rest.substr(1));
  }
  return std::nullopt;
}

Type bad_option(Checker& checker, const Expr& expr, const std::string& name, const std::string& given, std::string_view wanted) {
  checker.diagnostics().add(Code::wrong_argument, expr.span, 1, "getopt()", wanted,
                            fmt::format("--{}={}", name, given)).hint = "that is what was given after the script";
  return Type::integer(8, true);
}

// What the default is, the option is: a text, a number, true or false; without a default it is true where it is given.
Type getopt_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const std::string name = checker.literal_string(*args[0]).value_or("");
  const auto given = option_given(checker, name);
  const auto text = args.size() > 1 ? checker.literal_string(*args[1]) : std::nullopt;
  const auto number = args.size() > 1 ? checker.literal_integer(*args[1]) : std::nullopt;
  if (text) {
    checker.make_constant(expr, given.value_or(*text));
    return Type::string(static_cast<uint32_t>(given.value_or(*text).size() + 1));
  }
  const bool is_flag = args.size() == 1 || checker.type_of(*args[1]).is_bool;
  if (is_flag) {
    const bool is_off = given && (*given == "0" || *given == "false");
    const bool is_on = given && (given->empty() || *given == "1" || *given == "true");
    if (given && !is_off && !is_on) return bad_option(checker, expr, name, *given, "true, false, 1 or 0");
    checker.make_constant(expr, uint64_t{given ? is_on : number.value_or(0) != 0});
    return Type::boolean();
  }
  if (!number) {
    checker.diagnostics().add(Code::wrong_argument, args[1]->span, 2, "getopt()", "a number or a text that is known before the script runs",
                              checker.type_of(*args[1]).spelling());
    return Type::integer(8, true);
  }
  int64_t value = *number;
  if (given) {
    const auto read = given_number(*given);
    if (!read || !read->is_signed) return bad_option(checker, expr, name, *given, "a number");
    value = static_cast<int64_t>(read->bits);
  }
  checker.make_constant(expr, static_cast<uint64_t>(value));
  return Type::integer(8, true);
}

// The points of a program have one provider.
constexpr uint32_t provider_name_size = 16;
Type probetype_type(Checker&, const Expr&) { return Type::string(provider_name_size); }
Operand emit_probetype(Emitter& e, const Expr& expr) {
  const Probe& probe = e.probe();
  std::string name(probe.how->runs_in_tracer ? "special" : probe.points.front().provider->name);
  name.resize(provider_name_size - 1, '\0');
  return {e.literal(name).value, e.type_of(expr)};
}

Type ctx_type(Checker& checker, const Expr&) {
  const Field* known = checker.field("ctx");
  return known ? known->type : Type::pointer(Type::integer(1, false));
}
Operand emit_ctx(Emitter& e, const Expr& expr) {
  return {e.ir.CreatePtrToInt(e.context(), e.ir.getInt64Ty()), e.type_of(expr)};
}

// ---- clocks: nsecs([clock]) ----

struct Clock {
  std::string_view name;
  HelperId helper;
};
constexpr Clock clocks[] = {{"boot", HelperId::ktime_get_boot_ns},
                            {"monotonic", HelperId::ktime_get_ns},
                            {"tai", HelperId::ktime_get_tai_ns},
                            // what it is on kernels without that helper (before 6.1): see emit_nsecs_of
                            {"sw_tai", HelperId::ktime_get_boot_ns}};

Type nsecs_of_type(Checker& checker, const Expr& expr) {
  const Expr& arg = *checker.args(expr)[0];
  const std::string_view name = checker.word(arg);
  for (const Clock& clock : clocks)
    if (clock.name == name) return Type::integer(8, false);
  checker.diagnostics().add(Code::wrong_argument, arg.span, 1, "nsecs()", "boot, monotonic, tai or sw_tai",
                            name.empty() ? "a number" : fmt::format("'{}'", name));
  return Type::integer(8, false);
}

uint64_t nanoseconds(clockid_t id) {
  timespec now = {};
  clock_gettime(id, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Operand emit_nsecs_of(Emitter& e, const Expr& expr) {
  const std::string& name = std::get<Name>(e.args(expr)[0]->node).name;
  const Clock* clock = std::find_if(std::begin(clocks), std::end(clocks), [&](const Clock& c) { return c.name == name; });
  Value* now = e.helper(clock->helper, {});
  // By how much one is ahead of the other, measured once; they drift apart only when the time of day is set.
  if (clock == &clocks[3])
    now = e.ir.CreateAdd(now, e.constant(nanoseconds(CLOCK_TAI) - nanoseconds(CLOCK_BOOTTIME)));
  return {now, e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> task_rows() {
  auto variable = [](std::string_view name, std::string_view doc, auto result, auto emit, std::string_view example) {
    return Builtin{name, Form::variable, Place::expression, {}, doc, result, emit, false, example};
  };
  auto user = [](Checker&, const Expr&) { return Type::of(Type::Kind::user); };
  const std::vector<Param> task = {{"task", Want::integer}};
  return {
      variable("curtask", "address of the current task, a struct task_struct *", curtask_type,
               emit_helper<HelperId::get_current_task>, "BEGIN { printf(\"%s\\n\", curtask.comm); exit(); }"),
      variable("ppid", "process id of the parent", number_of<parent, process>, emit_number_of, "BEGIN { print(ppid); exit(); }"),
      {"ppid", Form::function, Place::expression, task, "process id of a task's parent", number_of<parent, process>, emit_number_of, false,
       "BEGIN { print(ppid(curtask)); exit(); }"},
      variable("pcomm", "name of the parent", name_of<parent>, emit_name_of, "BEGIN { print(pcomm); exit(); }"),
      {"pcomm", Form::function, Place::expression, task, "name of a task's parent", name_of<parent>, emit_name_of, false,
       "BEGIN { print(pcomm(curtask)); exit(); }"},
      variable("leader_tid", "thread id of the process's first thread", number_of<leader, thread>, emit_number_of,
               "BEGIN { print(leader_tid); exit(); }"),
      {"leader_tid", Form::function, Place::expression, task, "thread id of the first thread of a task's process",
       number_of<leader, thread>, emit_number_of, false, "BEGIN { print(leader_tid(curtask)); exit(); }"},
      variable("leader_comm", "name of the process's first thread", name_of<leader>, emit_name_of,
               "BEGIN { print(leader_comm); exit(); }"),
      {"leader_comm", Form::function, Place::expression, task, "name of the first thread of a task's process", name_of<leader>,
       emit_name_of, false, "BEGIN { print(leader_comm(curtask)); exit(); }"},
      variable("username", "name of the user who runs the process; looked up when it is printed", user, emit_username,
               "BEGIN { print(username); exit(); }"),
      variable("cgroup", "number of the control group (version 2) that the process is in", gives_uint64,
               emit_helper<HelperId::get_current_cgroup_id>, "BEGIN { print(cgroup); exit(); }"),
      variable("numaid", "number of the processor's NUMA node", gives_uint64, emit_half<HelperId::get_numa_node_id>,
               "BEGIN { print(numaid); exit(); }"),
      variable("ncpus", "how many processors the machine has", ncpus_type, emit_constant, "BEGIN { print(ncpus); exit(); }"),
      variable("rand", "a number by chance, of 32 bits", gives_uint64, emit_half<HelperId::get_prandom_u32>,
               "BEGIN { print(rand); exit(); }"),
      variable("jiffies", "ticks of the kernel's timer since boot", gives_uint64, emit_helper<HelperId::jiffies64>,
               "BEGIN { print(jiffies); exit(); }"),
      variable("usermode", "1 if the processor was running code of a process, 0 if code of the kernel", usermode_type,
               emit_usermode, "profile:hz:99 { @[usermode] = count(); } interval:s:1 { exit(); }"),
      variable("cpid", "process id of the command that -c runs", cpid_type, emit_constant,
               "BEGIN { if (has_cpid) { print(1); } exit(); }"),
      variable("has_cpid", "whether -c runs a command", has_cpid_type, emit_constant, "BEGIN { print(has_cpid); exit(); }"),
      variable("probetype", "what kind of probe was hit, such as \"uprobe\"", probetype_type, emit_probetype,
               "BEGIN { print(probetype); exit(); }"),
      variable("ctx", "address of what the kernel gives the BPF program: registers, or a record", ctx_type, emit_ctx,
               "interval:s:1 { printf(\"%p\\n\", ctx); exit(); }"),
      {"getopt", Form::function, Place::expression,
       {{"name", Want::literal_string}, {"default", Want::value, true}, {"description", Want::literal_string, true}},
       "what is given as --name=value behind the script and a --; a text, a number or a truth, as the default is", getopt_type,
       emit_constant, false, "BEGIN { print(getopt(\"depth\", 5)); exit(); }"},
      {"nsecs", Form::function, Place::expression, {{"clock", Want::word}},
       "nanoseconds of a clock: boot, monotonic, tai or sw_tai", nsecs_of_type, emit_nsecs_of, false,
       "BEGIN { print(nsecs(monotonic)); exit(); }"},
  };
}

}  // namespace zeektrace
