#include "parser/mentions.h"

#include "parser/walk.h"

namespace zeektrace {
namespace {

class Mentions final : public Walk {
 public:
  std::set<std::string> names;

 private:
  void seen(const Expr& expr) override {
    if (auto* name = std::get_if<Name>(&expr.node)) names.insert(name->name);
    auto* field = std::get_if<FieldRef>(&expr.node);
    auto* of = field ? std::get_if<Name>(&field->object->node) : nullptr;
    if (of) names.insert(of->name + "." + field->name);
  }
};

}  // namespace

std::set<std::string> mentioned_names(const ProbeDecl& probe) {
  Mentions mentions;
  mentions.expression(probe.predicate);
  mentions.block(probe.body);
  return std::move(mentions.names);
}

}  // namespace zeektrace
