#include "parser/members.h"

#include <algorithm>
#include <cctype>

#include "parser/registry.h"
#include "parser/views.h"

namespace zeektrace {

void place_bits(Member& member, uint64_t first, uint32_t bits) {
  const uint32_t width = member.type.size * 8;
  // Where the type's own storage would hold it; else (packed) from the byte that it begins in.
  uint64_t start = width == 0 ? 0 : first / width * width;
  if (first + bits > start + width) start = first / 8 * 8;
  if (width == 0 || bits > width || first + bits > start + width) {
    member.unavailable = "the bit field crosses its storage";
    return;
  }
  member.offset = static_cast<uint32_t>(start / 8);
  member.bit_offset = static_cast<uint8_t>(first - start);
  member.bit_size = static_cast<uint8_t>(bits);
}

namespace {

constexpr int deepest = 64;  // bases and anonymous members within each other; debug information could say anything

// What a name was found to be, and in which record.
struct Hit {
  Access access;
  std::string owner;
  std::string unavailable;
};

struct Search {
  std::vector<Hit> hits;
  std::optional<Refusal> incomplete;  // a record that should have been looked into
};

AccessPath step(const AccessPath& at, const Member& member) {
  AccessPath next = at;
  next.adds.back() += member.offset;
  next.adds.insert(next.adds.end(), member.then.begin(), member.then.end());
  next.type = member.type;
  next.bit_offset = member.bit_offset;
  next.bit_size = member.bit_size;
  return next;
}

// What is said of a record's address, said of the address that leads to the record.
AccessPath within(const AccessPath& at, const AccessPath& path) {
  AccessPath whole = path;
  whole.adds = at.adds;
  whole.adds.back() += path.adds.front();
  whole.adds.insert(whole.adds.end(), path.adds.begin() + 1, path.adds.end());
  return whole;
}

std::optional<Count> within(const AccessPath& at, std::optional<Count> count) {
  if (!count) return count;
  for (Count::Term& term : count->terms) {
    term.from = within(at, term.from);
    if (term.less) term.less = within(at, *term.less);
  }
  return count;
}

Access member_of(const AccessPath& at, const Member& member) {
  Access access{step(at, member)};
  access.count = within(at, member.count);
  access.present = within(at, member.present);
  access.otherwise = member.otherwise;
  if (member.otherwise && !member.otherwise->adds.empty()) access.otherwise = within(at, *member.otherwise);
  access.proof = member.proof;
  if (member.proof) access.proof->description = within(at, AccessPath{member.proof->description, {}}).adds;
  return access;
}

// Where the pointer at a place points.
AccessPath follow(AccessPath place) {
  place.adds.push_back(0);
  place.type = Type(*place.type.pointee);
  return place;
}

const RecordShape* shape_of(const Type& record, Search& search) {
  if (!record.records) bug("a record that nobody describes");
  auto shape = record.records->shape(record.record);
  if (shape) return *shape;
  Refusal refusal{Code::incomplete_type, {record.name, shape.error().message}, shape.error().hint};
  if (!search.incomplete) search.incomplete = std::move(refusal);
  return nullptr;
}

bool has_anonymous(const Member& member) { return member.name.empty() && !member.is_base && member.type.is_record(); }

void search_record(const AccessPath& at, std::string_view name, int depth, Search& search) {
  const RecordShape* shape = depth < deepest ? shape_of(at.type, search) : nullptr;
  if (!shape) return;
  for (const Member& member : shape->members) {
    if (member.is_base) continue;
    if (member.name == name && !member.name.empty()) {
      search.hits.push_back({member_of(at, member), shape->name, member.unavailable});
      return;
    }
    if (!has_anonymous(member)) continue;
    search_record(step(at, member), name, depth + 1, search);
    if (!search.hits.empty()) return;
  }
  // Each base is looked at, to see that no two have it.
  std::vector<Hit> found;
  for (const Member& base : shape->members) {
    if (!base.is_base || !base.type.is_record()) continue;
    Search within;
    search_record(step(at, base), name, depth + 1, within);
    if (!search.incomplete) search.incomplete = within.incomplete;
    for (Hit& hit : within.hits) {
      if (hit.unavailable.empty()) hit.unavailable = base.unavailable;
      found.push_back(std::move(hit));
    }
  }
  search.hits = std::move(found);
}

bool readable(const Type& type) {
  if (type.is_integer()) return type.size == 1 || type.size == 2 || type.size == 4 || type.size == 8;
  if (type.kind == Type::Kind::real) return type.size == 4 || type.size == 8;
  return type.is_pointer() || type.is_array() || type.is_record() || type.has_notation();
}

Found<Access> checked(Hit hit, std::string_view name) {
  if (!hit.unavailable.empty())
    return Refusal{Code::unavailable, {std::string(name), hit.owner, hit.unavailable}};
  AccessPath& place = hit.access.place;
  place = through_references(std::move(place));
  bool bits_fit = place.bit_size == 0 ||
                  (place.type.is_integer() && place.bit_offset + place.bit_size <= 8 * place.type.size);
  if (hit.access.count || (readable(place.type) && bits_fit)) return std::move(hit.access);
  std::string why = fmt::format("its type, {}, is none that can be read", place.type.spelling());
  return Refusal{Code::unavailable, {std::string(name), hit.owner, std::move(why)}};
}

// Real members only; a name that is unknown without the names that it could have been.
Found<Access> look_up(const AccessPath& object, std::string_view name) {
  Search search;
  search_record(object, name, 0, search);
  if (search.hits.size() > 1)
    return Refusal{Code::ambiguous_member, {std::string(name), search.hits[0].owner, search.hits[1].owner}};
  if (search.hits.size() == 1) return checked(std::move(search.hits[0]), name);
  if (search.incomplete) return *std::move(search.incomplete);
  return Refusal{Code::unknown_member, {object.type.spelling(), std::string(name)}};
}

// What has one place in every object; else nothing.
std::optional<AccessPath> plain_place(Found<Access> found) {
  auto* access = std::get_if<Access>(&found);
  if (!access || access->count || access->present) return std::nullopt;
  return std::move(access->place);
}

// ---- views ----

// The place at the end of a View's path.
std::optional<AccessPath> walk(AccessPath at, std::string_view path) {
  while (!path.empty()) {
    size_t dot = path.find('.');
    std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? "" : path.substr(dot + 1);
    if (at.type.is_pointer() && at.type.pointee->is_record()) at = follow(std::move(at));
    if (!at.type.is_record()) return std::nullopt;
    auto next = plain_place(name.starts_with(':') ? find_base(at, name.substr(1)) : look_up(at, name));
    if (!next) return std::nullopt;
    at = *std::move(next);
  }
  return at;
}

std::optional<Count> distance(const AccessPath& object, const View& view) {
  auto high = walk(object, view.path);
  auto low = walk(object, view.less);
  bool pointers = high && low && high->type.is_pointer() && low->type.is_pointer();
  if (!pointers || high->type.pointee->size == 0) return std::nullopt;
  uint32_t size = high->type.pointee->size;
  return Count{0, {{*high, *low, size, 1}}};
}

// A deque's elements stand in blocks of 512 bytes, or of one element that is larger (stl_deque.h, __deque_buf_size);
// _M_node is a block's place in the list of blocks, _M_cur an element's within it.
std::optional<Count> blocks(const AccessPath& object, const View& view) {
  auto impl = walk(object, view.path);
  if (!impl || !impl->type.is_record()) return std::nullopt;
  auto at = [&](std::string_view path) { return walk(*impl, path); };
  auto first_node = at("_M_start._M_node"), last_node = at("_M_finish._M_node");
  auto first = at("_M_start._M_cur"), first_end = at("_M_start._M_last");
  auto last = at("_M_finish._M_cur"), last_begin = at("_M_finish._M_first");
  if (!first_node || !last_node || !first || !first_end || !last || !last_begin || !first->type.is_pointer())
    return std::nullopt;
  constexpr uint32_t block_bytes = 512;
  uint32_t size = first->type.pointee->size;
  if (size == 0) return std::nullopt;
  uint32_t each = size < block_bytes ? block_bytes / size : 1;
  return Count{-static_cast<int64_t>(each),
               {{*last_node, *first_node, 8, each}, {*last, *last_begin, size, 1}, {*first_end, *first, size, 1}}};
}

std::optional<Count> extent(const AccessPath& object, const View& view) {
  auto place = walk(object, view.path);
  if (!place || !place->type.is_array()) return std::nullopt;
  return Count{place->type.count, {}};
}

// What a row gives for this object; nothing when the object is laid out in another way.
std::optional<Access> apply(const AccessPath& object, const View& view) {
  std::optional<Count> count;
  switch (view.kind) {
    case View::Kind::place: {
      auto place = walk(object, view.path);
      if (!place) return std::nullopt;
      return Access{*place};
    }
    case View::Kind::distance: count = distance(object, view); break;
    case View::Kind::extent: count = extent(object, view); break;
    case View::Kind::blocks: count = blocks(object, view); break;
  }
  if (!count) return std::nullopt;
  return Access{{}, std::move(count)};
}

bool is_name(std::string_view member) {
  return std::ranges::all_of(member, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// All members that could have been meant.
void collect_names(const Type& record, int depth, std::vector<std::string>& names) {
  Search unheeded;
  const RecordShape* shape = depth < deepest ? shape_of(record, unheeded) : nullptr;
  if (!shape) return;
  for (const Member& member : shape->members) {
    if (!member.name.empty() && !member.is_base) names.push_back(member.name);
    if (member.name.empty() || member.is_base)
      if (member.type.is_record()) collect_names(member.type, depth + 1, names);
  }
}

Refusal no_such_member(const Type& record, std::string_view name) {
  std::vector<std::string> names;
  for (const View& view : all_views())
    if (is_name(view.member) && plain_name(record.name) == view.of && apply({{0}, record}, view))
      names.emplace_back(view.member);
  collect_names(record, 0, names);
  std::vector<std::string_view> views(names.begin(), names.end());
  std::string hint = did_you_mean(near_matches(name, views));
  constexpr size_t most_listed = 12;
  if (hint.empty() && !names.empty()) {
    bool all = views.size() <= most_listed;
    if (!all) views.resize(most_listed);
    hint = fmt::format("it has {}{}", fmt::join(views, ", "), all ? "" : " …");
  }
  return {Code::unknown_member, {record.spelling(), std::string(name)}, hint};
}

struct Viewed {
  Access access;
  AccessPath object;  // the record or the base that the view is of
  std::string_view of;
};

// The view's member of the record, or of the first base that has one.
std::optional<Viewed> find_view(const AccessPath& object, std::string_view member, int depth = 0) {
  if (!object.type.is_record() || depth >= deepest) return std::nullopt;
  std::string plain = plain_name(object.type.name);
  for (const View& view : all_views()) {
    if (view.of != plain || view.member != member) continue;
    if (auto access = apply(object, view)) return Viewed{std::move(*access), object, view.of};
  }
  Search unheeded;
  const RecordShape* shape = shape_of(object.type, unheeded);
  if (!shape) return std::nullopt;
  for (const Member& base : shape->members) {
    if (!base.is_base || !base.unavailable.empty()) continue;
    if (auto viewed = find_view(step(object, base), member, depth + 1)) return viewed;
  }
  return std::nullopt;
}

bool has_row(std::string_view of, std::string_view member) {
  return std::ranges::any_of(all_views(), [&](const View& view) { return view.of == of && view.member == member; });
}

// An Access that is a plain number, as a Count.
Count as_count(const Access& access) {
  if (access.count) return *access.count;
  return {0, {{access.place, std::nullopt, 1, 1}}};
}

constexpr std::string_view size_word = "size";

// The address of a record that a value of this type is or points to.
std::optional<AccessPath> record_of(const Type& object) {
  if (object.is_record()) return AccessPath{{0}, object};
  if (object.is_pointer() && object.pointee->is_record()) return AccessPath{{0}, *object.pointee};
  return std::nullopt;
}

Refusal nothing_to_read(std::string_view op, const Type& type) {
  return {Code::wrong_operand, {std::string(op), type.spelling()}};
}

// A record's last array may be declared without a bound: its length is known to the program alone.
std::optional<Count> extent_of(const Type& array) {
  if (array.count == 0) return std::nullopt;
  return Count{array.count, {}};
}

// Elements of `type`, side by side from the address on.
Found<Access> elements(AccessPath first, const Type& type, std::optional<Count> bound, const Type& object) {
  first.type = type;
  if (type.size == 0 || !readable(type)) return nothing_to_read("[]", object);
  return Access{std::move(first), std::nullopt, type.size, std::move(bound)};
}

}  // namespace

bool AccessPath::operator==(const AccessPath& other) const {
  return adds == other.adds && bit_offset == other.bit_offset && bit_size == other.bit_size && type.same_as(other.type);
}

AccessPath through_references(AccessPath place) {
  while (place.type.is_reference) place = follow(std::move(place));
  return place;
}

Type through_references(const Type& type) {
  const Type* seen = &type;
  while (seen->is_reference) seen = seen->pointee.get();
  return Type(*seen);
}

std::string plain_name(std::string_view name) {
  bool is_template = name.ends_with('>');  // not a class within one
  std::string plain(name.substr(0, is_template ? name.find('<') : name.size()));
  for (std::string_view inline_namespace : {"std::__cxx11::", "std::__1::"})
    if (plain.starts_with(inline_namespace)) plain.replace(0, inline_namespace.size(), "std::");
  return plain;
}

Found<Access> find_member(const AccessPath& object, std::string_view name) {
  auto found = look_up(object, name);
  auto* refusal = std::get_if<Refusal>(&found);
  if (refusal && refusal->code == Code::unknown_member) return no_such_member(object.type, name);
  return found;
}

Found<Access> find_base(const AccessPath& object, std::string_view name) {
  Search search;
  const RecordShape* shape = shape_of(object.type, search);
  if (!shape) return *std::move(search.incomplete);
  for (const Member& base : shape->members) {
    if (!base.is_base || !base.type.is_record()) continue;
    AccessPath place = step(object, base);
    std::string full = base.type.name;
    std::string unversioned = plain_name(full) + full.substr(std::min(full.size(), full.find('<')));
    if (unversioned.starts_with(name)) return checked({{place}, shape->name, base.unavailable}, full);
    if (auto deeper = find_base(place, name); std::holds_alternative<Access>(deeper)) return deeper;
  }
  return Refusal{Code::unknown_member, {object.type.spelling(), std::string(name)}};
}

Found<Access> member_access(const Type& object, std::string_view name) {
  std::optional<AccessPath> at = record_of(object);
  if (!at) return Refusal{Code::no_members, {object.spelling()}};
  auto real = look_up(*at, name);
  if (std::holds_alternative<Access>(real)) return real;
  Refusal& refusal = std::get<Refusal>(real);
  if (refusal.code != Code::unknown_member) return std::move(refusal);
  if (auto viewed = find_view(*at, name)) return std::move(viewed->access);
  if (auto arrow = find_view(*at, view_arrow)) {
    AccessPath target = std::move(arrow->access.place);
    if (target.type.is_pointer()) target = follow(std::move(target));
    if (target.type.is_record()) {
      auto beyond = find_member(target, name);
      if (std::holds_alternative<Access>(beyond)) return beyond;
      if (auto viewed = find_view(target, name)) return std::move(viewed->access);
      return std::get<Refusal>(std::move(beyond));
    }
  }
  // A base by its own name, without namespaces: for what is ambiguous without it.
  Search unheeded;
  if (const RecordShape* shape = shape_of(at->type, unheeded)) {
    for (const Member& base : shape->members) {
      std::string plain = plain_name(base.type.name);
      bool named = base.is_base && plain.substr(plain.rfind(':') + 1) == name;
      if (!named) continue;
      return checked({{step(*at, base)}, shape->name, base.unavailable}, name);
    }
  }
  return no_such_member(at->type, name);
}

Found<Access> element_access(const Type& object) {
  if (object.is_pointer()) return elements({}, *object.pointee, std::nullopt, object);
  if (object.is_array()) return elements({}, *object.pointee, extent_of(object), object);
  std::optional<AccessPath> at = record_of(object);
  auto viewed = at ? find_view(*at, view_elements) : std::nullopt;
  if (!viewed) return nothing_to_read("[]", object);
  AccessPath& first = viewed->access.place;
  if (first.type.is_array()) return elements(first, *first.type.pointee, extent_of(first.type), object);
  if (!first.type.is_pointer()) return nothing_to_read("[]", object);
  auto size = find_view(viewed->object, size_word);
  if (!size && has_row(viewed->of, size_word)) return nothing_to_read("[]", object);
  std::optional<Count> bound;
  if (size) bound = as_count(size->access);
  return elements(follow(first), *first.type.pointee, std::move(bound), object);
}

Found<TextSource> text_source(const Type& object) {
  auto is_character = [](const Type& type) { return type.is_integer() && type.size == 1 && !type.is_bool; };
  if (object.is_array() && is_character(*object.pointee)) return TextSource{{{0}, object}, std::nullopt};
  auto viewed = object.is_record() ? find_view({{0}, object}, view_text) : std::nullopt;
  if (!viewed) return Refusal{Code::whole_record, {object.spelling()}};
  const Type& data = viewed->access.place.type;
  bool known = (data.is_pointer() || data.is_array()) && is_character(*data.pointee);
  auto size = find_view(viewed->object, size_word);
  if (!known || (!size && !data.is_array())) return Refusal{Code::whole_record, {object.spelling()}};
  TextSource source{viewed->access.place, std::nullopt};
  if (data.is_pointer()) source.length = as_count(size->access);
  return source;
}

}  // namespace zeektrace
