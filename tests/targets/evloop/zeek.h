// The classes of a Zeek-shaped program: the names, signatures, mangled symbols, virtuals and member offsets
// of Zeek 8.2.2 (x86-64, libstdc++), with bodies of our own that do just enough to run events through script
// functions. What a tracer reads from the outside (names, call stack, lines, arguments) stands where that
// release has it; the static_asserts at the end of this file say which offsets are promised. Members that
// nothing here uses are plain pointers or omitted at the end of a class, so do not rely on offsets or sizes
// that are not asserted. With EVLOOP_8_0 events, calls,
// packets and connections stand as in Zeek 8.0.10; values (values.h) do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <forward_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "evloop/values.h"
#include "lines.h"

#ifndef EVLOOP_8_0
#define EVLOOP_8_0 0
#endif

#if EVLOOP_8_0
namespace zeek::detail {
class Frame;
}
extern std::vector<zeek::detail::Frame*> g_frame_stack;
#endif

namespace zeek {

namespace detail {
class Stmt;
class Frame;
class CallExpr;
using StmtPtr = IntrusivePtr<Stmt>;
}  // namespace detail

class EventGroup;

class Func : public Obj {
 public:
  enum Kind : uint8_t { SCRIPT_FUNC, BUILTIN_FUNC };
  struct Body {
    detail::StmtPtr stmts;
    std::forward_list<std::shared_ptr<EventGroup>> groups;
    int priority = 0;
    bool disabled = false;
  };

  Func(Kind kind, std::string name, FuncTypePtr type);
  ~Func() override;
  virtual ValPtr Invoke(Args* args, detail::Frame* parent = nullptr) const = 0;

  std::vector<Body> bodies;
  ObjPtr scope;
  Kind kind;
  FuncTypePtr type;
  std::string name;
  bool has_enabled_bodies = true;
  bool all_bodies_enabled = true;
};
using FuncPtr = IntrusivePtr<Func>;

namespace detail {

class Frame final : public Obj {
 public:
  Frame(int slots, const Func* function, const Args* arguments);
  TRACED void Reset(int first);

  int size;
  bool break_before_next_stmt = false;
  bool break_on_return = false;
  bool delayed = false;
  std::unique_ptr<ValPtr[]> frame;
  int current_offset = 0;
  Frame* captures = nullptr;
  const void* captures_offset_map = nullptr;
  const Func* function;
  const Args* func_args;
  Stmt* next_stmt = nullptr;
  ObjPtr trigger;
  const CallExpr* call = nullptr;
  const void* assoc = nullptr;
};

#if EVLOOP_8_0
struct CallInfo {
  const CallExpr* call;
  const Func* func;
  const Args& args;
};
#else
struct CallInfo {
  const CallExpr* call;
  Frame* frame;
};
#endif
extern std::vector<CallInfo> call_stack;

class Stmt : public Obj {
 public:
  Stmt(const char* file, int line);
  ~Stmt() override;
  virtual ValPtr Exec(Frame* frame) = 0;

  uint8_t tag = 0;
  mutable int breakpoint_count = 0;
  mutable double last_access = 0;
  mutable uint32_t access_count = 0;
  void* opt_info = nullptr;
};

class Expr : public Obj {
 public:
  virtual ValPtr Eval(Frame* frame) const = 0;

  uint8_t tag = 0;
  bool paren = false;
  TypePtr type;
  void* opt_info = nullptr;
};
using ExprPtr = IntrusivePtr<Expr>;

class ConstExpr final : public Expr {
 public:
  explicit ConstExpr(ValPtr v) : val(std::move(v)) {}
  ValPtr Eval(Frame* frame) const override;

  ValPtr val;
};

// The name of a function that is known when the program is built.
class NameExpr final : public Expr {
 public:
  explicit NameExpr(Func* f) : function(f) {}
  ValPtr Eval(Frame* frame) const override;

  Func* function;
};

class CallExpr final : public Expr {
 public:
  CallExpr(const char* file, int line, Func* callee, ValPtr argument);
  ~CallExpr() override;
  ValPtr Eval(Frame* frame) const override;

  IntrusivePtr<NameExpr> func;
  ExprPtr args;
  bool in_when = false;
};

class ExprStmt final : public Stmt {
 public:
  ExprStmt(const char* file, int line, ExprPtr expression);
  ValPtr Exec(Frame* frame) override;

  ExprPtr e;
};

class StmtList final : public Stmt {
 public:
  using Stmt::Stmt;
  ValPtr Exec(Frame* frame) override;

  std::vector<StmtPtr> stmts;
};

class ScriptFunc final : public Func {
 public:
  ScriptFunc(std::string name, FuncTypePtr type) : Func(SCRIPT_FUNC, std::move(name), std::move(type)) {}
  TRACED ValPtr Invoke(Args* args, Frame* parent) const override;

  void* captures_vec = nullptr;
  size_t frame_size = 8;
};

using built_in_func = ValPtr (*)(Frame* frame, const Args* args);

class BuiltinFunc final : public Func {
 public:
  BuiltinFunc(built_in_func f, std::string name, FuncTypePtr type)
      : Func(BUILTIN_FUNC, std::move(name), std::move(type)), func(f) {}
  TRACED ValPtr Invoke(Args* args, Frame* parent) const override;

  built_in_func func;
  bool is_pure = false;
};

}  // namespace detail

class FuncVal final : public Val {
 public:
  FuncVal(FuncPtr f) : func_val(std::move(f)) { type = TypePtr(func_val->type); }

  FuncPtr func_val;
};

// An error of a script. It leaves the handler's body, and the functions and built-ins that it comes from.
class InterpreterException : public std::exception {};

namespace telemetry {
class Counter;
}

class EventHandler {
 public:
  explicit EventHandler(std::string handler_name) : name(std::move(handler_name)) {}
#if EVLOOP_8_0
  TRACED void Call(Args* arguments, bool no_remote = false, double time = 0);
#else
  TRACED void Call(Args* arguments);
#endif

  std::string name;
  FuncPtr local;
  FuncTypePtr type;
  bool used = true;
  bool enabled = true;
  bool error_handler = false;
  bool generate_always = false;
  std::shared_ptr<telemetry::Counter> call_count;
#if EVLOOP_8_0
  char unused[56] = {};
#endif
};

class EventHandlerPtr {
 public:
  EventHandler* handler = nullptr;
};

class EventRegistry {
 public:
  std::map<std::string, std::unique_ptr<EventHandler>, std::less<>> handlers;
};
extern EventRegistry* event_registry;

namespace analyzer {
using ID = uint32_t;
}
namespace util::detail {
using SourceID = uintptr_t;
}

class Event final : public Obj {
 public:
  Event(const EventHandlerPtr& h, Args vl, util::detail::SourceID source, analyzer::ID analyzer_id,
        ObjPtr object);
#if EVLOOP_8_0
  TRACED void Dispatch(bool no_remote = false);
#else
  TRACED void Dispatch();
#endif

  EventHandlerPtr handler;
  Args args;
  void* meta = nullptr;
  util::detail::SourceID src;
  analyzer::ID aid;
  ObjPtr obj;
  Event* next_event = nullptr;
};

namespace iosource {
class IOSource {
 public:
  virtual ~IOSource();

  bool closed = false;
  bool implements_process_fd = false;
};
class PktSrc;
}  // namespace iosource

class EventMgr final : public Obj, public iosource::IOSource {
 public:
  TRACED void Enqueue(const EventHandlerPtr& h, Args vl, util::detail::SourceID src = 0, analyzer::ID aid = 0,
                      Obj* obj = nullptr);
  TRACED void Drain();

  uint64_t num_events_queued = 0;
  uint64_t num_events_dispatched = 0;
  Event* current = nullptr;
  Event* head = nullptr;
  Event* tail = nullptr;
};
extern EventMgr event_mgr;

class UID {
 public:
  uint64_t uid[2] = {};
  bool initialized = false;
};

namespace session {
class Session : public Obj {
 public:
  ~Session() override;

 private:
  char unused_[160] = {};
};
}  // namespace session

class Connection final : public session::Session {
 public:
  explicit Connection(uint64_t number) : uid{{number, ~number}, true} {}
  ~Connection() override;

 private:
  char unused_[EVLOOP_8_0 ? 144 : 128] = {};

 public:
  UID uid;

 private:
  void* weird_state_ = nullptr;
};

class Packet {
 public:
  std::string tag;
  double time = 0;
  struct {
    long tv_sec = 0;
    long tv_usec = 0;
  } ts;
  const unsigned char* data = nullptr;
  uint32_t len = 0;
  uint32_t cap_len = 0;

 private:
  char unused_[EVLOOP_8_0 ? 96 : 104] = {};

 public:
  session::Session* session = nullptr;

 private:
  void* last_ = nullptr;
};

namespace iosource {
class PktSrc : public IOSource {
 public:
  int descriptor = -1;
  uint64_t packets = 0;
  unsigned char* buffer = nullptr;
  char unused[40] = {};
  Packet current_packet;
};
}  // namespace iosource

// Data goes to an analyzer, or first to the support analyzers of the direction, which cut it into lines and give these to the
// analyzer itself (src/analyzer/Analyzer.cc).
namespace analyzer {
class SupportAnalyzer;
class Analyzer {
 public:
  virtual ~Analyzer() = default;
  virtual void DeliverStream(int len, const unsigned char* data, bool is_orig);
  TRACED void NextStream(int len, const unsigned char* data, bool is_orig);

 private:
  char unused_[48] = {};

 public:
  Connection* conn = nullptr;
  SupportAnalyzer* orig_supporters = nullptr;
  SupportAnalyzer* resp_supporters = nullptr;
  bool skip = false;
  uint64_t delivered = 0;
};
class SupportAnalyzer : public Analyzer {
 public:
  SupportAnalyzer* sibling = nullptr;
  bool removing = false;
};
namespace tcp {
class ContentLine_Analyzer final : public SupportAnalyzer {
 public:
  void DeliverStream(int len, const unsigned char* data, bool is_orig) override;
};
}  // namespace tcp
namespace http {
class HTTP_Analyzer final : public Analyzer {
 public:
  void DeliverStream(int len, const unsigned char* data, bool is_orig) override;
};
}  // namespace http
}  // namespace analyzer

namespace packet_analysis {
class Manager {
 public:
  TRACED bool ProcessPacket(Packet* packet);

  uint64_t packets = 0;
};
}  // namespace packet_analysis

namespace run_state {
extern double network_time;
extern double processing_start_time;
namespace detail {
extern iosource::PktSrc* current_pktsrc;
TRACED void dispatch_packet(Packet* pkt, iosource::PktSrc* pkt_src);
// When the scripts have been read.
TRACED void init_run();
}
}  // namespace run_state

static_assert(sizeof(EventHandler) == (EVLOOP_8_0 ? 128 : 72) && offsetof(EventHandler, name) == 0);
static_assert(offsetof(EventHandler, local) == 32 && offsetof(EventHandler, type) == 40);
static_assert(offsetof(EventHandler, enabled) == 49 && offsetof(EventHandler, call_count) == 56);
static_assert(offsetof(FuncVal, func_val) == 32);
static_assert(sizeof(EventHandlerPtr) == 8 && sizeof(ValPtr) == 8);
static_assert(sizeof(Event) == 96 && offsetof(Event, handler) == 24 && offsetof(Event, args) == 32);
static_assert(offsetof(Event, src) == 64 && offsetof(Event, obj) == 80 && offsetof(Event, next_event) == 88);
static_assert(sizeof(EventMgr) == 80 && offsetof(EventMgr, closed) == 32);
static_assert(offsetof(EventMgr, num_events_queued) == 40 && offsetof(EventMgr, num_events_dispatched) == 48);
static_assert(offsetof(EventMgr, current) == 56 && offsetof(EventMgr, head) == 64 &&
              offsetof(EventMgr, tail) == 72);
static_assert(sizeof(Func) == 112 && offsetof(Func, bodies) == 24 && offsetof(Func, kind) == 56);
static_assert(offsetof(Func, type) == 64 && offsetof(Func, name) == 72 &&
              offsetof(Func, has_enabled_bodies) == 104);
static_assert(sizeof(Func::Body) == 24 && offsetof(Func::Body, priority) == 16 &&
              offsetof(Func::Body, disabled) == 20);
static_assert(offsetof(detail::ScriptFunc, frame_size) == 120 && offsetof(detail::BuiltinFunc, func) == 112);
static_assert(sizeof(detail::Frame) == 112 && offsetof(detail::Frame, size) == 24);
static_assert(offsetof(detail::Frame, frame) == 32 && offsetof(detail::Frame, function) == 64);
static_assert(offsetof(detail::Frame, func_args) == 72 && offsetof(detail::Frame, next_stmt) == 80);
static_assert(offsetof(detail::Frame, trigger) == 88 && offsetof(detail::Frame, call) == 96);
#if EVLOOP_8_0
static_assert(sizeof(detail::CallInfo) == 24 && offsetof(detail::CallInfo, func) == 8);
#else
static_assert(sizeof(detail::CallInfo) == 16 && offsetof(detail::CallInfo, frame) == 8);
#endif
static_assert(sizeof(detail::Stmt) == 56 && offsetof(detail::Stmt, tag) == 21);
static_assert(offsetof(detail::Stmt, last_access) == 32 && offsetof(detail::Stmt, access_count) == 40);
static_assert(sizeof(detail::Expr) == 40 && offsetof(detail::Expr, type) == 24);
static_assert(sizeof(detail::CallExpr) == 64 && offsetof(detail::CallExpr, func) == 40);
static_assert(offsetof(detail::CallExpr, args) == 48 && offsetof(detail::CallExpr, in_when) == 56);
static_assert(sizeof(session::Session) == 184 && offsetof(Connection, uid) == (EVLOOP_8_0 ? 328 : 312));
static_assert(offsetof(Packet, session) == (EVLOOP_8_0 ? 168 : 176));
static_assert(offsetof(iosource::PktSrc, current_packet) == 72);
static_assert(offsetof(analyzer::Analyzer, conn) == 56);
static_assert(offsetof(Packet, time) == 32 && offsetof(Packet, data) == 56 && offsetof(Packet, len) == 64);

}  // namespace zeek
