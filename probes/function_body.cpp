#include "probes/function_body.h"

#include <fmt/format.h>

#include <algorithm>

namespace zeektrace {

namespace {

Error not_understood(std::string why) { return Error{Error::Kind::script, std::move(why), "", nullptr}; }

class Reading {
 public:
  Reading(const Code& code, FunctionBody& body) : code_(code), body_(body) {}

  // Adds parts until no jump leads to a new one.
  std::optional<Error> run(CodeRange own) {
    if (auto error = add(own)) return error;
    for (size_t i = 0; i < body_.code.size(); i++) {
      const Instruction& at = body_.code[i];
      if (at.flow == Instruction::Flow::indirect_jump) body_.indirect_jumps.push_back(at);
      if (at.flow != Instruction::Flow::jump && at.flow != Instruction::Flow::conditional_jump) continue;
      if (body_.holds(at.target)) {
        body_.targets.push_back(at.target);
        continue;
      }
      if (auto error = follow(Instruction(at))) return error;
    }
    std::sort(body_.targets.begin(), body_.targets.end());
    return targets_are_starts();
  }

 private:
  std::optional<Error> add(CodeRange range) {
    auto swept = code_.sweep(range);
    if (!swept) return swept.error();
    body_.parts.push_back(range);
    body_.code.insert(body_.code.end(), swept->begin(), swept->end());
    const CallFrames::Range* frames = code_.frames().covering(range.begin);
    if (frames != nullptr && frames->has_handlers) body_.has_handlers = true;
    return std::nullopt;
  }

  std::optional<Error> follow(const Instruction& jump) {
    if (code_.is_linker_stub(jump.target)) {
      body_.leaving.push_back(jump);
      return std::nullopt;
    }
    const FunctionSymbol* symbol = code_.binary().function_at(jump.target);
    const bool cold = symbol != nullptr && symbol->name.find(".cold") != std::string_view::npos;
    if (symbol != nullptr && symbol->address == jump.target && (!cold || is_called(jump.target))) {
      body_.leaving.push_back(jump);
      return std::nullopt;
    }
    if (cold) return add_part(jump, code_.extent(symbol->address));
    if (symbol != nullptr)
      return not_understood(fmt::format("it jumps into the middle of {}", symbol->name));
    return follow_unnamed(jump);
  }

  // The symbols are gone, or the code never had one.
  std::optional<Error> follow_unnamed(const Instruction& jump) {
    const CallFrames::Range* frames = code_.frames().covering(jump.target);
    if (frames == nullptr)
      return not_understood(fmt::format("it jumps to {:#x}, of which nothing is known", jump.target));
    const CodeRange range{frames->begin, frames->end};
    const auto frame = code_.frames().at(frames->begin);
    const bool has_frame = frame && !frame->at_return_address();
    if (has_frame || jumps_back(range)) return add_part(jump, range);
    if (frames->begin != jump.target)
      return not_understood(fmt::format("it jumps into the middle of the code at {:#x}", frames->begin));
    body_.leaving.push_back(jump);
    return std::nullopt;
  }

  std::optional<Error> add_part(const Instruction& jump, std::optional<CodeRange> range) {
    if (range && range->holds(jump.target)) {
      body_.targets.push_back(jump.target);
      return add(*range);
    }
    return not_understood(fmt::format("it jumps to {:#x}, whose extent is not known", jump.target));
  }

  bool is_called(uint64_t address) const {
    return std::any_of(body_.code.begin(), body_.code.end(), [&](const Instruction& each) {
      return each.flow == Instruction::Flow::call && each.target == address;
    });
  }

  // To the function's inside; a jump to its entry is a call of it.
  bool jumps_back(CodeRange range) const {
    auto swept = code_.sweep(range);
    return swept && std::any_of(swept->begin(), swept->end(), [&](const Instruction& each) {
             const bool jump = each.flow == Instruction::Flow::jump || each.flow == Instruction::Flow::conditional_jump;
             return jump && body_.parts.front().holds(each.target) && each.target != body_.parts.front().begin;
           });
  }

  // Else what was read as instructions is something else: data, or the inside of other instructions.
  std::optional<Error> targets_are_starts() const {
    std::vector<uint64_t> starts;
    starts.reserve(body_.code.size());
    for (const Instruction& each : body_.code) starts.push_back(each.address);
    std::sort(starts.begin(), starts.end());
    for (const uint64_t target : body_.targets)
      if (!std::binary_search(starts.begin(), starts.end(), target))
        return not_understood(fmt::format("it jumps into the middle of an instruction, at {:#x}", target));
    return std::nullopt;
  }

  const Code& code_;
  FunctionBody& body_;
};

}  // namespace

bool FunctionBody::holds(uint64_t address) const {
  return std::any_of(parts.begin(), parts.end(), [&](const CodeRange& part) { return part.holds(address); });
}

bool FunctionBody::is_target(uint64_t address) const {
  return std::binary_search(targets.begin(), targets.end(), address);
}

Result<FunctionBody> function_body(const Code& code, uint64_t entry) {
  const auto own = code.extent(entry);
  if (!own) return not_understood("where it ends is not known: it has neither a size nor a frame description");
  FunctionBody body;
  if (auto error = Reading(code, body).run(*own)) return *std::move(error);
  return body;
}

}  // namespace zeektrace
