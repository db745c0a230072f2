// A walk through syntax, each expression and each statement before what stands within it. Who wants to know something of a
// block looks at what it is shown; that every kind of node is gone through is seen to here, once.
#pragma once

#include "parser/ast.h"

namespace zeektrace {

class Walk {
 public:
  void expression(const Expr& expr);
  void expression(const ExprPtr& expr) {
    if (expr) expression(*expr);
  }
  void block(const Block& statements);

 protected:
  ~Walk() = default;
  virtual void seen(const Expr&) {}
  virtual void seen(const Stmt&) {}

 private:
  struct Parts;
};

}  // namespace zeektrace
