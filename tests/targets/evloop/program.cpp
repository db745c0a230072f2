#include "evloop/program.h"

#include <array>
#include <cstring>

uint64_t evloop::throw_every = 0;

namespace zeek::BifFunc {

// Time proportional to the string.
TRACED ValPtr md5_hash_bif(detail::Frame* /*frame*/, const Args* args) {
  const String* text = static_cast<StringVal*>((*args)[0].get())->string_val;
  uint64_t hash = 0xcbf29ce484222325U;
  for (int i = 0; i < text->n; ++i) {
    hash = (hash ^ text->b[i]) * 0x100000001b3U;
  }
  return make_intrusive<StringVal>(std::to_string(hash));
}

// Memory proportional to the string.
TRACED ValPtr cat_bif(detail::Frame* /*frame*/, const Args* args) {
  static uint64_t calls = 0;
  if (evloop::throw_every != 0 && ++calls % evloop::throw_every == 0) {
    throw InterpreterException();
  }
  const String* text = static_cast<StringVal*>((*args)[0].get())->string_val;
  return make_intrusive<StringVal>(std::string(text->b, text->b + text->n));
}

TRACED ValPtr network_time_bif(detail::Frame* /*frame*/, const Args* /*args*/) {
  return make_intrusive<StringVal>(std::to_string(run_state::network_time));
}

}  // namespace zeek::BifFunc

namespace evloop {

namespace {

using zeek::make_intrusive;

// A call: on this line, of this function, with a string of so many bytes.
struct CallRow {
  int line;
  const char* callee;
  size_t bytes;
};

// One body of a function. Callees come before their callers; a name that comes again is a further body.
struct BodyRow {
  const char* name;
  zeek::FunctionFlavor flavor;
  const char* parameters;
  const char* file;
  std::vector<CallRow> calls;
};

const char* const conn = "base/protocols/conn/main.zeek";
const char* const http = "base/protocols/http/main.zeek";
const char* const dns = "base/protocols/dns/main.zeek";
const char* const ssl = "base/protocols/ssl/main.zeek";

// Parameters.
const char* const text = "text: string";
const char* const a_connection = "c: connection";
const char* const request = "c: connection, msg: dns_msg, query: string, qtype: count, qclass: count";
const char* const other_request = "c: connection, msg: dns_msg, qtype: count, query: string, qclass: count";
const char* const http_message = "c: connection, method: string, original_URI: string, unescaped_URI: string, version: string";
const char* const hello = "c: connection, version: count, possible_ts: time, client_random: string, ciphers: vector";

std::vector<BodyRow> body_rows() {
  const auto function = zeek::FUNC_FLAVOR_FUNCTION;
  const auto event = zeek::FUNC_FLAVOR_EVENT;
  return {
      {"Log::write",
       function,
       "name: string",
       "base/frameworks/logging/main.zeek",
       {{640, "cat", 3000}, {643, "md5_hash", 2000}}},
      {"Conn::set_conn", function, text, conn, {{230, "network_time", 1}, {241, "cat", 200}}},
      {"HTTP::new_http_session", function, text, http, {{189, "network_time", 1}, {192, "cat", 64}}},
      {"HTTP::set_state", function, text, http, {{203, "HTTP::new_http_session", 16}, {214, "cat", 500}}},
      {"DNS::set_session", function, text, dns, {{301, "network_time", 1}, {317, "cat", 48}}},
      {"SSL::set_session", function, text, ssl, {{178, "cat", 12000}, {183, "network_time", 1}}},
      {"new_connection", event, a_connection, conn, {{262, "Conn::set_conn", 32}}},
      {"connection_established", event, a_connection, conn, {{271, "Conn::set_conn", 32}, {274, "cat", 100}}},
      {"dns_request", event, other_scripts() ? other_request : request, dns, {{402, "DNS::set_session", 32}, {409, "md5_hash", 3000}}},
      {"http_request", event, http_message, http, {{231, "HTTP::set_state", 32}, {238, "md5_hash", 24000}}},
      {"http_request", event, http_message, "policy/protocols/http/detect-sqli.zeek", {{104, "md5_hash", 8000}}},
      {"connection_state_remove", event, a_connection, conn, {{283, "Conn::set_conn", 32}, {284, "Log::write", 64}}},
      {"ssl_client_hello", event, hello, ssl, {{240, "SSL::set_session", 32}, {251, "md5_hash", 150000}}},
  };
}

// An event: so many of every 32, and the details that it brings in turn. No two weights are equal.
struct EventRow {
  const char* name;
  int weight;
  std::array<const char*, 3> details;
};

constexpr std::array<EventRow, 6> event_rows = {{
    {"new_connection", 9, {"tcp", "udp", "icmp"}},
    {"dns_request", 8, {"example.com", "www.example.org", "a.very.long.name.in.the.domain.example.net"}},
    {"connection_established", 6, {"tcp", "tcp", "tcp"}},
    {"http_request", 5, {"GET", "POST", "HEAD"}},
    {"connection_state_remove", 3, {"SF", "S0", "REJ"}},
    {"ssl_client_hello", 1, {"www.example.com", "mail.example.com", "example.net"}},
}};

zeek::Func* find(const Program& program, const char* name) {
  for (const zeek::FuncPtr& function : program.functions) {
    if (function->name == name) {
      return function.get();
    }
  }
  return nullptr;
}

zeek::Func::Body make_body(const Program& program, const BodyRow& row) {
  auto list = make_intrusive<zeek::detail::StmtList>(row.file, row.calls.front().line);
  for (const CallRow& call : row.calls) {
    auto argument = make_intrusive<zeek::StringVal>(std::string(call.bytes, 'x'));
    auto expression =
        make_intrusive<zeek::detail::CallExpr>(row.file, call.line, find(program, call.callee), argument);
    list->stmts.push_back(make_intrusive<zeek::detail::ExprStmt>(row.file, call.line, expression));
  }
  zeek::Func::Body body;
  body.stmts = list;
  return body;
}

// A name that no module has is one of GLOBAL.
const char* global_name(const zeek::Func& function) {
  const bool has_module = function.name.find("::") != std::string::npos;
  return strdup((has_module ? function.name : "GLOBAL::" + function.name).c_str());
}

}  // namespace

Program load_program() {
  Program program;
  auto add_built_in = [&](zeek::detail::built_in_func function, const char* name) {
    auto type = function_type(zeek::FUNC_FLAVOR_FUNCTION, text);
    program.functions.push_back(make_intrusive<zeek::detail::BuiltinFunc>(function, name, type));
  };
  add_built_in(zeek::BifFunc::md5_hash_bif, "md5_hash");
  add_built_in(zeek::BifFunc::cat_bif, "cat");
  add_built_in(zeek::BifFunc::network_time_bif, "network_time");
  for (const BodyRow& row : body_rows()) {
    zeek::Func* function = find(program, row.name);
    if (function == nullptr) {
      auto type = function_type(row.flavor, row.parameters);
      program.functions.push_back(make_intrusive<zeek::detail::ScriptFunc>(row.name, type));
      function = program.functions.back().get();
    }
    function->bodies.push_back(make_body(program, row));
  }
  for (const zeek::FuncPtr& function : program.functions) {
    zeek::TypePtr type(function->type);
    zeek::detail::declare(make_intrusive<zeek::detail::ID>(global_name(*function), type, make_intrusive<zeek::FuncVal>(function)));
  }
  zeek::event_registry = new zeek::EventRegistry();
  std::vector<size_t> sorted_turns;
  for (const EventRow& row : event_rows) {
    auto* handler = new zeek::EventHandler(row.name);  // lives as long as the process, like Zeek's
    zeek::Func* function = find(program, row.name);
    ++function->ref_cnt;
    handler->local = zeek::FuncPtr(function);
    handler->type = function->type;
    zeek::event_registry->handlers.emplace(row.name, handler);
    sorted_turns.insert(sorted_turns.end(), static_cast<size_t>(row.weight), program.handlers.size());
    program.handlers.push_back(Handler{handler});
  }
  for (size_t i = 0; i < sorted_turns.size();
       ++i) {  // 13 and 32 have no common factor: every turn once, well mixed
    program.turns.push_back(sorted_turns[i * 13 % sorted_turns.size()]);
  }
  return program;
}

void rotate_names(Program& program, size_t places) {
  const size_t number = program.handlers.size();
  std::vector<std::string> names;
  for (const Handler& handler : program.handlers) {
    names.push_back(handler.handler->name);
  }
  // Together, as in a Zeek of other scripts: a handler is kept under its name, and calls a function of that name.
  for (auto& kept : zeek::event_registry->handlers) {
    static_cast<void>(kept.second.release());
  }
  zeek::event_registry->handlers.clear();
  for (size_t i = 0; i < number; ++i) {
    zeek::EventHandler* handler = program.handlers[(i + places) % number].handler;
    handler->name = names[i];
    handler->local->name = names[i];
    zeek::event_registry->handlers.emplace(names[i], handler);
  }
}

QueuedEvent next_event(Program& program, uint64_t count) {
  const size_t index = program.turns[count % program.turns.size()];
  const EventRow& row = event_rows[index];
  connection_of(program, count);
  zeek::Args args = event_arguments(row.name, program.records[count / events_of_connection],
                                    row.details[count / program.turns.size() % row.details.size()], count);
  return QueuedEvent{&program.handlers[index], std::move(args)};
}

zeek::Connection* connection_of(Program& program, uint64_t count) {
  const uint64_t number = count / events_of_connection;
  while (program.connections.size() <= number) {
    program.connections.push_back(new zeek::Connection(1000000 + program.connections.size()));
    ++program.connections.back()->ref_cnt;  // lives as long as the process
    program.records.push_back(connection_record(program.records.size(), program.connections.back()->uid));
  }
  return program.connections[number];
}

}  // namespace evloop
