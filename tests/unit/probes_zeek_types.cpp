// Script types read from a process: this one, which has objects that are laid out as a Zeek's might be.
#include "probes/zeek/types.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "parser/members.h"

// Layouts are the point here; that none of these is a standard-layout class does not matter to GCC.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace zeektrace {
namespace {

enum Tag : uint8_t { t_bool, t_count, t_time, t_string, t_enum, t_port, t_addr, t_table, t_record, t_vector, t_any, t_func, t_int };
constexpr const char* tag_names[] = {"BOOL", "COUNT", "TIME", "STRING", "ENUM", "PORT", "ADDR", "TABLE", "RECORD", "VECTOR", "ANY", "FUNC", "INT"};

struct FakeType;
struct FakeDecl {
  FakeType* type;
  const char* id;
};
struct FakeList {
  FakeDecl** entries;
  int max_entries, num_entries;
};
struct FakeInit {
  void* vtable;
  uint64_t value;
};
struct FakeType {
  uint64_t vtable = 0;
  uint8_t tag = 0;
  std::string name;
  FakeType* args = nullptr;
  uint8_t flavor = 0;
  FakeList* types = nullptr;
  std::vector<std::shared_ptr<FakeInit>> inits;
  std::map<int64_t, std::string> rev_names;
};
struct FakeFunc {
  uint8_t kind;
  FakeType* type;
};
struct FakeHandler {
  FakeFunc* local;
  FakeType* type;
};
struct FakeRegistry {
  std::map<std::string, std::unique_ptr<FakeHandler>, std::less<>> handlers;
};
struct FakeFuncVal {
  FakeFunc* func;
};
struct FakeId {
  FakeType* type;
  FakeFuncVal* val;
};
struct FakeScope {
  std::map<std::string, FakeId*> local;
};

class ZeekTypesTest : public testing::Test {
 protected:
  ZeekTypesTest() {
    auto at = [&](const char* name, size_t offset) { layout.members[name] = static_cast<uint32_t>(offset); };
    for (size_t i = 0; i < std::size(tag_names); i++) at((std::string("TypeTag.TYPE_") + tag_names[i]).c_str(), i);
    at("EventRegistry.handlers", 0), at("EventHandler.local", 0), at("EventHandler.type", 8);
    at("Func.kind", 0), at("Func.type", 8), at("FuncVal.func_val", 0), at("ID.type", 0), at("ID.val", 8), at("Scope.local", 0);
    at("Type.tag", offsetof(FakeType, tag)), at("Type.name", offsetof(FakeType, name));
    at("FuncType.args", offsetof(FakeType, args)), at("FuncType.flavor", offsetof(FakeType, flavor));
    at("RecordType.types", offsetof(FakeType, types)), at("RecordType.deferred_inits", offsetof(FakeType, inits));
    at("EnumType.rev_names", offsetof(FakeType, rev_names));
    at("List.entries", 0), at("List.num_entries", 12), at("TypeDecl.type", 0), at("TypeDecl.id", 8);
    at("Val.type", 24), at("StringVal.string_val", 32), at("String.b", 0), at("String.n", 8), at("AddrVal.addr_val", 32);
    at("SubNetVal.subnet_val", 32), at("EnumVal.int_val", 32), at("CountVal.uint_val", 32), at("DoubleVal.double_val", 32);
    at("RecordVal.record_val", 56), at("ZValElement.size", 16), at("ZValElement.is_set", 0), at("ZValElement.zval", 8);
    at("TableVal.table_val", 168), at("Dictionary.num_entries", 20), at("VectorVal.vector_val", 40);
    layout.release = "8.2.2";
    layout.source = "a test";
  }

  FakeType* type(uint8_t tag, std::string name = "") {
    types.push_back(std::make_unique<FakeType>());
    types.back()->tag = tag;
    types.back()->name = std::move(name);
    return types.back().get();
  }
  // What lives as long as the test.
  template <class T>
  T* kept(T value) {
    auto owner = std::make_shared<T>(std::move(value));
    things.push_back(owner);
    return owner.get();
  }
  FakeType* record(std::string name, std::vector<FakeDecl> fields) {
    FakeType* made = type(t_record, std::move(name));
    auto* entries = kept(std::vector<FakeDecl*>(fields.size()))->data();
    for (size_t i = 0; i < fields.size(); i++) entries[i] = kept(std::move(fields[i]));
    made->types = kept(FakeList{entries, 99, static_cast<int>(fields.size())});
    return made;
  }
  FakeType* function(std::vector<FakeDecl> parameters, uint8_t flavor) {
    FakeType* made = type(t_func);
    made->args = record("", std::move(parameters));
    made->flavor = flavor;
    return made;
  }
  void event(FakeRegistry& registry, const std::string& name, FakeType* type) {
    registry.handlers[name] = std::make_unique<FakeHandler>(FakeHandler{nullptr, type});
  }
  void global(const std::string& name, FakeType* type, uint8_t kind) {
    scope.local[name] = kept(FakeId{type, kept(FakeFuncVal{kept(FakeFunc{kind, type})})});
  }
  ZeekTypes::Process process(FakeRegistry*& registry) {
    return {getpid(), reinterpret_cast<uint64_t>(&registry), reinterpret_cast<uint64_t>(&scopes)};
  }

  static std::string told(const Field& field) {
    std::string text = field.type.spelling() + " " + field.name;
    if (auto* why = std::get_if<Unavailable>(&field.where)) return text + ": " + why->reason;
    return fmt::format("{} at {}", text, fmt::join(std::get<UserMemory>(field.where).adds, ","));
  }
  static std::vector<std::string> told(const Result<std::vector<Field>>& fields) {
    std::vector<std::string> all;
    if (!fields) return {fields.error().message};
    for (const Field& field : *fields) all.push_back(told(field));
    return all;
  }

  ZeekLayout layout;
  std::vector<std::unique_ptr<FakeType>> types;
  std::vector<std::shared_ptr<void>> things;
  FakeRegistry one, two;
  FakeRegistry *first = &one, *second = &two;
  FakeScope scope;
  std::vector<FakeScope*> scopes = {&scope};
  const ZeekTypes::Place args{ContextOffset{104}, ContextOffset{112}, {8, 16}};
  using Strings = std::vector<std::string>;
};

TEST_F(ZeekTypesTest, ParametersAreWhereTheArgumentsLead) {
  FakeType* state = type(t_enum, "State");
  state->rev_names = {{0, "IDLE"}, {3, "BUSY"}};
  FakeType* id = record("conn_id", {{type(t_addr), "orig_h"}, {type(t_port), "orig_p"}});
  event(one, "seen", function({{id, "id"}, {type(t_string), "query"}, {type(t_count), "n"}, {type(t_time), "t"}, {state, "s"},
                               {type(t_addr), "from"}, {type(t_bool), "b"}, {type(t_any), "what"}, {type(t_vector), "list"}}, 1));
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  EXPECT_EQ(told(fields),
            (Strings{"conn_id args.id at 0,0,0", "string args.query at 0,8,32,0", "count args.n at 0,16,32", "time args.t at 0,24,32",
                     "enum State args.s at 0,32,32", "addr args.from at 0,40,32,0", "bool args.b at 0,48,32",
                     "any args.what: values of type any can't be read", "vector args.list at 0,64,0"}));
  EXPECT_EQ((*fields)[4].type.names->at(3), "BUSY");
  auto size = std::get<Access>(member_access((*fields)[8].type, "size"));
  ASSERT_TRUE(size.count);
  EXPECT_EQ(size.count->terms[0].divide, 16u);
  EXPECT_TRUE(std::holds_alternative<TextSource>(text_source((*fields)[1].type)));
}

TEST_F(ZeekTypesTest, FieldsOfRecordsAreReachedThroughTheirSlots) {
  FakeType* id = record("conn_id", {{type(t_addr), "orig_h"}, {type(t_port), "orig_p"}, {type(t_string), "tag"}});
  event(one, "seen", function({{record("connection", {{id, "id"}}), "c"}}, 1));
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  ASSERT_TRUE(fields && fields->size() == 1);
  auto inner = std::get<Access>(member_access(fields->front().type, "id"));
  EXPECT_EQ(inner.place.adds, (std::vector<int64_t>{56, 8, 0}));
  EXPECT_EQ(inner.present->terms[0].from.adds, (std::vector<int64_t>{56, 0}));
  EXPECT_TRUE(inner.place.type.can_be_unset);
  EXPECT_EQ(std::get<Access>(member_access(inner.place.type, "orig_h")).place.adds, (std::vector<int64_t>{56, 8, 32, 0}));
  EXPECT_EQ(std::get<Access>(member_access(inner.place.type, "orig_p")).place.adds, (std::vector<int64_t>{56, 24}));
  EXPECT_EQ(std::get<Access>(member_access(inner.place.type, "tag")).place.adds, (std::vector<int64_t>{56, 40, 32, 0}));
}

// Another process may have it otherwise: what is read is bound to the name and the type that the process itself declares.
TEST_F(ZeekTypesTest, EachValueIsBoundToItsDeclaration) {
  FakeType* id = record("conn_id", {{type(t_addr), "orig_h"}, {type(t_port), "orig_p"}});
  event(one, "seen", function({{type(t_count), "n"}, {id, "id"}}, 1));
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  ASSERT_TRUE(fields && fields->size() == 2);
  const Field::Proven& proven = *fields->at(1).proven;
  const auto types = static_cast<int64_t>(offsetof(FakeType, types)), tag = static_cast<int64_t>(offsetof(FakeType, tag));
  EXPECT_EQ(std::get<ContextOffset>(proven.of).offset, 112u);
  EXPECT_EQ(proven.proof.name, "id");
  EXPECT_EQ(proven.proof.text, (std::vector<int64_t>{8, 16, types, 0, 8, 8, 0}));
  EXPECT_EQ(proven.proof.number, (Proof::Number{{8, 16, types, 0, 8, 0, tag}, 1, t_record}));
  EXPECT_FALSE(proven.proof.is_passing);
  const Access port = std::get<Access>(member_access((*fields)[1].type, "orig_p"));
  ASSERT_TRUE(port.proof);
  EXPECT_EQ(port.proof->description, (std::vector<int64_t>{24, 0}));
  EXPECT_EQ(port.proof->name, "orig_p");
  EXPECT_EQ(port.proof->text, (std::vector<int64_t>{types, 0, 8, 8, 0}));
  EXPECT_EQ(port.proof->number, (Proof::Number{{types, 0, 8, 0, tag}, 1, t_port}));
  auto many = read.parameters(ZeekCallable::event, "see*", args);
  EXPECT_TRUE(many && many->at(0).proven->proof.is_passing);
}

// Before 8.1 a record is a vector of optionals.
TEST_F(ZeekTypesTest, FieldsOfOlderRecordsToo) {
  for (const char* member : {"ZValElement.size", "ZValElement.is_set", "ZValElement.zval"}) layout.members.erase(member);
  event(one, "seen", function({{record("r", {{type(t_count), "a"}, {type(t_count), "b"}}), "r"}}, 1));
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  auto b = std::get<Access>(member_access(fields->front().type, "b"));
  EXPECT_EQ(b.place.adds, (std::vector<int64_t>{56, 16}));
  EXPECT_EQ(b.present->terms[0].from.adds, (std::vector<int64_t>{56, 24}));
}

TEST_F(ZeekTypesTest, DefaultsThatAreKeptStandInForWhatIsNotSet) {
  const char kept[] = "N4zeek6detail15DirectFieldInitE", empty[] = "N4zeek6detail14TableFieldInitE", other[] = "N4zeek1XE";
  struct Class {
    const void* info[2];
    const void* table[2];
    explicit Class(const char* name) : info{nullptr, name}, table{info, nullptr} {}
  } kept_class(kept), empty_class(empty), other_class(other);
  FakeType* made = record("r", {{type(t_count), "a"}, {type(t_table), "b"}, {type(t_string), "c"}, {type(t_count), "d"}, {type(t_addr), "e"}});
  auto init = [](Class& of) { return std::make_shared<FakeInit>(FakeInit{&of.table[1], 7}); };
  made->inits = {init(kept_class), init(empty_class), init(other_class), nullptr, init(kept_class)};
  event(one, "seen", function({{made, "r"}}, 1));
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  auto otherwise = [&](const char* name) { return std::get<Access>(member_access(fields->front().type, name)).otherwise; };
  auto inits = static_cast<int64_t>(offsetof(FakeType, inits));
  EXPECT_EQ(otherwise("a")->adds, (std::vector<int64_t>{24, inits, 0, 8}));
  EXPECT_EQ(otherwise("b")->adds, std::vector<int64_t>{}) << "it would be empty";
  EXPECT_FALSE(otherwise("c"));
  EXPECT_FALSE(otherwise("d"));
  EXPECT_EQ(otherwise("e")->adds, (std::vector<int64_t>{24, inits, 64, 8, 32, 0}));
}

TEST_F(ZeekTypesTest, WhatAGlobNamesMustAgree) {
  FakeType* text = type(t_string);
  event(one, "dns_a", function({{text, "query"}, {type(t_count), "n"}}, 1));
  event(one, "dns_b", function({{text, "query"}, {type(t_addr), "n"}, {text, "more"}}, 1));
  event(one, "other", function({{type(t_addr), "query"}}, 1));
  event(one, "untyped", nullptr);
  ZeekTypes read(layout, {process(first)});
  EXPECT_EQ(told(read.parameters(ZeekCallable::event, "dns_*", args)),
            (Strings{"string args.query at 0,0,32,0", "nothing args.n: dns_a and dns_b have it differently",
                     "nothing args.more: dns_a has no such parameter"}));
  std::string why = fmt::format("nothing args.*: process {} declares no event 'untyped'", getpid());
  EXPECT_EQ(told(read.parameters(ZeekCallable::event, "untyped", args)), Strings{why});
}

TEST_F(ZeekTypesTest, FunctionsHooksAndBuiltInsAreGlobals) {
  global("GLOBAL::to_lower", function({{type(t_string), "str"}}, 0), 1);
  global("Log::write", function({{type(t_count), "id"}}, 0), 0);
  global("Log::policy", function({{type(t_count), "id"}}, 2), 0);
  global("an_event", function({{type(t_count), "id"}}, 1), 0);
  scope.local["number"] = kept(FakeId{type(t_count), nullptr});
  ZeekTypes read(layout, {process(first)});
  EXPECT_EQ(told(read.parameters(ZeekCallable::bif, "to_lower", args)), Strings{"string args.str at 0,0,32,0"});
  EXPECT_EQ(told(read.parameters(ZeekCallable::function, "Log::*", args)), Strings{"count args.id at 0,0,32"});
  EXPECT_EQ(told(read.parameters(ZeekCallable::hook, "Log::policy", args)), Strings{"count args.id at 0,0,32"});
  std::string why = fmt::format("nothing args.*: process {} declares no function 'an_event'", getpid());
  EXPECT_EQ(told(read.parameters(ZeekCallable::function, "an_event", args)), Strings{why});
}

TEST_F(ZeekTypesTest, ProcessesMustAgreeOnWhatIsUsed) {
  FakeType* here = record("conn", {{type(t_addr), "a"}, {type(t_count), "b"}, {type(t_count), "c"}});
  FakeType* there = record("conn", {{type(t_addr), "a"}, {type(t_string), "x"}, {type(t_count), "b"}, {type(t_int), "c"}});
  event(one, "seen", function({{here, "r"}, {type(t_count), "n"}}, 1));
  event(two, "seen", function({{there, "r"}, {type(t_string), "n"}}, 1));
  ZeekTypes read(layout, {process(first), process(second)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  ASSERT_TRUE(fields && fields->size() == 2);
  EXPECT_NE(told((*fields)[1]).find("have it differently"), std::string::npos) << told((*fields)[1]);
  const Type record = (*fields)[0].type;
  EXPECT_TRUE(std::holds_alternative<Access>(member_access(record, "a")));
  auto refusal = [&](const char* name) { return std::get<Refusal>(member_access(record, name)).words[2]; };
  EXPECT_EQ(refusal("b"), "processes have it in different places");
  EXPECT_EQ(refusal("x"), fmt::format("process {} has no such field", getpid()));
}

TEST_F(ZeekTypesTest, WhatCanNotBeReadIsAnError) {
  layout.members.erase("TypeDecl.id");
  ZeekTypes without(layout, {process(first)});
  EXPECT_EQ(told(without.parameters(ZeekCallable::event, "seen", args)),
            Strings{"arguments of scripts can't be read in Zeek 8.2.2: where TypeDecl.id is, is not known"});
  layout.members["TypeDecl.id"] = 8;
  FakeType* broken = function({}, 1);
  broken->args = reinterpret_cast<FakeType*>(64);
  event(one, "seen", broken);
  ZeekTypes read(layout, {process(first)});
  auto fields = read.parameters(ZeekCallable::event, "seen", args);
  ASSERT_FALSE(fields);
  EXPECT_NE(fields.error().message.find("can't read the memory of process"), std::string::npos) << fields.error().message;
}

TEST(ProcessMemory, WalksMapsInOrder) {
  std::map<int64_t, std::string> map;
  for (int64_t i = 0; i < 1000; i++) map[i * 7919 % 1009] = fmt::to_string(i);
  ProcessMemory memory(getpid());
  std::vector<std::pair<int64_t, std::string>> seen;
  memory.each_of_map(reinterpret_cast<uint64_t>(&map), [&](uint64_t key) {
    seen.emplace_back(static_cast<int64_t>(memory.word(key)), memory.string(key + 8));
    return true;
  });
  EXPECT_EQ(seen, (std::vector<std::pair<int64_t, std::string>>(map.begin(), map.end())));
  EXPECT_TRUE(memory.status());
  std::map<int64_t, std::string> empty;
  memory.each_of_map(reinterpret_cast<uint64_t>(&empty), [](uint64_t) { return ADD_FAILURE(), true; });
}

}  // namespace
}  // namespace zeektrace
