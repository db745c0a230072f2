// A provider and types of its own, for tests of members, elements and views that need neither a binary nor a kernel:
// attach points "shapes:draw" and "shapes:other", whose arguments are made of records laid out as GCC lays them out.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "parser/records.h"
#include "parser/registry.h"

namespace zeektrace {

// Records made by hand.
class HandMade final : public Records {
 public:
  // `is_known` false: declared, nowhere defined.
  Type add(RecordShape shape, bool is_known = true) {
    Type type = Type::of_record(this, shapes_.size(), shape.name, shape.size);
    names_[shape.name] = type;
    shapes_.push_back({std::move(shape), is_known});
    return type;
  }
  void add_name(std::string name, Type type) { names_[std::move(name)] = std::move(type); }

  Result<const RecordShape*> shape(uint64_t id) override {
    const auto& [shape, is_known] = shapes_.at(id);
    if (is_known) return &shape;
    return Error{Error::Kind::script, "it is only declared in this binary", "", nullptr};
  }
  std::optional<Type> find(std::string_view name) override {
    auto found = names_.find(std::string(name));
    return found == names_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::deque<std::pair<RecordShape, bool>> shapes_;  // their addresses stay
  std::map<std::string, Type> names_;
};

struct Shapes {
  HandMade records;
  Type int32 = Type::integer(4, true), uint64 = Type::integer(8, false), character = Type::integer(1, true);
  Type point, base, side, shape, string, old_string, vector, owner, hidden, queue, flow;

  explicit Shapes(uint32_t corner = 48);
  std::vector<Field> fields() const;

 private:
  using Members = std::vector<Member>;
  Type record(std::string name, uint32_t size, Members members) {
    return records.add({.name = std::move(name), .size = size, .members = std::move(members)});
  }
  static Member base_of(Type type, uint32_t offset) { return {"", std::move(type), offset, 0, 0, true}; }
  void library();
  void values();
};

inline void Shapes::library() {
  Type chars = Type::pointer(character), ints = Type::pointer(int32);
  Type hider = record("std::__cxx11::basic_string<char>::_Alloc_hider", 8, {{"_M_p", chars, 0}});
  Type local = records.add({.keyword = RecordShape::Keyword::union_, .name = "", .size = 16,
                            .members = {{"_M_local_buf", Type::array(character, 16), 0},
                                        {"_M_allocated_capacity", uint64, 0}}});
  string = record("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >", 32,
                  {{"_M_dataplus", hider, 0}, {"_M_string_length", uint64, 8}, {"", local, 16}});
  old_string = record("std::basic_string<char, std::char_traits<char>, std::allocator<char> >", 8,
                      {{"_M_dataplus", hider, 0}});
  Type data = record("std::_Vector_base<int, std::allocator<int> >::_Vector_impl_data", 24,
                     {{"_M_start", ints, 0}, {"_M_finish", ints, 8}, {"_M_end_of_storage", ints, 16}});
  Type impl = record("std::_Vector_base<int, std::allocator<int> >::_Vector_impl", 24, {base_of(data, 0)});
  Type vector_base = record("std::_Vector_base<int, std::allocator<int> >", 24, {{"_M_impl", impl, 0}});
  vector = record("std::vector<int, std::allocator<int> >", 24, {base_of(vector_base, 0)});
  Type points = Type::pointer(point), deleter = record("std::default_delete<point>", 1, {});
  Type head0 = record("std::_Head_base<0ul, point*, false>", 8, {{"_M_head_impl", points, 0}});
  Type head1 = record("std::_Head_base<1ul, std::default_delete<point>, true>", 1, {{"_M_head_impl", deleter, 0}});
  Type tuple1 = record("std::_Tuple_impl<1ul, std::default_delete<point> >", 1, {base_of(head1, 0)});
  Type tuple0 = record("std::_Tuple_impl<0ul, point*, std::default_delete<point> >", 8, {base_of(tuple1, 0), base_of(head0, 0)});
  Type tuple = record("std::tuple<point*, std::default_delete<point> >", 8, {base_of(tuple0, 0)});
  Type pointer_impl = record("std::__uniq_ptr_impl<point, std::default_delete<point> >", 8, {{"_M_t", tuple, 0}});
  Type pointer_data = record("std::__uniq_ptr_data<point, std::default_delete<point>, true, true>", 8, {base_of(pointer_impl, 0)});
  owner = record("std::unique_ptr<point, std::default_delete<point> >", 8, {{"_M_t", pointer_data, 0}});
  Type iterator = record("std::_Deque_iterator<int, int&, int*>", 32,
                         {{"_M_cur", ints, 0}, {"_M_first", ints, 8}, {"_M_last", ints, 16}, {"_M_node", Type::pointer(ints), 24}});
  Type deque_data = record("std::_Deque_base<int, std::allocator<int> >::_Deque_impl_data", 80,
                           {{"_M_map", Type::pointer(ints), 0}, {"_M_map_size", uint64, 8}, {"_M_start", iterator, 16},
                            {"_M_finish", iterator, 48}});
  Type deque_base = record("std::_Deque_base<int, std::allocator<int> >", 80, {{"_M_impl", deque_data, 0}});
  queue = record("std::deque<int, std::allocator<int> >", 80, {base_of(deque_base, 0)});
}

// A record whose members are reached through a list of slots of 16 bytes, {is it set, value}, as a script's are.
inline void Shapes::values() {
  auto slot = [](std::string name, Type type, int64_t index, std::vector<int64_t> further = {}) {
    Member member{std::move(name), std::move(type), 56};
    member.then = {16 * index + 8};
    member.then.insert(member.then.end(), further.begin(), further.end());
    member.type.can_be_unset = member.type.is_record();
    member.present = Count{0, {{{{56, 16 * index}, Type::integer(1, false)}, std::nullopt, 1, 1}}};
    return member;
  };
  auto names = std::make_shared<const EnumNames>(EnumNames{{0, "idle"}, {1, "busy"}});
  Type text = record("string", 16, {{"b", Type::pointer(Type::integer(1, false)), 0}, {"n", int32, 8}});
  Member size{"size", uint64, 0};
  size.count = Count{0, {{{{48}, uint64}, AccessPath{{40}, uint64}, 16, 1}}};
  Type list = record("vector of count", 88, {size});
  Type id = record("flow_id", 64, {slot("orig", Type::inet(), 0, {32, 0}), slot("port", Type::port(), 1)});
  Member rejected = slot("rejected", Type::boolean(), 5);
  rejected.otherwise = AccessPath{{24, 64, 80, 8}, Type::boolean()};
  flow = record("flow", 64, {slot("id", id, 0, {0}), slot("state", Type::enumeration("state", names), 1),
                             slot("net", Type::subnet(), 2, {32, 0}), slot("query", text, 3, {32, 0}),
                             slot("answers", list, 4, {0}), rejected, slot("ttl", uint64, 6)});
}

inline Shapes::Shapes(uint32_t corner) {
  point = record("point", 8, {{"x", int32, 0}, {"y", int32, 4}});
  library();
  base = records.add({.name = "ns::base", .size = 24, .has_virtual_table = true,
                      .members = {{"_vptr.base", uint64, 0}, {"id", Type::integer(8, true), 8}, {"shared", int32, 16}}});
  side = record("ns::side", 8, {{"shared", int32, 0}, {"extra", Type::integer(2, false), 4}});
  hidden = records.add({.name = "ns::hidden", .size = 0}, false);
  Type choice = records.add({.keyword = RecordShape::Keyword::union_, .name = "", .size = 8,
                             .members = {{"number", uint64, 0}, {"letter", character, 0}}});
  Type colour = Type::integer(4, false);
  colour.name = "ns::colour";
  std::vector<Member> members = {
      base_of(base, 0), base_of(side, 24), {"label", Type::array(character, 8), 32},
      {"low", Type::integer(4, false), 40, 0, 3}, {"small", int32, 40, 3, 5}, {"visible", Type::boolean(), 44},
      {"corner", point, corner}, {"next", Type::pointer(point), 56}, {"area", Type::real(8), 64},
      {"weight", Type::real(4), 72}, {"", choice, 80}, {"colour", colour, 88}, {"name", string, 96},
      {"sizes", vector, 128}, {"table", Type::array(int32, 4), 152}, {"corners", Type::array(point, 2), 168},
      {"owner", owner, 184}, {"to", Type::reference(point), 192}, {"secret", Type::pointer(hidden), 200},
      {"wide", Type::integer(16, false), 208}, {"raw", Type::array(Type::integer(1, false), 6), 224},
      {"nothing", Type::pointer(Type()), 232}, {"queue", queue, 240}};
  members.push_back({"far", point, 0, 0, 0, true, ""});
  members.back().type = record("ns::far", 8, {{"distant", int32, 0}});
  members.back().unavailable = "it is in a virtual base";
  shape = records.add({.keyword = RecordShape::Keyword::class_, .name = "ns::shape", .size = 320,
                       .has_virtual_table = true, .members = std::move(members)});
  records.add_name("ns::colour", colour);
  values();
}

// As a function's arguments are given: rdi at 112, rsi at 104, rdx at 96, rcx at 88, rsp at 152 of the context.
inline std::vector<Field> Shapes::fields() const {
  return {{"args.s", Type::pointer(shape), ContextOffset{112}},
          {"args.r", Type::reference(shape), ContextOffset{104}},
          {"args.n", int32, ContextOffset{96}},
          {"args.nref", Type::reference(int32), ContextOffset{96}},
          {"args.p", point, Pieces{{{88, 8}}}},
          {"args.big", shape, UserMemory{152, {8}}},
          {"args.d", Type::real(8), UserMemory{152, {8}}},
          {"args.on_stack", int32, UserMemory{152, {16}}},
          {"args.name", string, UserMemory{96, {0}}},
          {"args.flow", flow, UserMemory{112, {0, 8, 0}}},
          {"args.from", Type::inet(), UserMemory{112, {0, 16, 32, 0}}},
          {"args.old", old_string, UserMemory{96, {0}}},
          {"args.f", Type::real(4), Unavailable{"floating-point registers are not given to probes"}}};
}

namespace shapes_rows {

inline Shapes& types_of(std::string_view target) {
  static Shapes draw, other(52);
  return target == "other" ? other : draw;
}

// A mechanism for a program that is only emitted.
inline constexpr Mechanism entry = {.name = "uprobe_multi link", .section = "uprobe.multi", .has_cookie = true,
                                    .filters_pid = true};

inline std::vector<Provider>& list() {
  static std::vector<Provider> rows(1);
  return rows;
}

inline Result<std::vector<AttachPoint>> expand(Machine&, std::string_view target) {
  AttachPoint point;
  point.provider = &list().front();
  point.how = &entry;
  point.name = "shapes:" + std::string(target);
  point.target = target;
  point.symbol = target;
  return std::vector<AttachPoint>{point};
}
inline Result<std::vector<Field>> fields(Machine&, const AttachPoint& point) { return types_of(point.target).fields(); }
inline Records* types(Machine&, const AttachPoint& point) { return &types_of(point.target).records; }

}  // namespace shapes_rows

// The row, and those of `others` behind it.
inline std::span<const Provider> with_shapes(std::span<const Provider> others) {
  auto& rows = shapes_rows::list();
  if (rows.size() == 1) {
    rows[0] = {.name = "shapes",
               .alias = "",
               .syntax = "shapes:NAME",
               .doc = "for tests",
               .expand = shapes_rows::expand,
               .fields = shapes_rows::fields,
               .types = shapes_rows::types};
    rows.insert(rows.end(), others.begin(), others.end());
  }
  return rows;
}

}  // namespace zeektrace
