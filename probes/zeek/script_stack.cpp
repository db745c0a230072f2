#include "probes/zeek/script_stack.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <span>

#include "parser/zeek_stack.h"
#include "probes/glob.h"

namespace zeektrace {
namespace {

int map_fd(const bpf_object* object, std::string_view name) {
  const bpf_map* map = bpf_object__find_map_by_name(object, std::string(name).c_str());
  return map == nullptr ? -1 : bpf_map__fd(map);
}

std::string name_of(int names, uint64_t key) {
  std::array<char, zeek_name_size + 1> text{};
  if (bpf_map_lookup_elem(names, &key, text.data()) != 0) return "?";
  return text.data();
}

// Zeek joins the parts of a path as scripts load each other: ".../base/init/./main.zeek".
std::string plain_path(std::string path) {
  for (size_t at = path.find("/./"); at != std::string::npos; at = path.find("/./", at)) path.erase(at, 2);
  return path;
}

// zeek/src/Func.cc, Stmt.cc, Expr.cc, Frame.cc and script_opt/ZAM/ZBody.cc of 3.0 to 8.2; before 3.2 without namespaces.
constexpr std::string_view running[] = {
    "zeek::detail::ScriptFunc::Invoke(*", "zeek::detail::BuiltinFunc::Invoke(*",
    "BroFunc::Call(*", "BuiltinFunc::Call(*",
};
constexpr std::string_view interpreting[] = {
    "zeek::detail::*Stmt::Exec(*",  "zeek::detail::*Stmt::DoExec(*", "zeek::detail::StmtList::Exec(*",
    "zeek::detail::*Expr::Eval(*",  "zeek::detail::*Expr::DoSingleEval(*", "zeek::detail::*Expr::Fold(*",
    "zeek::detail::*Expr::EvalIntoAggregate(*", "zeek::detail::*Expr::Assign(*",
    "zeek::detail::eval_list(*",    "zeek::detail::ZBody::Exec(*", "zeek::detail::ZBody::DoExec(*",
    "*Stmt::Exec(Frame*",           "*Stmt::DoExec(Frame*",          "StmtList::Exec(Frame*",
    "EventBodyList::Exec(Frame*",   "*Expr::Eval(Frame*",            "eval_list(Frame*",
};

bool matches_one(std::span<const std::string_view> patterns, std::string_view text) {
  return std::ranges::any_of(patterns, [&](std::string_view pattern) { return glob_matches(pattern, text); });
}

}  // namespace

ScriptStack script_stack(const bpf_object* object, uint64_t hash) {
  ScriptStack stack;
  const int stacks = map_fd(object, zeek_stacks_map), names = map_fd(object, zeek_names_map);
  ScriptFrames frames;
  if (stacks < 0 || names < 0 || bpf_map_lookup_elem(stacks, &hash, &frames) != 0) return stack;
  const auto count = std::min(static_cast<uint32_t>(frames.count), max_script_frames);
  for (uint32_t i = 0; i < count; i++) {
    const ScriptFrame& frame = frames.frames[i];
    ScriptFrameText text;
    if (frame.function != 0) text.function = name_of(names, frame.function);
    if (frame.place != 0) {
      text.file = plain_path(name_of(names, frame.place & ~script_line_mask));
      text.line = static_cast<uint32_t>(frame.place & script_line_mask);
    }
    stack.frames.push_back(std::move(text));
  }
  stack.cut = (frames.count & script_stack_cut) != 0;
  return stack;
}

bool runs_script_function(std::string_view function) { return matches_one(running, function); }

bool is_script_interpreter(std::string_view function) { return matches_one(interpreting, function); }

}  // namespace zeektrace
