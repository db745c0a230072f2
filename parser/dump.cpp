#include <fmt/format.h>

#include "parser/parse.h"

namespace zeektrace {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += std::string("\\") + c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
    else out += c;
  }
  return out + '"';
}

// Appends to one string: nothing is copied on the way up.
struct Writer {
  std::string out;

  void operator()(const Number& node) { out += fmt::format("{}", node.value); }
  void operator()(const String& node) { out += quoted(node.value); }
  void operator()(const Name& node) { out += node.name; }
  void operator()(const Positional& node) { out += node.index == 0 ? "$#" : fmt::format("${}", node.index); }
  void operator()(const Variable& node) { out += "$" + node.name; }
  void operator()(const MapRef& node) {
    if (node.keys.empty()) {
      out += "@" + node.name;
      return;
    }
    list("@" + node.name, node.keys);
  }
  void operator()(const FieldRef& node) {
    out += "(. ";
    expr(*node.object);
    out += " " + node.name + ")";
  }
  void operator()(const Index& node) {
    out += "([] ";
    expr(*node.object);
    out += " ";
    expr(*node.index);
    out += ")";
  }
  void operator()(const Call& node) { list(node.function, node.args); }
  void operator()(const Cast& node) {
    out += fmt::format("(cast {}{} ", node.type_name, std::string(node.pointers, '*'));
    expr(*node.value);
    out += ")";
  }
  void operator()(const Step& node) {
    out += fmt::format("({}{} ", node.prefix ? "" : "post", node.increment ? "++" : "--");
    expr(*node.target);
    out += ")";
  }

  void operator()(const Assign& node) {
    out += fmt::format("({}= ", node.op);
    expr(*node.target);
    out += " ";
    expr(*node.value);
    out += ")";
  }
  void operator()(const If& node) {
    out += "(if ";
    expr(*node.condition);
    out += " (then";
    block(node.then);
    out += ")";
    if (!node.otherwise.empty()) {
      out += " (else";
      block(node.otherwise);
      out += ")";
    }
    out += ")";
  }
  void operator()(const While& node) { loop("while", *node.condition, node.body); }
  void operator()(const Unroll& node) { loop("unroll", *node.count, node.body); }
  void operator()(const Break&) { out += "(break)"; }
  void operator()(const Continue&) { out += "(continue)"; }
  void operator()(const Return&) { out += "(return)"; }
  void operator()(const Evaluate& node) { expr(*node.expr); }

  void expr(const Expr& expr) { std::visit(*this, expr.node); }
  void list(std::string_view head, const std::vector<ExprPtr>& items) {
    out += "(";
    out += head;
    for (const ExprPtr& item : items) {
      out += " ";
      expr(*item);
    }
    out += ")";
  }
  void loop(std::string_view word, const Expr& head, const Block& body) {
    out += fmt::format("({} ", word);
    expr(head);
    out += " (do";
    block(body);
    out += "))";
  }
  void block(const Block& block) {
    for (const Stmt& stmt : block) {
      out += " ";
      std::visit(*this, stmt.node);
    }
  }
  void probe(const ProbeDecl& probe) {
    out += "(probe";
    for (const AttachSpec& point : probe.points) {
      out += " (" + point.provider;
      if (!point.target.empty()) out += " " + quoted(point.target);
      out += ")";
    }
    if (probe.predicate) {
      out += " (/ ";
      expr(*probe.predicate);
      out += ")";
    }
    block(probe.body);
    out += ")\n";
  }
};

}  // namespace

std::string dump(const Ast& ast) {
  Writer writer;
  for (const ProbeDecl& probe : ast.probes) writer.probe(probe);
  return std::move(writer.out);
}

std::string dump(const Expr& expr) {
  Writer writer;
  writer.expr(expr);
  return std::move(writer.out);
}

}  // namespace zeektrace
