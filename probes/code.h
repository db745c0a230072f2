// The code of one binary, to be decoded: its bytes by the addresses of its symbol table, its symbols, its frames. Made
// once for a file and kept by Machine.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parser/result.h"
#include "probes/call_frames.h"
#include "probes/elf.h"
#include "probes/go_binary.h"
#include "probes/instruction.h"

namespace zeektrace {

struct CodeRange {
  uint64_t begin = 0, end = 0;
  bool holds(uint64_t address) const { return address >= begin && address < end; }
};

class Code {
 public:
  static Result<std::unique_ptr<Code>> open(std::shared_ptr<const Binary> binary);
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  const Binary& binary() const { return *binary_; }
  // Read when they are first asked for.
  const CallFrames& frames() const {
    if (!frames_) frames_ = CallFrames::read(binary_->path);
    return *frames_;
  }
  // Null for what no Go compiler has made.
  const GoBuild* go() const { return go_ ? &*go_ : nullptr; }
  // From an address to the end of its segment; empty when there is no code.
  std::span<const uint8_t> bytes(uint64_t address) const;
  std::optional<Instruction> instruction(uint64_t address) const { return decode(bytes(address), address); }
  // 8 bytes of the file's data (a table of addresses), before relocation.
  std::optional<uint64_t> word_at(uint64_t address) const;
  // Every instruction from one address to another, when the bytes are instructions without a gap or a rest.
  Result<std::vector<Instruction>> sweep(CodeRange range) const;

  // Where a function that begins here ends, as its symbol says, or its frames; nothing when neither does.
  std::optional<CodeRange> extent(uint64_t entry) const;
  // The linker's stubs for functions of other files: .plt, .plt.sec, .plt.got.
  bool is_linker_stub(uint64_t address) const;
  // Some symbol lies here.
  bool is_symbol(uint64_t address) const;
  // All symbols of functions that lie here are weak; no, where there is none.
  bool is_weak(uint64_t address) const;

 private:
  explicit Code(std::shared_ptr<const Binary> binary) : binary_(std::move(binary)) {}
  struct Segment {
    uint64_t address = 0, file_offset = 0, size = 0;
    bool is_code = false;
  };
  void read_layout();

  std::shared_ptr<const Binary> binary_;
  mutable std::optional<CallFrames> frames_;
  mutable std::optional<std::vector<uint64_t>> weak_;  // sorted
  std::vector<Segment> segments_;
  std::vector<CodeRange> stubs_;
  std::optional<GoBuild> go_;
  const uint8_t* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace zeektrace
