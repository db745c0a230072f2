#include "probes/exits.h"

#include <fmt/format.h>

#include <algorithm>

#include "probes/function_body.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

using Flow = Instruction::Flow;

enum class Leads { inside, outside, unknown };

constexpr size_t most_looked_back = 16;

class Exiting {
 public:
  Exiting(const Code& code, const FunctionBody& body, bool calls_itself_last)
      : code_(code), body_(body), calls_itself_last_(calls_itself_last) {}

  Result<Exits> run() {
    Exits exits;
    const std::vector<bool> reached = reachable();
    for (size_t i = 0; i < body_.code.size(); i++) {
      const Instruction& at = body_.code[i];
      if (!reached[i]) continue;
      if (at.flow == Flow::ret) exits.returns.push_back(at.address);
      if (calls_itself_last_ && at.target == body_.parts.front().begin) {
        if (at.flow == Flow::conditional_jump) return conditional(at);
        if (at.flow == Flow::jump) exits.tail_calls.push_back(at.address);
      }
      if (at.flow != Flow::indirect_jump) continue;
      const Leads where = indirect(i);
      if (where == Leads::unknown)
        return refused(fmt::format("its jump at +{:#x} may be a table's or leave the function", from_entry(at)));
      if (where == Leads::outside) exits.tail_calls.push_back(at.address);
    }
    for (const Instruction& jump : body_.leaving) {
      if (jump.flow == Flow::conditional_jump) return conditional(jump);
      exits.tail_calls.push_back(jump.address);
    }
    std::sort(exits.tail_calls.begin(), exits.tail_calls.end());
    if (exits.returns.empty() && exits.tail_calls.empty()) return refused("it never returns");
    return exits;
  }

 private:
  static Error refused(std::string why) { return Error{Error::Kind::script, std::move(why), "", nullptr}; }
  Error conditional(const Instruction& jump) const {
    return refused(fmt::format("it is left by a conditional jump, at +{:#x}, which a probe would count even if it is not taken",
                               from_entry(jump)));
  }
  uint64_t from_entry(const Instruction& at) const { return at.address - body_.parts.front().begin; }

  // Code that jumps lead to from the entry. With landing pads or tables, to which other things lead, all of it counts; in Go
  // too, where a panic that is recovered goes on behind a call that no jump leads to.
  std::vector<bool> reachable() const {
    const bool all = body_.has_handlers || !body_.indirect_jumps.empty() || code_.go() != nullptr;
    std::vector<bool> reached(body_.code.size(), all);
    if (reached.empty() || reached.front()) return reached;
    std::vector<size_t> waiting = {0};
    reached[0] = true;
    const auto visit = [&](size_t index) {
      if (index < reached.size() && !reached[index]) {
        reached[index] = true;
        waiting.push_back(index);
      }
    };
    while (!waiting.empty()) {
      const size_t index = waiting.back();
      waiting.pop_back();
      const Instruction& at = body_.code[index];
      const bool follows = index + 1 < body_.code.size() && body_.code[index + 1].address == at.end();
      if (at.goes_on() && follows) visit(index + 1);
      if (at.flow == Flow::jump || at.flow == Flow::conditional_jump) visit(index_of(at.target));
    }
    return reached;
  }

  size_t index_of(uint64_t address) const {
    size_t first = 0;
    for (const CodeRange& part : body_.parts) {
      // Parts follow each other in `code`, each in the order of addresses.
      auto begin = body_.code.begin() + static_cast<std::ptrdiff_t>(first);
      auto end = std::find_if(begin, body_.code.end(), [&](const Instruction& each) { return !part.holds(each.address); });
      if (part.holds(address)) {
        auto found = std::lower_bound(begin, end, address,
                                      [](const Instruction& each, uint64_t wanted) { return each.address < wanted; });
        return static_cast<size_t>(found - body_.code.begin());
      }
      first = static_cast<size_t>(end - body_.code.begin());
    }
    return body_.code.size();
  }

  Leads indirect(size_t index) const {
    const Instruction& at = body_.code[index];
    if (at.notrack) return Leads::inside;
    const auto frame = code_.frames().at(at.address);
    if (frame && !frame->at_return_address()) return Leads::inside;
    const auto does = effects(code_.bytes(at.address), at.address);
    if (!does) return Leads::unknown;
    if (does->memory) return through(*does->memory, frame.has_value());
    return through_register(index, does->reads, frame.has_value());
  }

  // `known`: the frame says that nothing is left on the stack.
  Leads through(const Effects::Memory& memory, bool known) const {
    if (memory.index == 0) return known || memory.rip_relative ? Leads::outside : Leads::unknown;
    if (memory.base == 0) {
      const auto first = code_.word_at(memory.address);
      if (first && body_.holds(*first)) return Leads::inside;
      if (first && code_.is_symbol(*first)) return Leads::outside;
    }
    // Go makes no tail calls of its own; its tables have their address in a register.
    return code_.go() != nullptr ? Leads::inside : Leads::unknown;
  }

  Leads through_register(size_t index, RegisterSet wanted, bool known) const {
    for (size_t back = 1; back <= std::min(index, most_looked_back); back++) {
      const Instruction& at = body_.code[index - back];
      if (at.end() != body_.code[index - back + 1].address || !at.goes_on() || at.flow == Flow::other) break;
      const auto does = effects(code_.bytes(at.address), at.address);
      if (!does) return Leads::unknown;
      if ((does->writes & wanted) == 0) {
        if (at.flow == Flow::call || at.flow == Flow::indirect_call) break;
        continue;
      }
      if (does->kind == Effects::Kind::add) return Leads::inside;
      if (does->kind != Effects::Kind::move) return Leads::unknown;
      if (does->memory) return through(*does->memory, known);
      wanted = does->reads;
    }
    // It came from elsewhere: a pointer that was passed, or kept.
    return known ? Leads::outside : Leads::unknown;
  }

  const Code& code_;
  const FunctionBody& body_;
  const bool calls_itself_last_;
};

}  // namespace

Result<Exits> function_exits(const Code& code, uint64_t entry, bool calls_itself_last) {
  auto body = function_body(code, entry);
  if (!body) return body.error();
  return Exiting(code, *body, calls_itself_last).run();
}

}  // namespace zeektrace
