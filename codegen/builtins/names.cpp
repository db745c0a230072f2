// Numbers that have names: of errors, signals, system calls, control groups; moments as a clock shows them. Our side spells
// them when they are printed; in the kernel they stay numbers.
#include <asm/unistd_64.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using Names = std::shared_ptr<const EnumNames>;

// ---- names of numbers ----

Names error_names() {
  static const Names names = [] {
    constexpr int highest = 133;  // EHWPOISON, include/uapi/asm-generic/errno.h
    EnumNames made;
    for (int number = 0; number <= highest; number++)
      if (const char* text = strerrordesc_np(number)) made[number] = text;
    return std::make_shared<const EnumNames>(std::move(made));
  }();
  return names;
}

Names signal_names() {
  static const Names names = [] {
    EnumNames made;
    for (int number = 1; number <= SIGSYS; number++)
      if (const char* text = sigabbrev_np(number)) made[number] = std::string("SIG") + text;
    return std::make_shared<const EnumNames>(std::move(made));
  }();
  return names;
}

Names syscall_names() {
  static const Names names = [] {
    EnumNames made = {
#define X(name) {__NR_##name, #name},
#include "syscall_names.inc"
#undef X
    };
    return std::make_shared<const EnumNames>(std::move(made));
  }();
  return names;
}

// A function of the kernel gives an error as a negative number.
Operand emit_error(Emitter& e, const Expr& expr) {
  return {e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::abs, e.integer(*e.args(expr)[0]), e.ir.getFalse()), e.type_of(expr)};
}
Type strerror_type(Checker&, const Expr&) { return Type::enumeration("error", error_names()); }
Type signal_name_type(Checker&, const Expr&) { return Type::enumeration("signal", signal_names()); }
Type syscall_name_type(Checker&, const Expr&) { return Type::enumeration("syscall", syscall_names()); }
Operand emit_number(Emitter& e, const Expr& expr) { return {e.integer(*e.args(expr)[0]), e.type_of(expr)}; }

// ---- moments ----

Type strftime_type(Checker& checker, const Expr& expr) {
  return Type::shown_by(Type::Kind::timestamp, checker.literal_string(*checker.args(expr)[0]).value_or(""));
}
Operand emit_strftime(Emitter& e, const Expr& expr) { return {e.integer(*e.args(expr)[1]), e.type_of(expr)}; }

// ---- control groups ----

Type cgroup_path_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const std::string filter = args.size() > 1 ? checker.literal_string(*args[1]).value_or("") : "";
  return Type::shown_by(Type::Kind::cgroup_path, filter);
}

// A control group's number is that of its directory (cgroup_id(), include/linux/cgroup.h: the kernfs node's, which is its
// inode's on 64-bit machines).
Type cgroupid_type(Checker& checker, const Expr& expr) {
  const Expr& arg = *checker.args(expr)[0];
  const std::string path = checker.literal_string(arg).value_or("");
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    checker.diagnostics().add(Code::wrong_argument, arg.span, 1, "cgroupid()", "the directory of a control group",
                              fmt::format("\"{}\", which is none", path));
  checker.make_constant(expr, uint64_t{found.st_ino});
  return Type::integer(8, false);
}

}  // namespace

std::vector<Builtin> name_rows() {
  const Param number{"number", Want::integer};
  return {
      {"strerror", Form::function, Place::expression, {number},
       "what an error's number, or that number negated, means, such as \"No such file or directory\"", strerror_type, emit_error, false,
       "BEGIN { print(strerror(2)); exit(); }"},
      {"signal_name", Form::function, Place::expression, {number}, "a signal's name, such as \"SIGINT\"", signal_name_type,
       emit_number, false, "BEGIN { print(signal_name(2)); exit(); }"},
      {"syscall_name", Form::function, Place::expression, {number}, "a system call's name, by its number", syscall_name_type,
       emit_number, false, "BEGIN { print(syscall_name(0)); exit(); }"},
      {"strftime", Form::function, Place::expression, {{"format", Want::literal_string}, {"nsecs", Want::integer}},
       "the time of day at a moment that nsecs gave, formatted as strftime(3) does, with %f for microseconds",
       strftime_type, emit_strftime, false, "BEGIN { printf(\"%s\\n\", strftime(\"%H:%M:%S.%f\", nsecs)); exit(); }"},
      {"cgroup_path", Form::function, Place::expression, {number, {"hierarchy", Want::literal_string, true}},
       "the path of a control group, as hierarchy:path, by its number; looked up when it is printed", cgroup_path_type,
       emit_number, false, "BEGIN { print(cgroup_path(cgroup)); exit(); }"},
      {"cgroupid", Form::function, Place::expression, {{"path", Want::literal_string}},
       "the number of the control group whose directory this is", cgroupid_type, emit_constant, false,
       "BEGIN { print(cgroupid(\"/sys/fs/cgroup\")); exit(); }"},
  };
}

}  // namespace zeektrace
