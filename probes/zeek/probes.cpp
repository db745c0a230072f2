// The table of zeek: probes. What stands for a probe in which release is layout's knowledge.
#include "probes/zeek/provider.h"

namespace zeektrace {

namespace {

constexpr uint32_t name_size = 128;  // of names that are given as texts; Zeek's are shorter

const Type word = Type::integer(8, false);
const Type uid = Type::of(Type::Kind::uid);
const Type own_name = Type::string(name_size);  // builtins read it by its address: event, zfunc

// From the virtual table of an object to the name of its class: it points behind the address of the class's type_info, whose
// second word is the name (Itanium C++ ABI, 2.5.2 and 2.9.4). The table is what has the name, for as long as the process
// lives: the objects come and go, and others get their places.
const std::vector<std::string_view> class_name = {"-8", "8", "0"};

const ZeekPath function_name = {"func", {"Func.name"}};
const ZeekPath declared_file = {"func", {"Func.bodies", "Func::Body.stmts", "Obj.location", "Location.filename"}};
const ZeekPath declared_line = {"func", {"Func.bodies", "Func::Body.stmts", "Obj.location", "Location.first_line"}};

const ZeekPath argument_words = {"args", {}};
const std::vector<std::string_view> declared_by_function = {"Func.type", "FuncType.args"};
const std::vector<std::string_view> declared_by_handler = {"EventHandler.local", "Func.type", "FuncType.args"};

std::vector<ZeekDatum> of_functions() {
  return {{"zfunc", own_name, function_name, true, "", word},
          {"args.name", Type::string(name_size), function_name, true},
          {"args.file", Type::string(name_size), declared_file, true},
          {"args.line", Type::integer(4, false), declared_line, true}};
}

ZeekProbe of_script(std::string_view kind, ZeekCallable what, uint64_t flavor, std::string_view doc) {
  return {kind, "ScriptFunc::Invoke", "function", {"func", {}}, {"Func.name", "0"}, {"Func.type", "FuncType.flavor"}, flavor,
          of_functions(), doc, false, ZeekSignature{what, argument_words, declared_by_function}};
}

// A class's name as the ABI mangles it is compared.
ZeekProbe of_analyzer(std::string_view function) {
  return {"analyzer", function, "class", {"analyzer", {"0"}}, class_name, {}, 0,
          {{"args.class", Type::type_name(name_size), {"analyzer", {"0", "-8", "8"}}, true},
           {"args.len", Type::integer(4, true), {"length", {}}},
           {"conn_uid", uid, {"analyzer", {"analyzer::Analyzer.conn"}}, false, "", word}},
          "an analyzer gets data"};
}

std::vector<ZeekProbe> made_probes() {
  return {
      {"event", "EventHandler::Call", "event", {"handler", {}}, {"EventHandler.name", "0"}, {}, 0,
       {{"event", own_name, {"handler", {"EventHandler.name"}}, true, "", word}},
       "an event's handlers are called", false, ZeekSignature{ZeekCallable::event, argument_words, declared_by_handler}},
      {"queue", "EventMgr::Enqueue", "event", {"handler", {}}, {"EventHandler.name", "0"}, {}, 0,
       {{"event", own_name, {"handler", {"EventHandler.name"}}, true, "", word},
        {"args.name", Type::string(name_size), {"handler", {"EventHandler.name"}}, true},
        {"args.source", word, {"source", {}}},
        {"args.analyzer", Type::integer(4, false), {"analyzer", {}}}},
       "an event is queued", false, ZeekSignature{ZeekCallable::event, argument_words, declared_by_handler}},
      of_script("function", ZeekCallable::function, 0, "a function of the scripts is called"),
      of_script("hook", ZeekCallable::hook, 2, "a hook is called"),
      {"bif", "BuiltinFunc::Invoke", "function", {"func", {}}, {"Func.name", "0"}, {}, 0,
       {{"zfunc", own_name, function_name, true, "", word},
        {"args.name", Type::string(name_size), function_name, true}},
       "a built-in function is called", false, ZeekSignature{ZeekCallable::bif, argument_words, declared_by_function}},
      {"body", "Frame::Reset", "function", {"frame", {"Frame.function"}}, {"Func.name", "0"}, {}, 0,
       {{"zfunc", own_name, {"frame", {"Frame.function", "Func.name"}}, false, "", word},
        {"args.name", Type::string(name_size), {"frame", {"Frame.function", "Func.name"}}},
        {"args.file", Type::string(name_size), {"body", {"Func::Body.stmts", "Obj.location", "Location.filename"}}},
        {"args.line", Type::integer(4, false), {"body", {"Func::Body.stmts", "Obj.location", "Location.first_line"}}},
        {"args.priority", Type::integer(4, true), {"body", {"Func::Body.priority"}}}},
       "one of the bodies of an event's handlers, a hook or a function runs", false,
       ZeekSignature{ZeekCallable::with_bodies, {"frame", {"Frame.func_args"}}, declared_by_function}},
      {"drain", "EventMgr::Drain", "", {}, {}, {}, 0,
       {{"args.queued", word, {"manager", {"EventMgr.num_events_queued"}}},
        {"args.dispatched", word, {"manager", {"EventMgr.num_events_dispatched"}}}},
       "the queue of events is drained"},
      {"packet", "dispatch_packet", "", {"packet", {}}, {}, {}, 0,
       {{"args.time", Type::real(8), {"packet", {"Packet.time"}}, true},
        {"args.len", Type::integer(4, false), {"packet", {"Packet.len"}}, true},
        // Analysis finds the connection.
        {"conn_uid", uid, {"packet", {"Packet.session"}}, true, "it is known when the packet has been analysed: use zeekret:packet", word}},
       "a packet is dispatched"},
      of_analyzer("Analyzer::NextStream"),
      of_analyzer("Analyzer::NextPacket"),
      // Its stream is found by the number of its name's enumeration.
      {"log", "logging::Manager::Write", "stream", {"stream", {}}, {"logging::Manager::Stream.name", "0"}, {}, 0,
       {{"args.stream", Type::string(name_size), {"stream", {"logging::Manager::Stream.name"}}, true}},
       "a record is logged"},
      {"message", "MsgThread::SendIn", "thread", {"thread", {}}, {"threading::BasicThread.name", "0"}, {}, 0,
       {{"args.thread", Type::string(name_size), {"thread", {"threading::BasicThread.name"}}, true},
        {"args.class", Type::type_name(name_size), {"message", {"0", "-8", "8"}}}},
       "a message goes to a reader's or writer's thread", true},
      {"timer", "Timer::Dispatch", "class", {"timer", {"0"}}, class_name, {}, 0,
       {{"args.class", Type::type_name(name_size), {"timer", {"0", "-8", "8"}}, true}},
       "a timer goes off"},
      {"when", "Trigger::Eval", "", {}, {}, {}, 0, {}, "the condition of a when statement is looked at"},
      {"alloc", "", "", {}, {}, {}, 0, {}, "memory is taken from the allocator"},
      {"free", "", "", {}, {}, {}, 0, {}, "memory is given back to it (free(NULL) is left out)"},
  };
}

}  // namespace

std::span<const ZeekProbe> zeek_probes() {
  static const std::vector<ZeekProbe> rows = made_probes();
  return rows;
}

}  // namespace zeektrace
