// The finished BPF object, ready for libbpf: an ELF file in memory with BTF and line information.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "parser/program.h"
#include "parser/registry.h"
#include "parser/result.h"

namespace zeektrace {

struct Object {
  std::vector<std::byte> elf;
};

// Program → Object. Fails only on errors of our own (bug()) or when LLVM has no BPF back end.
Result<Object> emit(const Program& program, std::span<const Builtin> builtins);

// The rows of every builtin: variables, functions, operators.
std::span<const Builtin> all_builtins();

// The object's facts as text, for -d and golden tests: sections with their instruction counts, maps with their shapes,
// helpers called. Needs no privileges.
std::string object_facts(const Object& object);

}  // namespace zeektrace
