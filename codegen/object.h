// The finished BPF object, ready for libbpf: an ELF file in memory with BTF and line information.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "parser/program.h"
#include "parser/registry.h"
#include "parser/result.h"

namespace zeektrace {

// How a map is kept in the kernel, as libbpf will create it.
struct ObjectMap {
  std::string name;
  std::string_view type;  // "percpu_hash"
  uint32_t key_size = 0;  // bytes
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
};

struct Object {
  std::vector<std::byte> elf;
  std::vector<ObjectMap> maps;
  std::vector<LossSite> loss_sites;  // by cell of the counters' map
};

// Program → Object. Fails only on errors of our own (bug()) or when LLVM has no BPF back end.
Result<Object> emit(const Program& program, std::span<const Builtin> builtins);

// The rows of every builtin: variables, functions, operators.
std::span<const Builtin> all_builtins();

// The object's facts as text, for -d and golden tests: a line a program (its section, how many instructions, the
// helpers it calls) and a line a map with its shape. Needs no privileges.
std::string object_facts(const Object& object);

}  // namespace zeektrace
