#include "parser/parse.h"

#include <algorithm>

#include "parser/expand.h"
#include "parser/lexer.h"
#include "parser/result.h"

namespace zeektrace {
namespace {

bool is_text_byte(unsigned char c) { return c >= 0x20 ? c != 0x7f : (c >= '\t' && c <= '\r'); }

// Where the first byte stands that no text has; npos when there is none.
size_t first_non_text(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text.substr(at));
    if (length == 0 || (length == 1 && !is_text_byte(static_cast<unsigned char>(text[at])))) return at;
    at += length;
  }
  return std::string_view::npos;
}

bool is_readable(const Source& source, Diagnostics& diagnostics) {
  const std::string& text = source.text();
  if (text.size() > max_script_bytes) {
    diagnostics.add(Code::script_too_large, {0, 1}, text.size(), max_script_bytes);
    return false;
  }
  size_t bad = first_non_text(text);
  if (bad == std::string_view::npos) return true;
  uint32_t at = static_cast<uint32_t>(bad);
  diagnostics.add(Code::not_text, {at, at + 1}, fmt::format("0x{:02x}", static_cast<unsigned char>(text[bad])));
  return false;
}

}  // namespace

std::optional<Ast> parse(const Source& source, Diagnostics& diagnostics) {
  if (!is_readable(source, diagnostics)) return std::nullopt;
  Tree tree(source, diagnostics);
  Lexer lexer(tree);
  int status = Grammar(tree, lexer).parse();
  if (status != 0 && !tree.failed()) bug("the grammar gave up without saying why");
  if (tree.failed()) return std::nullopt;
  Ast ast = tree.take();
  if (!expand_routines(ast, diagnostics)) return std::nullopt;
  if (!ast.probes.empty()) return ast;
  diagnostics.add(Code::empty_script, {});
  return std::nullopt;
}

}  // namespace zeektrace
