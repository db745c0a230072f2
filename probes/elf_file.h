// An ELF file held open for libelf, closed when it goes out of scope. What elf.cpp and return_hazard.cpp
// share.
#pragma once

#include <gelf.h>

#include <string>
#include <string_view>

#include "parser/result.h"

namespace zeektrace {

class ElfFile {
 public:
  static Result<ElfFile> open(const std::string& path, std::string_view shown);
  ElfFile(ElfFile&& other) noexcept;
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;
  ~ElfFile();

  Elf* handle() const { return elf_; }
  std::string_view section_name(const GElf_Shdr& section) const;
  // Null when there is none. `header` is filled in.
  Elf_Scn* section(std::string_view name, GElf_Shdr& header) const;

 private:
  ElfFile(int fd, Elf* elf) : fd_(fd), elf_(elf) {}
  int fd_ = -1;
  Elf* elf_ = nullptr;
};

}  // namespace zeektrace
