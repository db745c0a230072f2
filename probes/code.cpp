#include "probes/code.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace zeektrace {

namespace {

// Sorted addresses.
std::vector<uint64_t> weak_functions(const std::string& path) {
  std::vector<uint64_t> weak, others, only_weak;
  const auto file = ElfFile::open(path, path);
  if (!file) return {};
  for (const std::string_view table : {".symtab", ".dynsym"}) {
    GElf_Shdr header;
    Elf_Scn* section = file->section(table, header);
    Elf_Data* data = section == nullptr ? nullptr : elf_getdata(section, nullptr);
    const size_t count = data == nullptr || header.sh_entsize == 0 ? 0 : data->d_size / header.sh_entsize;
    for (size_t i = 0; i < count; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
      if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
      (GELF_ST_BIND(symbol.st_info) == STB_WEAK ? weak : others).push_back(symbol.st_value);
    }
  }
  for (auto* addresses : {&weak, &others}) std::ranges::sort(*addresses);
  std::ranges::set_difference(weak, others, std::back_inserter(only_weak));
  return only_weak;
}

}  // namespace

Result<std::unique_ptr<Code>> Code::open(std::shared_ptr<const Binary> binary) {
  const std::string path = binary->path;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, fmt::format("cannot open {}", path));
  struct stat status = {};
  if (fstat(fd, &status) != 0 || status.st_size <= 0) {
    close(fd);
    return errno_error(errno, fmt::format("cannot read {}", path));
  }
  void* memory = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) return errno_error(errno, fmt::format("cannot map {}", path));
  std::unique_ptr<Code> code(new Code(std::move(binary)));
  code->memory_ = static_cast<const uint8_t*>(memory);
  code->size_ = static_cast<size_t>(status.st_size);
  code->read_layout();
  return code;
}

Code::~Code() {
  if (memory_ != nullptr) munmap(const_cast<uint8_t*>(memory_), size_);
}

void Code::read_layout() {
  auto file = ElfFile::open(binary_->path, binary_->path);
  if (!file) return;
  size_t count = 0;
  if (elf_getphdrnum(file->handle(), &count) != 0) return;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(file->handle(), static_cast<int>(i), &header) == nullptr || header.p_type != PT_LOAD) continue;
    if (header.p_offset > size_ || header.p_filesz > size_ - header.p_offset) continue;  // cut short
    segments_.push_back({header.p_vaddr, header.p_offset, header.p_filesz, (header.p_flags & PF_X) != 0});
  }
  go_ = go_build(*file);
  GElf_Shdr header;
  for (const std::string_view name : {".plt", ".plt.sec", ".plt.got"})
    if (file->section(name, header) != nullptr) stubs_.push_back({header.sh_addr, header.sh_addr + header.sh_size});
}

std::span<const uint8_t> Code::bytes(uint64_t address) const {
  for (const Segment& segment : segments_)
    if (segment.is_code && address >= segment.address && address - segment.address < segment.size)
      return {memory_ + segment.file_offset + (address - segment.address), segment.size - (address - segment.address)};
  return {};
}

std::optional<uint64_t> Code::word_at(uint64_t address) const {
  uint64_t word = 0;
  for (const Segment& segment : segments_) {
    if (address < segment.address || address - segment.address >= segment.size) continue;
    const uint64_t within = address - segment.address;
    if (segment.size - within < sizeof(word)) return std::nullopt;
    memcpy(&word, memory_ + segment.file_offset + within, sizeof(word));
    return word;
  }
  return std::nullopt;
}

Result<std::vector<Instruction>> Code::sweep(CodeRange range) const {
  std::vector<Instruction> all;
  const std::span<const uint8_t> code = bytes(range.begin);
  const auto wrong = [](uint64_t address, std::string_view what) {
    return Error{Error::Kind::script, fmt::format("its code can't be decoded: {:#x} {}", address, what), "", nullptr};
  };
  if (range.end <= range.begin || code.size() < range.end - range.begin) return wrong(range.begin, "lies outside of the file");
  all.reserve((range.end - range.begin) / 4);
  for (uint64_t at = range.begin; at < range.end;) {
    const size_t done = at - range.begin;
    auto next = decode(code.subspan(done, std::min<size_t>(code.size() - done, range.end - at)), at);
    if (!next) return wrong(at, "is no instruction");
    at = next->end();
    all.push_back(*next);
  }
  return all;
}

std::optional<CodeRange> Code::extent(uint64_t entry) const {
  const auto& functions = binary_->functions;
  auto symbol = std::lower_bound(functions.begin(), functions.end(), entry,
                                 [](const FunctionSymbol& each, uint64_t address) { return each.address < address; });
  uint64_t size = 0;
  for (; symbol != functions.end() && symbol->address == entry; ++symbol) size = std::max(size, symbol->size);
  if (size > 0) return CodeRange{entry, entry + size};
  const CallFrames::Range* frame = frames().covering(entry);
  if (frame == nullptr || frame->begin != entry) return std::nullopt;
  return CodeRange{frame->begin, frame->end};
}

bool Code::is_linker_stub(uint64_t address) const {
  return std::any_of(stubs_.begin(), stubs_.end(), [&](const CodeRange& range) { return range.holds(address); });
}

bool Code::is_symbol(uint64_t address) const {
  const auto& functions = binary_->functions;
  auto found = std::lower_bound(functions.begin(), functions.end(), address,
                                [](const FunctionSymbol& each, uint64_t wanted) { return each.address < wanted; });
  return found != functions.end() && found->address == address;
}

bool Code::is_weak(uint64_t address) const {
  if (!weak_) weak_ = weak_functions(binary_->path);
  return std::ranges::binary_search(*weak_, address);
}

}  // namespace zeektrace
