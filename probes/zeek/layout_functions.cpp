#include <array>

#include "probes/registers.h"
#include "probes/zeek/layout.h"

namespace zeektrace {
namespace {

// The families of releases in which signatures changed.
constexpr ZeekRelease A = zeek_release(2, 6);
constexpr ZeekRelease B = zeek_release(3, 0);   // BroFunc::Call takes a List
constexpr ZeekRelease C = zeek_release(3, 2);   // namespace zeek; ValPtr by a hidden pointer
constexpr ZeekRelease D = zeek_release(4, 0);   // EventMgr::Enqueue takes the arguments by value
constexpr ZeekRelease v6 = zeek_release(6, 0);  // EventHandler::Call has a time
constexpr ZeekRelease F = zeek_release(8, 0);   // events carry metadata
constexpr ZeekRelease G = zeek_release(8, 1);   // EventHandler::Call has nothing but the arguments
constexpr ZeekRelease v8_2 = zeek_release(8, 2);
constexpr ZeekRelease end = zeek_release(100, 0);

#define ZT_ARGS "PSt6vectorINS_12IntrusivePtrINS_3ValEEESaIS4_EE"

using Words = std::vector<ZeekFunction::Word>;

// Functions that are called across files or are virtual, and so are entered whatever the optimisation; EventMgr's
// QueueEvent, Event::Dispatch and others are exported and yet inlined (measured on -O2 and -O3 builds of 6.0.9 and 8.2.2).
// src/EventHandler.h, src/Func.h, src/Event.h, src/Frame.h of each release. Of what returns a ValPtr the first argument is
// the place of the result, and `this` comes second (System V ABI: it is not trivially copyable).
const std::vector<ZeekFunction>& functions() {
  static const Words handler = {{"handler", 0}, {"args", 1}};
  static const Words invoked = {{"result", 0}, {"func", 1}, {"args", 2}, {"parent", 3}};
  static const Words invoked_before = {{"func", 0}, {"args", 1}, {"parent", 2}};
  static const Words reset = {{"frame", 0}, {"first", 1}};
  static const Words manager = {{"manager", 0}};
  static const Words packet = {{"packet", 0}};
  // Analyzer::NextStream and its like give the data to the next support analyzer's, of the same name, and do nothing after
  // (src/analyzer/Analyzer.cc).
  static const Words analyzer = {{"analyzer", 0}, {"length", 1}};
  static const Words write = {{"manager", 0}, {"id", 1}, {"record", 2}};
  static const Words send = {{"thread", 0}, {"message", 1}};
  static const Words timer = {{"timer", 0}};
  static const Words trigger = {{"trigger", 0}};
  static const std::vector<ZeekFunction> rows = {
      {"EventHandler::Call", A, B, "_ZN12EventHandler4CallEP8ValPListb", handler},
      {"EventHandler::Call", B, C, "_ZN12EventHandler4CallEP4ListIP3ValEb", handler},
      {"EventHandler::Call", C, v6, "_ZN4zeek12EventHandler4CallE" ZT_ARGS "b", handler},
      {"EventHandler::Call", v6, G, "_ZN4zeek12EventHandler4CallE" ZT_ARGS "bd", handler},
      {"EventHandler::Call", G, end, "_ZN4zeek12EventHandler4CallE" ZT_ARGS, handler},

      // Often inlined, and exported all the same: it tells 8.2 from 8.1.
      {"Event::Dispatch", D, v8_2, "_ZN4zeek5Event8DispatchEb", {{"event", 0}}},
      {"Event::Dispatch", v8_2, end, "_ZN4zeek5Event8DispatchEv", {{"event", 0}}},
      {"EventMgr::Enqueue", D, end, "_ZN4zeek8EventMgr7EnqueueERKNS_15EventHandlerPtrE*",
       {{"manager", 0}, {"handler", 1, true}, {"args", 2}, {"source", 3}, {"analyzer", 4}}},
      {"EventMgr::Enqueue", F, end, "_ZN4zeek8EventMgr7EnqueueESt10unique_ptr*",
       {{"manager", 0}, {"meta", 1}, {"handler", 2, true}, {"args", 3}, {"source", 4}, {"analyzer", 5}}},
      {"EventMgr::QueueEvent", A, D, "_ZN8EventMgr10QueueEventEP5Event", {{"manager", 0}, {"event", 1}}},
      {"EventMgr::Drain", A, D, "_ZN8EventMgr5DrainEv", manager},
      {"EventMgr::Drain", D, end, "_ZN4zeek8EventMgr5DrainEv", manager},

      {"ScriptFunc::Invoke", A, B, "_ZNK7BroFunc4CallEP8ValPListP5Frame", invoked_before},
      {"ScriptFunc::Invoke", B, C, "_ZNK7BroFunc4CallEP4ListIP3ValEP5Frame", invoked_before},
      {"ScriptFunc::Invoke", C, end, "_ZNK4zeek6detail10ScriptFunc6InvokeE*", invoked},
      {"BuiltinFunc::Invoke", A, B, "_ZNK11BuiltinFunc4CallEP8ValPListP5Frame", invoked_before},
      {"BuiltinFunc::Invoke", B, C, "_ZNK11BuiltinFunc4CallEP4ListIP3ValEP5Frame", invoked_before},
      {"BuiltinFunc::Invoke", C, end, "_ZNK4zeek6detail11BuiltinFunc6InvokeE*", invoked},
      {"Frame::Reset", A, C, "_ZN5Frame5ResetEi", reset},
      {"Frame::Reset", C, end, "_ZN4zeek6detail5Frame5ResetEi", reset},
      {"ZBody::Exec", D, end, "_ZN4zeek6detail5ZBody4ExecEPNS0_5FrameE*", {{"result", 0}, {"body", 1}, {"frame", 2}}},

      {"dispatch_packet", A, C, "_Z19net_packet_dispatchdPK6PacketPN8iosource6PktSrcE", packet},
      {"dispatch_packet", D, end, "_ZN4zeek9run_state6detail15dispatch_packetEPNS_6PacketEPNS_8iosource6PktSrcE", packet},
      {"ProcessPacket", D, end, "_ZN4zeek15packet_analysis7Manager13ProcessPacketEPNS_6PacketE",
       {{"manager", 0}, {"packet", 1}}},
      {"AnalyzePacket", D, end, "_ZN4zeek15packet_analysis*13AnalyzePacketEmPKhPNS_6PacketE",
       {{"analyzer", 0}, {"length", 1}, {"data", 2}, {"packet", 3}}},
      {"Analyzer::NextStream", C, end, "_ZN4zeek8analyzer8Analyzer10NextStreamEiPKhb", analyzer, true},
      {"Analyzer::NextPacket", C, end, "_ZN4zeek8analyzer8Analyzer10NextPacketEiPKhbmPKNS_6IP_HdrEi", analyzer, true},
      {"logging::Manager::Write", A, C, "_ZN7logging7Manager5WriteEP7EnumValP9RecordVal", write},
      {"logging::Manager::Write", C, end, "_ZN4zeek7logging7Manager5WriteEPNS_7EnumValEPNS_9RecordValE", write},
      {"MsgThread::SendIn", C, end, "_ZN4zeek9threading9MsgThread6SendInEPNS0_17BasicInputMessageEb", send},
      {"Trigger::Eval", A, C, "_ZN7Trigger4EvalEv", trigger},
      {"Trigger::Eval", C, end, "_ZN4zeek6detail7trigger7Trigger4EvalEv", trigger},
      {"Timer::Dispatch", C, end, "_ZN*8DispatchEdb", timer},
      {"TimerMgr::DoAdvance", D, end, "_ZN4zeek6detail8TimerMgr9DoAdvanceEdi", manager},
      {"init_run", D, end, "_ZN4zeek9run_state6detail8init_runE*", {}},
  };
  return rows;
}

#undef ZT_ARGS

constexpr std::array globals = std::to_array<ZeekGlobal>({
    {"version", A, end, "version"},
    {"call_stack", A, C, "call_stack"},
    {"call_stack", C, end, "_ZN4zeek6detail10call_stackE"},
    {"frame_stack", A, G, "g_frame_stack"},
    {"network_time", A, D, "network_time"},
    {"network_time", D, end, "_ZN4zeek9run_state12network_timeE"},
    {"event_mgr", D, end, "_ZN4zeek9event_mgrE"},
    {"session_mgr", D, end, "_ZN4zeek11session_mgrE"},
    {"packet_mgr", D, end, "_ZN4zeek10packet_mgrE"},
    {"event_registry", D, end, "_ZN4zeek14event_registryE"},
    {"log_mgr", D, end, "_ZN4zeek7log_mgrE"},
    {"thread_mgr", D, end, "_ZN4zeek10thread_mgrE"},
    {"timer_mgr", D, end, "_ZN4zeek6detail9timer_mgrE"},
    {"packet_source", D, end, "_ZN4zeek9run_state6detail14current_pktsrcE"},
    {"connection_vtable", C, end, "_ZTVN4zeek10ConnectionE"},
    {"compiled_vtable", D, end, "_ZTVN4zeek6detail5ZBodyE"},
    {"scopes", D, end, "_ZN4zeek6detailL6scopesE"},
});

}  // namespace

std::span<const ZeekGlobal> zeek_globals() { return globals; }

std::optional<Location> ZeekFunction::where(std::string_view thing) const {
  for (const Word& word : words) {
    if (word.thing != thing) continue;
    const uint32_t reg = pt_regs::function_args[word.argument];
    if (word.pointed_to) return UserMemory{reg, {0}, std::nullopt};
    return ContextOffset{reg};
  }
  return std::nullopt;
}

std::span<const ZeekFunction> zeek_functions() { return functions(); }

}  // namespace zeektrace
