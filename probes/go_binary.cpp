#include "probes/go_binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "probes/elf_file.h"
#include "probes/function_body.h"

namespace zeektrace {

namespace {

// src/debug/buildinfo/buildinfo.go of Go 1.18: 14 bytes of mark, the pointers' size, flags; with flag 2 the version
// follows at byte 32 as a length (a varint) and text; else there are two pointers to strings, of which the first is the
// version's.
constexpr std::string_view mark = "\xff Go buildinf:";
constexpr size_t header_size = 32;
constexpr uint8_t flag_big_endian = 1;
constexpr uint8_t flag_inline = 2;

// `size` bytes at an address of the program, from the section that has them.
std::string_view bytes_at(const ElfFile& file, uint64_t address, size_t size) {
  for (Elf_Scn* scn = elf_nextscn(file.handle(), nullptr); scn != nullptr; scn = elf_nextscn(file.handle(), scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || (header.sh_flags & SHF_ALLOC) == 0 || header.sh_type == SHT_NOBITS) continue;
    if (address < header.sh_addr || address - header.sh_addr >= header.sh_size) continue;
    Elf_Data* data = elf_rawdata(scn, nullptr);
    const uint64_t within = address - header.sh_addr;
    if (data == nullptr || data->d_buf == nullptr || within > data->d_size || size > data->d_size - within) return {};
    return {static_cast<const char*>(data->d_buf) + within, size};
  }
  return {};
}

uint64_t word(std::string_view bytes, size_t at) {
  uint64_t value = 0;
  if (bytes.size() >= at + sizeof(value)) memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

std::string version_of(const ElfFile& file, std::string_view info) {
  const auto flags = static_cast<uint8_t>(info[15]);
  if ((flags & flag_inline) != 0) {
    const size_t length = static_cast<uint8_t>(info[header_size]);  // one byte of varint: shorter than 128
    return length < 0x80 && info.size() > header_size + length ? std::string(info.substr(header_size + 1, length)) : "";
  }
  if (info[14] != 8 || (flags & flag_big_endian) != 0) return "";
  const std::string_view text = bytes_at(file, word(info, 16), 16);
  const size_t length = word(text, 8);
  return text.empty() || length > 128 ? "" : std::string(bytes_at(file, word(text, 0), length));
}

// "go1.19.8" → 19; a development version ("devel go1.22-…") too.
std::optional<unsigned> minor_release(std::string_view version) {
  const size_t at = version.find("go1.");
  if (at == std::string_view::npos) return std::nullopt;
  unsigned minor = 0;
  const char* begin = version.data() + at + 4;
  if (std::from_chars(begin, version.data() + version.size(), minor).ptr == begin) return std::nullopt;
  return minor;
}

}  // namespace

std::optional<GoBuild> go_build(const ElfFile& file) {
  constexpr unsigned first_with_registers = 17;
  GElf_Shdr header;
  Elf_Scn* scn = file.section(".go.buildinfo", header);
  Elf_Data* data = scn == nullptr ? nullptr : elf_rawdata(scn, nullptr);
  if (data != nullptr && data->d_buf != nullptr) {
    const std::string_view info(static_cast<const char*>(data->d_buf), data->d_size);
    if (info.size() <= header_size || !info.starts_with(mark)) return GoBuild{};
    GoBuild build{version_of(file, info), false};
    build.registers = minor_release(build.version).value_or(0) >= first_with_registers;
    return build;
  }
  for (const std::string_view section : {".gopclntab", ".note.go.buildid", ".data.rel.ro.gopclntab"})
    if (file.section(section, header) != nullptr) return GoBuild{};
  return std::nullopt;
}

// The check ends in a conditional jump (two for large frames) to a block at the function's end that keeps the argument
// registers on the stack, calls runtime.morestack and jumps to the entry (cmd/internal/obj/x86/obj6.go, stacksplit).
Result<uint64_t> after_stack_check(const Code& binary, const FunctionBody& body) {
  using Flow = Instruction::Flow;
  const uint64_t entry = body.parts.front().begin;
  const auto& code = body.code;
  const auto grows = std::find_if(code.begin(), code.end(), [&](const Instruction& each) {
    if (each.flow != Flow::call) return false;
    const FunctionSymbol* called = binary.binary().function_at(each.target);
    return called != nullptr && called->name.starts_with("runtime.morestack");
  });
  if (grows == code.end()) return entry;
  const auto keeps = [&](const Instruction& each) {
    const auto does = effects(binary.bytes(each.address), each.address);
    const bool nop = each.run == Instruction::Run::emulated && does && does->stack_change == 0;
    return each.flow == Flow::next && does && (nop || (does->writes == 0 && !does->stores));
  };
  auto block = grows;
  while (block != code.begin() && keeps(*std::prev(block))) --block;
  const auto checks = [&](const Instruction& each) {
    return each.flow == Flow::conditional_jump && each.target >= block->address && each.target <= grows->address;
  };
  const Error unclear{Error::Kind::script,
                      "its check of the stack, behind which a call is counted once, has an unknown form", "", nullptr};
  const auto last = std::find_if(code.rbegin(), code.rend(), checks);
  if (last == code.rend()) return unclear;
  for (auto each = code.begin(); &*each != &*last; ++each)
    if (each->flow != Flow::next && !checks(*each)) return unclear;
  if (body.is_target(last->end())) return unclear;
  return last->end();
}

}  // namespace zeektrace
