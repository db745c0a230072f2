// Messages to the user: each call is a Record, written by the kernel side and acted on in order by ours.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"
#include "parser/format.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;

std::vector<const Expr*> fields_from(const std::vector<ExprPtr>& args, size_t first) {
  std::vector<const Expr*> fields;
  for (size_t i = first; i < args.size(); i++) fields.push_back(args[i].get());
  return fields;
}

// ---- printf(format, …) ----

std::string_view wants(const Conversion& conversion) {
  if (conversion.takes_real()) return "a real number";
  if (conversion.takes_buffer()) return "what buf() gives";
  return conversion.takes_text() ? "a text, a number, a symbol or a stack" : "an integer or a pointer";
}

bool takes(const Conversion& conversion, const Type& type) {
  if (type.kind == Type::Kind::real || conversion.takes_real())
    return type.kind == Type::Kind::real && conversion.takes_real();
  if (conversion.takes_buffer()) return type.kind == Type::Kind::buffer;
  bool number = type.is_integer() || type.is_pointer() || type.kind == Type::Kind::ksym;
  if (type.kind == Type::Kind::enumeration) return true;  // its name, or its number
  bool text = type.is_string() || type.names || (!type.is_aggregate() && !number) || type.kind == Type::Kind::ksym || type.is_integer();
  return conversion.takes_text() ? text : number;
}

// A text made of a format and values, and what is done with it.
template <Record::Kind kind>
Type printf_type(Checker& checker, const Expr& expr) {
  if (kind == Record::Kind::system && !checker.options().unsafe)
    checker.diagnostics().add(Code::needs_unsafe, expr.span, "system()");
  const auto& args = checker.args(expr);
  std::string format = checker.literal_string(*args[0]).value_or("");
  std::vector<Conversion> conversions;
  if (auto bad = parse_format(format, conversions)) {
    checker.diagnostics().add(Code::format_conversion, args[0]->span, *bad);
    return Type();
  }
  std::erase_if(conversions, [](const Conversion& each) { return each.letter == '%'; });
  if (conversions.size() != args.size() - 1) {
    checker.diagnostics().add(Code::format_arguments, expr.span, conversions.size(), args.size() - 1);
    return Type();
  }
  std::vector<Type> fields;
  for (size_t i = 0; i < conversions.size(); i++) {
    const Type& type = checker.type_of(*args[i + 1]);
    const Conversion& each = conversions[i];
    if (!takes(each, type))
      checker.diagnostics().add(Code::format_type, args[i + 1]->span, format.substr(each.begin, each.end - each.begin),
                                wants(each), i + 1, type.spelling());
    fields.push_back(type);
    // What names a file or a command stays as it is: nothing is put behind a text that was cut.
    if (kind == Record::Kind::cat || kind == Record::Kind::system) fields.back().can_be_cut = false;
  }
  checker.add_record(expr, {.kind = kind, .format = std::move(format)}, fields);
  return Type();
}

Operand emit_printf(Emitter& e, const Expr& expr) {
  e.send(expr, fields_from(e.args(expr), 1));
  return {};
}

// ---- join(array[, between]) ----

Type join_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Type& type = checker.type_of(*args[0]);
  if (!type.is_integer() && !type.is_pointer() && !type.is_array())
    checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "join()", "an array of pointers to texts",
                              type.spelling());
  std::string between = args.size() > 1 ? checker.literal_string(*args[1]).value_or("") : " ";
  const Type texts = Type::string(join_texts * checker.options().settings.max_strlen);
  checker.add_record(expr, {.kind = Record::Kind::join, .format = std::move(between)}, {texts});
  return Type();
}

Operand emit_join(Emitter& e, const Expr& expr) {
  llvm::Value* array = e.integer(*e.args(expr)[0]);
  e.message(expr, [&](llvm::Value* memory) {
    llvm::Value* texts = e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 8);
    llvm::Value* failed = e.runtime("zt_join", {texts, array, e.ir.getInt32(e.program().settings.max_strlen)});
    e.when(e.ir.CreateICmpNE(failed, e.constant(0)), [&] { e.count(Counter::read_failed); });
  });
  return {};
}

// ---- print(@m[, top[, div]]) and print(value) ----

bool is_whole_map(const Expr& expr) {
  auto* map = std::get_if<MapRef>(&expr.node);
  return map && map->keys.empty();
}

Type print_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (!is_whole_map(*args[0])) {
    if (args.size() > 1) checker.diagnostics().add(Code::too_many_arguments, expr.span, "print() of a value", 1, args.size());
    checker.add_record(expr, {.kind = Record::Kind::print_value}, {checker.type_of(*args[0])});
    return Type();
  }
  Record record{.kind = Record::Kind::print_map, .map = checker.map_number(*args[0])};
  for (size_t i = 1; i < args.size(); i++) {
    int64_t number = checker.literal_integer(*args[i]).value_or(0);
    if (number < 0 || (i == 2 && number == 0))
      checker.diagnostics().add(Code::argument_range, args[i]->span, i + 1, "print()", number,
                                i == 2 ? "1 or more" : "0 or more");
    else
      (i == 1 ? record.top : record.div) = static_cast<uint64_t>(number);
  }
  checker.add_record(expr, record, {});
  return Type();
}

Operand emit_print(Emitter& e, const Expr& expr) {
  const Expr& what = *e.args(expr)[0];
  std::vector<const Expr*> fields;
  if (!is_whole_map(what)) fields.push_back(&what);
  e.send(expr, fields);
  return {};
}

// ---- clear(@m), zero(@m) ----

template <Record::Kind kind>
Type whole_map_type(Checker& checker, const Expr& expr) {
  checker.add_record(expr, {.kind = kind, .map = checker.map_number(*checker.args(expr)[0])}, {});
  return Type();
}

Operand emit_message(Emitter& e, const Expr& expr) {
  e.send(expr, {});
  return {};
}

// ---- time([format]), exit([status]) ----

Type time_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  std::string format = args.empty() ? "%H:%M:%S\n" : checker.literal_string(*args[0]).value_or("");
  checker.add_record(expr, {.kind = Record::Kind::time, .format = std::move(format)}, {});
  return Type();
}

Type exit_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  std::vector<Type> fields;
  if (!args.empty()) fields.push_back(Type::integer(8, true));
  checker.add_record(expr, {.kind = Record::Kind::exit}, fields);
  return Type();
}

Operand emit_exit(Emitter& e, const Expr& expr) {
  e.send(expr, fields_from(e.args(expr), 0), true);
  e.leave();
  return {};
}

}  // namespace

std::vector<Builtin> output_rows() {
  Param map{"map", Want::map};
  const Param format{"format", Want::literal_string}, values{"values", Want::value, true, true};
  auto formatted = [&](std::string_view name, std::string_view doc, auto result, std::string_view example) {
    return Builtin{name, Form::function, Place::statement, {format, values}, doc, result, emit_printf, false, example};
  };
  return {
      formatted("printf", "prints as C's printf does; %s takes texts, symbols and stacks, %r what buf() gives",
                printf_type<Record::Kind::printf>, "BEGIN { printf(\"%s is %d\\n\", comm, pid); exit(); }"),
      formatted("errorf", "prints to stderr as an error, with the script's line", printf_type<Record::Kind::error>,
                "BEGIN { errorf(\"no more than %d\", 5); exit(); }"),
      formatted("warnf", "prints to stderr as a warning, with the script's line", printf_type<Record::Kind::warning>,
                "BEGIN { warnf(\"more than %d\", 5); exit(); }"),
      formatted("cat", "prints a file, whose name is put together as printf does; at most 1 MB of it",
                printf_type<Record::Kind::cat>, "BEGIN { cat(\"/proc/%d/comm\", pid); exit(); }"),
      formatted("system", "runs a command of the shell, put together as printf does, and prints its output; zeektrace waits "
                "for it; needs --unsafe", printf_type<Record::Kind::system>, "BEGIN { system(\"echo %d\", 7); exit(); }"),
      {"join", Form::function, Place::statement,
       {{"array", Want::address}, {"between", Want::literal_string, true}},
       "prints the texts that an array of pointers leads to, at most 16, with spaces or `between` between them", join_type,
       emit_join, false,
       "tracepoint:syscalls:sys_enter_execve { join(args.argv); } interval:s:1 { exit(); }"},
      {"print", Form::function, Place::statement,
       {{"what", Want::map_or_value}, {"top", Want::literal_integer, true}, {"div", Want::literal_integer, true}},
       "prints a map (its `top` largest entries only, values divided by `div`), or a value", print_type, emit_print, false,
       "BEGIN { @[1] = 20; @[2] = 40; print(@, 1, 10); exit(); }"},
      {"clear", Form::function, Place::statement, {map},
       "removes all entries of a map, when zeektrace reads this message: what came in between goes too",
       whole_map_type<Record::Kind::clear>, emit_message, false, "interval:ms:100 { @ = count(); } interval:s:1 { clear(@); exit(); }"},
      {"zero", Form::function, Place::statement, {map}, "sets all values of a map to 0, when zeektrace reads this message",
       whole_map_type<Record::Kind::zero>, emit_message, false, "BEGIN { @[1] = 2; zero(@); exit(); }"},
      {"time", Form::function, Place::statement, {{"format", Want::literal_string, true}},
       "prints the time of day, formatted as strftime does", time_type, emit_message, false,
       "BEGIN { time(\"%H:%M:%S\\n\"); exit(); }"},
      {"exit", Form::function, Place::statement, {{"status", Want::integer, true}},
       "ends the tracing, with this exit status", exit_type, emit_exit, false, "BEGIN { exit(0); }", true},
  };
}

}  // namespace zeektrace
