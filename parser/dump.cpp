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

  void operator()(const Number& node) {
    out += node.is_bool ? node.value ? "true" : "false" : fmt::format("{}", node.value);
  }
  void operator()(const String& node) { out += quoted(node.value); }
  void operator()(const Name& node) { out += node.name; }
  void operator()(const Positional& node) { out += node.index == 0 ? "$#" : fmt::format("${}", node.index); }
  void operator()(const Variable& node) {
    out += "$" + node.name;
    if (node.expansion != 0) out += fmt::format("#{}", node.expansion);
  }
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
    out += fmt::format("(cast {} ", node.type.text());
    expr(*node.value);
    out += ")";
  }
  void operator()(const Step& node) {
    out += fmt::format("({}{} ", node.prefix ? "" : "post", node.increment ? "++" : "--");
    expr(*node.target);
    out += ")";
  }
  void operator()(const Tuple& node) {
    out += "(tuple";
    for (size_t i = 0; i < node.items.size(); i++) {
      out += node.names.empty() ? " " : fmt::format(" {}=", node.names[i]);
      expr(*node.items[i]);
    }
    out += ")";
  }
  void operator()(const BlockExpr& node) {
    out += node.is_function ? "(call" : "(block";
    block(node.body);
    if (node.value || node.result) {
      out += " (value ";
      expr(node.value ? *node.value : *node.result);
      out += ")";
    }
    out += ")";
  }

  void operator()(const TypeValue& node) { out += fmt::format("(type {})", quoted(node.type.text())); }

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
  void operator()(const For& node) {
    out += "(for ";
    expr(*node.variable);
    out += " ";
    expr(*node.from);
    if (node.to) {
      out += " ";
      expr(*node.to);
    }
    out += " (do";
    block(node.body);
    out += "))";
  }
  void operator()(const Let& node) {
    out += "(let ";
    expr(*node.variable);
    if (node.type) out += " " + quoted(node.type->text());
    if (node.value) {
      out += " ";
      expr(*node.value);
    }
    out += ")";
  }
  void operator()(const Scope& node) {
    out += "(scope";
    block(node.body);
    out += ")";
  }
  void operator()(const Break&) { out += "(break)"; }
  void operator()(const Continue&) { out += "(continue)"; }
  void operator()(const Return& node) {
    out += "(return";
    if (node.value) {
      out += " ";
      expr(*node.value);
    }
    out += ")";
  }
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
  void definition(const CDefinition& each) {
    out += fmt::format("({} {}", each.keyword, each.name.empty() ? "-" : each.name);
    for (const CDefinition::Member& member : each.members) {
      out += " (";
      if (member.nested) definition(each.nested[*member.nested]);
      else out += quoted(member.type);
      out += fmt::format(" {}{}", std::string(member.stars, '*'), member.name.empty() ? "-" : member.name);
      for (const ExprPtr& length : member.lengths) {
        out += " [";
        if (length) expr(*length);
        out += "]";
      }
      if (member.bits) {
        out += " : ";
        expr(*member.bits);
      }
      out += ")";
    }
    for (const CDefinition::Enumerator& enumerator : each.enumerators) {
      out += " " + enumerator.name;
      if (!enumerator.value) continue;
      out += "=";
      expr(*enumerator.value);
    }
    out += ")";
  }
  void declarations(const Ast& ast) {
    for (const std::string& header : ast.includes) out += fmt::format("(include {})\n", quoted(header));
    for (const CDefinition& each : ast.definitions) {
      definition(each);
      out += "\n";
    }
    for (const Setting& each : ast.settings) out += fmt::format("(config {} {})\n", each.key, quoted(each.value));
    for (const MapDecl& each : ast.maps) {
      out += fmt::format("(map @{} ", each.name);
      list(each.kind, each.args);
      out += ")\n";
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

std::string TypeSpelling::text() const {
  std::string text = of ? fmt::format("typeof({})", dump(*of)) : name;
  for (uint32_t suffix : suffixes) {
    if (suffix == star) text += '*';
    else if (suffix == 0) text += "[]";
    else text += fmt::format("[{}]", suffix);
  }
  return text;
}

std::string dump(const Ast& ast) {
  Writer writer;
  writer.declarations(ast);
  for (const ProbeDecl& probe : ast.probes) writer.probe(probe);
  return std::move(writer.out);
}

std::string dump(const Expr& expr) {
  Writer writer;
  writer.expr(expr);
  return std::move(writer.out);
}

}  // namespace zeektrace
