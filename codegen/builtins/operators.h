// C's binary operators on 64-bit integers, as rows: what an expression `a + b` and an assignment `a += b` share.
#pragma once

#include <optional>
#include <string_view>

#include "codegen/emitter.h"

namespace zeektrace {

struct Arithmetic {
  std::string_view op;
  llvm::Value* (*emit)(Emitter&, llvm::Value* a, llvm::Value* b, bool is_signed);
  // The single atomic instruction that does the same to memory, where there is one.
  std::optional<llvm::AtomicRMWInst::BinOp> atomic;
};

const Arithmetic& arithmetic(std::string_view op);

// What `amount`, of type `by`, adds to or takes from a value of this type: a pointer moves by whole elements.
llvm::Value* scaled(Emitter& e, std::string_view op, const Type& type, const Type& by, llvm::Value* amount);

// Takes part in C's conversions as an unsigned 64-bit number: uint64 and pointers. Narrower ones become int64.
bool is_unsigned_word(const Type& type);

}  // namespace zeektrace
