#include "probes/call_frames.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace zeektrace {

namespace {

// What a CIE's augmentation says of its FDEs' fields (Linux Standard Base 5.0, "Exception Frames").
struct Augmentation {
  uint8_t address_encoding = DW_EH_PE_absptr;
  uint8_t handlers_encoding = DW_EH_PE_omit;
  bool understood = false;
  bool has_size = false;
};

struct Bytes {
  const uint8_t* at;
  const uint8_t* end;

  uint64_t unsigned_leb() {
    uint64_t value = 0;
    for (unsigned shift = 0; at < end; shift += 7) {
      const uint8_t byte = *at++;
      if (shift < 64) value |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  }
  template <typename Number>
  std::optional<Number> number() {
    Number value = 0;
    if (static_cast<size_t>(end - at) < sizeof(value)) return std::nullopt;
    memcpy(&value, at, sizeof(value));
    at += sizeof(value);
    return value;
  }
  // The formats that compilers use for x86-64 code: 4 bytes with a sign, or 8.
  std::optional<int64_t> encoded(uint8_t encoding) {
    switch (encoding & 0x0f) {
      case DW_EH_PE_sdata4: return number<int32_t>();
      case DW_EH_PE_udata4: return number<uint32_t>();
      case DW_EH_PE_absptr:
      case DW_EH_PE_udata8:
      case DW_EH_PE_sdata8: return number<int64_t>();
      default: return std::nullopt;
    }
  }
};

Augmentation augmentation_of(const Dwarf_CIE& cie) {
  Augmentation made;
  const char* letter = cie.augmentation;
  if (letter == nullptr || (*letter != 'z' && *letter != 0)) return made;
  made.understood = true;
  if (*letter == 0) return made;
  made.has_size = true;
  Bytes data{cie.augmentation_data, cie.augmentation_data + cie.augmentation_data_size};
  for (letter++; *letter != 0; letter++) {
    if (*letter == 'R') {
      made.address_encoding = data.number<uint8_t>().value_or(DW_EH_PE_omit);
    } else if (*letter == 'L') {
      made.handlers_encoding = data.number<uint8_t>().value_or(DW_EH_PE_omit);
    } else if (*letter == 'P') {
      const uint8_t encoding = data.number<uint8_t>().value_or(DW_EH_PE_omit);
      if (!data.encoded(encoding)) made.understood = false;
    } else if (*letter != 'S' && *letter != 'B') {
      made.understood = false;
    }
  }
  return made;
}

// `section_address` is where the section's first byte lies, `section` that byte in our memory.
std::optional<CallFrames::Range> range_of(const Dwarf_FDE& fde, const Augmentation& augmentation,
                                          const uint8_t* section, uint64_t section_address) {
  Bytes data{fde.start, fde.end};
  const uint64_t field_address = section_address + static_cast<uint64_t>(fde.start - section);
  const auto begin = data.encoded(augmentation.address_encoding);
  const auto size = data.encoded(augmentation.address_encoding);
  if (!augmentation.understood || !begin || !size || *size == 0) return std::nullopt;
  CallFrames::Range range;
  range.begin = static_cast<uint64_t>(*begin);
  const uint8_t relative_to = augmentation.address_encoding & 0x70;
  if (relative_to == DW_EH_PE_pcrel) range.begin += field_address;
  else if (relative_to != DW_EH_PE_absptr) return std::nullopt;
  range.end = range.begin + static_cast<uint64_t>(*size);
  if (augmentation.has_size && augmentation.handlers_encoding != DW_EH_PE_omit && data.unsigned_leb() > 0)
    range.has_handlers = data.encoded(augmentation.handlers_encoding).value_or(0) != 0;
  return range;
}

std::vector<CallFrames::Range> read_ranges(const ElfFile& file) {
  std::vector<CallFrames::Range> ranges;
  GElf_Shdr header;
  GElf_Ehdr elf_header;
  Elf_Scn* scn = file.section(".eh_frame", header);
  Elf_Data* data = scn == nullptr || header.sh_type == SHT_NOBITS ? nullptr : elf_rawdata(scn, nullptr);
  if (data == nullptr || data->d_buf == nullptr || gelf_getehdr(file.handle(), &elf_header) == nullptr) return ranges;
  std::map<Dwarf_Off, Augmentation> augmentations;
  Dwarf_Off next = 0;
  for (Dwarf_Off at = 0; at != static_cast<Dwarf_Off>(-1); at = next) {
    Dwarf_CFI_Entry entry;
    const int outcome = dwarf_next_cfi(elf_header.e_ident, data, true, at, &next, &entry);
    if (outcome == 1 || (outcome < 0 && next <= at)) break;
    if (outcome < 0) continue;  // an entry that can't be read; the next one may
    if (dwarf_cfi_cie_p(&entry)) {
      augmentations[at] = augmentation_of(entry.cie);
      continue;
    }
    const auto known = augmentations.find(entry.fde.CIE_pointer);
    if (known == augmentations.end()) continue;
    if (auto range = range_of(entry.fde, known->second, static_cast<const uint8_t*>(data->d_buf), header.sh_addr))
      ranges.push_back(*range);
  }
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return ranges;
}

}  // namespace

void CallFrames::EndCfi::operator()(Dwarf_CFI_s* cfi) const { dwarf_cfi_end(cfi); }

CallFrames CallFrames::read(const std::string& path) {
  CallFrames made;
  auto file = ElfFile::open(path, path);
  if (!file) return made;
  made.file_ = std::make_unique<ElfFile>(*std::move(file));
  made.ranges_ = read_ranges(*made.file_);
  made.cfi_.reset(dwarf_getcfi_elf(made.file_->handle()));
  return made;
}

const CallFrames::Range* CallFrames::covering(uint64_t address) const {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                [](uint64_t wanted, const Range& range) { return wanted < range.begin; });
  if (after == ranges_.begin()) return nullptr;
  --after;
  return address < after->end ? &*after : nullptr;
}

std::optional<CallFrames::Frame> CallFrames::at(uint64_t address) const {
  Dwarf_Frame* found = nullptr;
  if (!cfi_ || dwarf_cfi_addrframe(cfi_.get(), address, &found) != 0) return std::nullopt;
  const std::unique_ptr<Dwarf_Frame, decltype(&free)> owned(found, free);
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(found, &operations, &count) != 0 || count == 0) return std::nullopt;
  Frame frame;
  if (count != 1) return frame;
  if (operations[0].atom >= DW_OP_breg0 && operations[0].atom <= DW_OP_breg31) {
    frame.plain = true;
    frame.register_number = operations[0].atom - DW_OP_breg0;
    frame.offset = static_cast<int64_t>(operations[0].number);
  } else if (operations[0].atom == DW_OP_bregx) {
    frame.plain = true;
    frame.register_number = static_cast<int>(operations[0].number);
    frame.offset = static_cast<int64_t>(operations[0].number2);
  }
  return frame;
}

}  // namespace zeektrace
