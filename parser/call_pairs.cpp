// The usual way to measure a call:
//
//   uprobe:F { @start[tid] = nsecs; }
//   uretprobe:F /@start[tid]/ { @took = hist(nsecs - @start[tid]); delete(@start[tid]); }
//
// A map such as @start is no map at all to the reader: it carries a word from a call's entry to its return. It is taken
// for one when
//   - its only key is the thread, and its value an integer or a pointer;
//   - it is assigned to (plainly: no +=, no ++) in one probe and read or deleted in one other probe, and nowhere else;
//     clear() and zero() of all of it in BEGIN and END do not matter;
//   - the one stands at the entry of functions, the other at the return of the same functions, and both are attached in
//     ways that know sessions or its like.
// Then what is left of it at the end (calls that have not returned) is not printed. Where the kernel has sessions, both
// probes become one program, and the word lives in the call: a function that calls itself is measured exactly, which
// @start[tid] in a map could not do. The cookie of a session is one word, so one map for each pair of probes. Elsewhere the
// map is kept by the process and the stack pointer that the call has at its entry and its return, which is as exact: calls
// that call themselves have different ones, and coroutines theirs wherever they run. What a call leaves behind that never
// returns (an exception went through it) is overwritten by the next call that stands there; and when many are there, what
// is dead is looked for and taken out (probes/dead_calls.h). Nothing makes room for others: a call without room is counted.
#include <algorithm>

#include "parser/checking.h"

namespace zeektrace {
namespace {

bool same_places(const Probe& a, const Probe& b) {
  if (a.only.has_value() != b.only.has_value() || (a.only && !same_names(*a.only, *b.only))) return false;
  return std::ranges::equal(a.points, b.points, [](const AttachPoint& x, const AttachPoint& y) {
    return x.target == y.target && x.offset == y.offset;
  });
}

void keep_by_frame(MapDef& map, Probe& entry, const Probe& at_return) {
  const Mechanism* with_frame = entry.points.front().how->with_frame;
  if (!with_frame || !at_return.points.front().how->frame) return;
  if (!entry.pair) entry.how = with_frame;
  map.is_by_frame = true;
  map.frame_stays = at_return.points.front().how->where == Mechanism::Where::exits;
  map.keys = {Type::integer(8, false), Type::integer(8, false)};  // process, stack pointer
}

const MapRef* map_in(const Expr& expr) { return std::get_if<MapRef>(&expr.node); }

}  // namespace

bool Checking::is_thread_key(std::span<const ExprPtr> keys) const {
  if (keys.size() != 1) return false;
  auto* name = std::get_if<Name>(&keys[0]->node);
  const Builtin* row = name ? find_builtin(builtins_, name->name, Builtin::Form::variable) : nullptr;
  return row && row->is_thread;
}

// Whether the condition can hold only if the map's element is not 0.
bool Checking::needs_word(const Expr* condition, const std::string& map) const {
  if (!condition) return false;
  if (auto* ref = map_in(*condition)) return ref->name == map;
  auto* call = std::get_if<Call>(&condition->node);
  if (!call || call->args.size() != 2) return false;
  const Expr &left = *call->args[0], &right = *call->args[1];
  if (call->function == "&&") return needs_word(&left, map) || needs_word(&right, map);
  bool is_other_than = call->function == "!=" || (call->function == ">" && !type_of(left).is_signed);
  return is_other_than && literal_integer(right) == 0 && map_in(left) && needs_word(&left, map);
}

// How often the whole of it is cleared or zeroed.
size_t Checking::times_emptied(uint32_t map) const {
  return static_cast<size_t>(std::ranges::count_if(program_.records, [&](const Record& record) {
    return (record.kind == Record::Kind::clear || record.kind == Record::Kind::zero) && record.map == map;
  }));
}

std::optional<CallPair> Checking::pair_of(uint32_t number) const {
  const MapDef& map = program_.maps[number];
  if (map.keys.size() != 1 || !(map.value.is_integer() || map.value.is_pointer())) return std::nullopt;
  std::optional<uint32_t> entry, at_return;
  auto only_here = [](std::optional<uint32_t>& where, uint32_t probe) {
    if (!where) where = probe;
    return *where == probe;
  };
  size_t whole = 0;
  for (const auto& [keys, probe, use] : uses_.at(map.name)) {
    if (use == Use::whole) {
      whole++;
      if (!program_.probes[probe].how->runs_in_tracer) return std::nullopt;
      continue;
    }
    bool is_assigned = use == Use::assign;
    if (use == Use::other || !is_thread_key(keys) || !only_here(is_assigned ? entry : at_return, probe))
      return std::nullopt;
  }
  if (!entry || !at_return || *entry == *at_return || whole != times_emptied(number)) return std::nullopt;
  const Probe &first = program_.probes[*entry], &last = program_.probes[*at_return];
  bool in_order = !first.points.front().how->at_return && last.points.front().how->at_return;
  if (!in_order || !same_places(first, last)) return std::nullopt;
  return CallPair{*entry, *at_return, number, needs_word(last.syntax->predicate.get(), map.name)};
}

void Checking::find_call_pairs() {
  for (uint32_t i = 0; i < program_.maps.size(); i++) {
    std::optional<CallPair> pair = pair_of(i);
    if (!pair) continue;
    Probe &entry = program_.probes[pair->entry], &at_return = program_.probes[pair->at_return];
    program_.maps[i].is_of_call = true;
    const Mechanism* session = entry.how->session;
    if (!session || session != at_return.how->session || entry.pair || at_return.pair) {
      keep_by_frame(program_.maps[i], entry, at_return);
      continue;
    }
    entry.how = at_return.how = session;
    entry.pair = at_return.pair = static_cast<uint32_t>(program_.pairs.size());
    program_.maps[i].is_in_session = true;
    program_.pairs.push_back(*pair);
  }
}

}  // namespace zeektrace
