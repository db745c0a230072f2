// Script functions: their frames, the call stack, and the few statements and expressions that the program is
// made of.
#include "evloop/zeek.h"

#include <cstring>

#if EVLOOP_8_0
std::vector<zeek::detail::Frame*> g_frame_stack;
#endif

namespace zeek {

String::String(const std::string& text)
    : b(new unsigned char[text.size() + 1]), n(static_cast<int>(text.size())) {
  std::memcpy(b, text.c_str(), text.size() + 1);
}

String::~String() { delete[] b; }

StringVal::StringVal(const std::string& text) : string_val(new String(text)) {}

StringVal::~StringVal() { delete string_val; }

Func::Func(Kind k, std::string n, FuncTypePtr t) : kind(k), type(std::move(t)), name(std::move(n)) {}

Func::~Func() = default;

namespace detail {

std::vector<CallInfo> call_stack;

// The global one is all there is when the scripts have been read.
static std::vector<ScopePtr> scopes;

void declare(IDPtr id) {
  if (scopes.empty()) {
    scopes.push_back(make_intrusive<Scope>());
  }
  scopes.front()->local.emplace(id->name, id);
}

Frame::Frame(int slots, const Func* f, const Args* arguments)
    : size(slots),
      frame(std::make_unique<ValPtr[]>(static_cast<size_t>(slots))),
      function(f),
      func_args(arguments) {}

void Frame::Reset(int first) {
  for (int i = first; i < size; ++i) {
    frame[static_cast<size_t>(i)] = nullptr;
  }
}

Stmt::Stmt(const char* file, int line) { location = new Location{file, line, line}; }

Stmt::~Stmt() { delete location; }

ExprStmt::ExprStmt(const char* file, int line, ExprPtr expression)
    : Stmt(file, line), e(std::move(expression)) {}

ValPtr ExprStmt::Exec(Frame* f) {
  ++access_count;
  return e->Eval(f);
}

ValPtr StmtList::Exec(Frame* f) {
  ValPtr result;
  for (const StmtPtr& stmt : stmts) {
    f->next_stmt = stmt.get();
    result = stmt->Exec(f);
  }
  return result;
}

ValPtr ConstExpr::Eval(Frame* /*frame*/) const { return val; }

ValPtr NameExpr::Eval(Frame* /*frame*/) const { return make_intrusive<StringVal>(function->name); }

CallExpr::CallExpr(const char* file, int line, Func* callee, ValPtr argument)
    : func(make_intrusive<NameExpr>(callee)), args(make_intrusive<ConstExpr>(std::move(argument))) {
  location = new Location{file, line, line};
}

CallExpr::~CallExpr() { delete location; }

ValPtr CallExpr::Eval(Frame* f) const {
  Args arguments;
  arguments.push_back(args->Eval(f));
  f->call = this;
  ValPtr result = func->function->Invoke(&arguments, f);
  f->call = nullptr;
  return result;
}

namespace {

#if EVLOOP_8_0
void begin_call(const Func* function, Args* args, Frame* /*frame*/, Frame* parent) {
  call_stack.push_back(CallInfo{parent != nullptr ? parent->call : nullptr, function, *args});
}
#else
void begin_call(const Func* /*function*/, Args* /*args*/, Frame* frame, Frame* parent) {
  call_stack.push_back(CallInfo{parent != nullptr ? parent->call : nullptr, frame});
}
#endif

void end_script_call() {
#if EVLOOP_8_0
  g_frame_stack.pop_back();
#endif
  call_stack.pop_back();
}

}  // namespace

// All bodies in turn on one frame, which is reset before each: a handler may have several. Frames live on the stack; before 8.1
// on the heap. An exception ends a function, but of a handler only the body.
ValPtr ScriptFunc::Invoke(Args* args, Frame* parent) const {
#if EVLOOP_8_0
  auto on_heap = make_intrusive<Frame>(static_cast<int>(frame_size), this, args);
  Frame& f = *on_heap;
  g_frame_stack.push_back(&f);
#else
  Frame f(static_cast<int>(frame_size), this, args);
#endif
  begin_call(this, args, &f, parent);
  ValPtr result;
  for (const Body& body : bodies) {
    if (body.disabled) {
      continue;
    }
    f.Reset(static_cast<int>(args->size()));
    for (size_t i = 0; i < args->size(); ++i) {
      f.frame[i] = (*args)[i];
    }
    try {
      result = body.stmts->Exec(&f);
    } catch (const InterpreterException&) {
      if (type->flavor != FUNC_FLAVOR_FUNCTION) {
        continue;
      }
      end_script_call();
      throw;
    }
  }
  end_script_call();
  return result;
}

// What an exception leaves here stays on the stack, as in Zeek.
ValPtr BuiltinFunc::Invoke(Args* args, Frame* parent) const {
  Frame f(0, this, args);
  begin_call(this, args, &f, parent);
  ValPtr result = func(parent, args);
  call_stack.pop_back();
  return result;
}

}  // namespace detail
}  // namespace zeek
