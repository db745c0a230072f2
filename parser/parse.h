// Script text → Ast, by flex and bison. Syntax only: whether a name exists is check's concern.
#pragma once

#include <optional>
#include <string>

#include "parser/ast.h"
#include "parser/diagnostic.h"
#include "parser/source.h"

namespace zeektrace {

constexpr size_t max_script_bytes = 4 << 20;
constexpr size_t max_string_bytes = 64 << 10;  // of one string literal
constexpr int max_nesting = 200;               // of blocks and of expressions
constexpr uint32_t max_array_length = 1 << 20;

// The tree, or nothing and at least one diagnostic. Never reads past the text, whatever is in it.
std::optional<Ast> parse(const Source& source, Diagnostics& diagnostics);

// The Ast as text for tests and -d: a line a probe, its parts as s-expressions:
//   (probe (kretprobe "sys_read") (/ (@start tid)) (= @times (quantize (- nsecs (@start tid)))) …)
std::string dump(const Ast& ast);
std::string dump(const Expr& expr);

}  // namespace zeektrace
