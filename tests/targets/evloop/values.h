// The objects of a Zeek-shaped program's scripts, laid out as those of Zeek 8.2.2 (x86-64, libstdc++): types, what records are
// made of, values. As in zeek.h, only the offsets that are asserted at the end are promised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lines.h"

namespace zeek {

namespace detail {
struct Location {
  const char* filename = nullptr;
  int first_line = 0;
  int last_line = 0;
};
}  // namespace detail

class Obj {
 public:
  Obj() = default;
  Obj(const Obj&) = delete;
  Obj& operator=(const Obj&) = delete;
  virtual ~Obj();
  virtual const char* GetObjDesc() const;

  detail::Location* location = nullptr;
  int ref_cnt = 1;
  bool notify_plugins = false;
};

// One pointer wide, and passed and returned in memory, because its copies count.
template <typename T>
class IntrusivePtr {
 public:
  IntrusivePtr() = default;
  IntrusivePtr(std::nullptr_t) {}
  explicit IntrusivePtr(T* adopted) : ptr_(adopted) {}
  IntrusivePtr(const IntrusivePtr& other) : ptr_(other.ptr_) { ref(); }
  IntrusivePtr(IntrusivePtr&& other) noexcept : ptr_(std::exchange(other.ptr_, nullptr)) {}
  template <typename U>
  IntrusivePtr(IntrusivePtr<U> other) : ptr_(other.release()) {}
  ~IntrusivePtr() { unref(); }
  IntrusivePtr& operator=(IntrusivePtr other) noexcept {
    std::swap(ptr_, other.ptr_);
    return *this;
  }
  T* get() const { return ptr_; }
  T* operator->() const { return ptr_; }
  T& operator*() const { return *ptr_; }
  explicit operator bool() const { return ptr_ != nullptr; }
  T* release() { return std::exchange(ptr_, nullptr); }

 private:
  void ref() const {
    if (ptr_ != nullptr) {
      ++ptr_->ref_cnt;
    }
  }
  void unref() {
    if (ptr_ != nullptr && --ptr_->ref_cnt == 0) {
      delete ptr_;
    }
  }
  T* ptr_ = nullptr;
};

template <typename T, typename... Arguments>
IntrusivePtr<T> make_intrusive(Arguments&&... arguments) {
  return IntrusivePtr<T>(new T(std::forward<Arguments>(arguments)...));
}

using ObjPtr = IntrusivePtr<Obj>;

// src/Type.h
enum TypeTag : uint8_t {
  TYPE_VOID, TYPE_BOOL, TYPE_INT, TYPE_COUNT, TYPE_DOUBLE, TYPE_TIME, TYPE_INTERVAL, TYPE_STRING, TYPE_PATTERN, TYPE_ENUM,
  TYPE_PORT, TYPE_ADDR, TYPE_SUBNET, TYPE_ANY, TYPE_TABLE, TYPE_RECORD, TYPE_LIST, TYPE_FUNC, TYPE_FILE, TYPE_VECTOR,
};

enum FunctionFlavor : uint8_t { FUNC_FLAVOR_FUNCTION, FUNC_FLAVOR_EVENT, FUNC_FLAVOR_HOOK };

class Type : public Obj {
 public:
  Type() = default;
  Type(TypeTag t, std::string n) : tag(t), name(std::move(n)) {}

  uint8_t tag = 0;
  uint8_t internal_tag = 0;
  bool is_network_order = false;
  bool base_type = false;
  std::string name;
};
using TypePtr = IntrusivePtr<Type>;

struct TypeDecl {
  TypePtr type;
  void* attrs = nullptr;
  const char* id = nullptr;
};

// List<TypeDecl*>, src/List.h
struct TypeDeclList {
  TypeDecl** entries = nullptr;
  int max_entries = 0;
  int num_entries = 0;
};

// What a script's value is, or points to. src/ZVal.h
union ZVal {
  int64_t int_val;
  uint64_t uint_val;
  double double_val;
  Obj* managed_val = nullptr;
};

namespace detail {
// What a field has that nobody has set yet. src/Type.cc
class FieldInit {
 public:
  virtual ~FieldInit() = default;
  virtual ZVal Generate() const = 0;
};
class DirectFieldInit final : public FieldInit {
 public:
  explicit DirectFieldInit(ZVal v) : init_val(v) {}
  ZVal Generate() const override { return init_val; }

  ZVal init_val;
};
}  // namespace detail

class RecordType final : public Type {
 public:
  explicit RecordType(std::string n) : Type(TYPE_RECORD, std::move(n)) {}

  std::vector<std::shared_ptr<detail::FieldInit>> deferred_inits;

 private:
  char unused_[64] = {};

 public:
  int num_fields = 0;
  TypeDeclList* types = nullptr;
};
using RecordTypePtr = IntrusivePtr<RecordType>;

class EnumType final : public Type {
 public:
  explicit EnumType(std::string n) : Type(TYPE_ENUM, std::move(n)) {}

 private:
  char unused_[48] = {};

 public:
  std::map<int64_t, std::string> rev_names;
};

class FuncType final : public Type {
 public:
  FuncType(FunctionFlavor f, RecordTypePtr parameters) : Type(TYPE_FUNC, ""), args(std::move(parameters)), flavor(f) {}
  RecordTypePtr args;
  void* arg_types = nullptr;
  TypePtr yield;
  FunctionFlavor flavor;
};
using FuncTypePtr = IntrusivePtr<FuncType>;

class String {
 public:
  explicit String(const std::string& text);
  String(const String&) = delete;
  String& operator=(const String&) = delete;
  ~String();

  unsigned char* b = nullptr;
  int n = 0;
  bool final_NUL = true;
  bool use_free_to_delete = false;
};

class Val : public Obj {
 public:
  TypePtr type;
};
using ValPtr = IntrusivePtr<Val>;
using Args = std::vector<ValPtr>;

class StringVal final : public Val {
 public:
  explicit StringVal(const std::string& text);
  ~StringVal() override;

  String* string_val;
};

// Those that are a number: bool, int, count, port, enum, double, time, interval.
class NumberVal final : public Val {
 public:
  NumberVal(TypePtr t, ZVal v) : value(v) { type = std::move(t); }

  ZVal value;
};

struct IPAddr {
  unsigned char in6[16] = {};
};
struct IPPrefix {
  IPAddr prefix;
  uint8_t length = 0;
};

class AddrVal final : public Val {
 public:
  explicit AddrVal(TypePtr t, const IPAddr& a) : addr_val(new IPAddr(a)) { type = std::move(t); }
  ~AddrVal() override { delete addr_val; }

  IPAddr* addr_val;
};

class SubNetVal final : public Val {
 public:
  SubNetVal(TypePtr t, const IPPrefix& p) : subnet_val(new IPPrefix(p)) { type = std::move(t); }
  ~SubNetVal() override { delete subnet_val; }

  IPPrefix* subnet_val;
};

struct Dictionary {
  char unused[20] = {};
  int num_entries = 0;
};

class TableVal final : public Val {
 public:
  TableVal(TypePtr t, int size) {
    type = std::move(t);
    dictionary.num_entries = size;
  }

 private:
  char unused_[136] = {};

 public:
  Dictionary* table_val = &dictionary;
  Dictionary dictionary;
};

class VectorVal final : public Val {
 public:
  VectorVal(TypePtr t, size_t size) : vector_val(size, ZVal{}) { type = std::move(t); }

  void* any_vector = nullptr;
  std::vector<std::optional<ZVal>> vector_val;
};

struct ZValElement {
  bool is_set = false;
  bool is_managed = false;
  uint8_t tag = 0;
  ZVal zval;
};

class RecordVal final : public Val {
 public:
  explicit RecordVal(const RecordTypePtr& t);
  ~RecordVal() override;
  // A managed value is taken over.
  void Assign(int field, ZVal value, bool is_managed);

  ObjPtr origin;
  void* aggregates = nullptr;
  int num_fields = 0;
  ZValElement* record_val = nullptr;
};
using RecordValPtr = IntrusivePtr<RecordVal>;

// A name of the scripts. src/ID.h
namespace detail {
class ID final : public Obj {
 public:
  ID(const char* n, TypePtr t, ValPtr v) : name(n), type(std::move(t)), val(std::move(v)) {}

  uint64_t flags = 0;
  const char* name;
  TypePtr type;
  void* attrs = nullptr;
  bool is_option = false;
  ValPtr val;
};
using IDPtr = IntrusivePtr<ID>;

class Scope final : public Obj {
 public:
  IDPtr scope_id;
  void* attrs = nullptr;
  TypePtr return_type;
  std::map<std::string, IDPtr, std::less<>> local;
};
using ScopePtr = IntrusivePtr<Scope>;
// Makes a name known to all scripts.
void declare(IDPtr id);
}  // namespace detail

static_assert(sizeof(Obj) == 24 && offsetof(Obj, location) == 8 && offsetof(Obj, ref_cnt) == 16);
static_assert(sizeof(detail::Location) == 16 && offsetof(detail::Location, first_line) == 8);
static_assert(sizeof(Type) == 64 && offsetof(Type, tag) == 21 && offsetof(Type, name) == 32);
static_assert(offsetof(FuncType, args) == 64 && offsetof(FuncType, flavor) == 88);
static_assert(offsetof(RecordType, deferred_inits) == 64 && offsetof(RecordType, types) == 160);
static_assert(offsetof(TypeDecl, id) == 16 && offsetof(TypeDeclList, num_entries) == 12);
static_assert(offsetof(EnumType, rev_names) == 112);
static_assert(sizeof(Val) == 32 && offsetof(Val, type) == 24 && offsetof(StringVal, string_val) == 32);
static_assert(sizeof(String) == 16 && offsetof(String, n) == 8 && offsetof(NumberVal, value) == 32);
static_assert(offsetof(AddrVal, addr_val) == 32 && offsetof(SubNetVal, subnet_val) == 32);
static_assert(offsetof(IPPrefix, length) == 16 && offsetof(Dictionary, num_entries) == 20);
static_assert(offsetof(TableVal, table_val) == 168 && offsetof(VectorVal, vector_val) == 40);
static_assert(offsetof(RecordVal, record_val) == 56 && sizeof(ZValElement) == 16 && offsetof(ZValElement, zval) == 8);
static_assert(offsetof(detail::ID, name) == 32 && offsetof(detail::ID, type) == 40 && offsetof(detail::ID, val) == 64);
static_assert(offsetof(detail::Scope, local) == 48);

}  // namespace zeek
