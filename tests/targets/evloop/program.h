// The script that the event loop runs: which functions there are, what each calls on which line, and how
// often each event comes. Promises: load_program() once, then next_event() gives the same sequence of events
// in every run.
#pragma once

#include <cstdint>
#include <vector>

#include "evloop/arguments.h"
#include "evloop/zeek.h"

namespace evloop {

// 0: none. Else every Nth call of cat throws.
extern uint64_t throw_every;

struct Handler {
  zeek::EventHandler* handler;
  uint64_t dispatched = 0;
};

struct QueuedEvent {
  Handler* handler;
  zeek::Args args;
};

struct Program {
  std::vector<zeek::FuncPtr> functions;
  std::vector<Handler> handlers;
  std::vector<size_t> turns;  // indexes into handlers: one round of events
  std::vector<zeek::Connection*> connections;
  std::vector<zeek::RecordValPtr> records;  // of the connections
};

Program load_program();
// Each handler is called as the one so many places before it.
void rotate_names(Program& program, size_t places);

// The event number `count`, with its connection and a detail (a method, a query, a server's name) among its arguments.
QueuedEvent next_event(Program& program, uint64_t count);

// The connection that the event number `count` is about: a new one every so many events.
constexpr uint64_t events_of_connection = 7;
zeek::Connection* connection_of(Program& program, uint64_t count);

}  // namespace evloop
