#include "hand.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "probes/kernel_abi.h"

namespace zeektrace {
namespace {

int quiet(libbpf_print_level, const char*, va_list) { return 0; }

bool is_session(const std::string& program) { return program.starts_with("session"); }

// The file's offset of an address, by its segments.
uint64_t offset_of(Elf* elf, uint64_t address) {
  size_t segments = 0;
  elf_getphdrnum(elf, &segments);
  for (size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    gelf_getphdr(elf, static_cast<int>(i), &segment);
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address < segment.p_vaddr + segment.p_filesz)
      return address - segment.p_vaddr + segment.p_offset;
  }
  return 0;
}

}  // namespace

std::unique_ptr<Hand> Hand::load(const std::string& path, std::string& problem) {
  libbpf_set_print(quiet);
  bpf_object* object = bpf_object__open_file(path.c_str(), nullptr);
  if (object == nullptr) return problem = std::strerror(errno), nullptr;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (is_session(bpf_program__name(program)))
      bpf_program__set_expected_attach_type(program, kernel_abi::trace_uprobe_session);
  }
  if (const int failure = bpf_object__load(object); failure != 0) {
    problem = std::strerror(-failure);
    bpf_object__close(object);
    return nullptr;
  }
  return std::unique_ptr<Hand>(new Hand(object));
}

Hand::~Hand() { bpf_object__close(object_); }

bool Hand::attach(const std::string& name, const std::string& file, uint64_t offset) {
  const bpf_program* program = bpf_object__find_program_by_name(object_, name.c_str());
  if (program == nullptr || offset == 0) return false;
  kernel_abi::LinkCreateUprobeMulti attr;
  attr.program_fd = static_cast<uint32_t>(bpf_program__fd(program));
  attr.attach_type = is_session(name) ? kernel_abi::trace_uprobe_session : kernel_abi::trace_uprobe_multi;
  attr.path = reinterpret_cast<uintptr_t>(file.c_str());
  attr.offsets = reinterpret_cast<uintptr_t>(&offset);
  attr.count = 1;
  // The link lives until this process ends.
  return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) >= 0;
}

uint64_t function_offset(const std::string& file, const std::string& function) {
  elf_version(EV_CURRENT);
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  Elf* elf = elf_begin(fd, ELF_C_READ, nullptr);
  uint64_t offset = 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    if (header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    GElf_Sym symbol;
    for (int i = 0; gelf_getsym(data, i, &symbol) != nullptr; ++i)
      if (function == elf_strptr(elf, header.sh_link, symbol.st_name)) offset = offset_of(elf, symbol.st_value);
  }
  elf_end(elf);
  close(fd);
  return offset;
}

}  // namespace zeektrace
