#include <algorithm>

#include "probes/zeek/zeeks.h"

namespace zeektrace {

ZeekImage zeek_image(const ZeekLayout& layout) {
  const auto global = [&](std::string_view key) { return layout.global(key).value_or(0); };
  const auto member = [&](std::string_view name) { return layout.offset(name).value_or(no_zeek_member); };
  ZeekImage image;
  image.code_start = layout.code_start;
  image.call_stack = global("call_stack");
  image.frame_stack = global("frame_stack");
  image.network_time = global("network_time");
  image.event_mgr = global("event_mgr");
  image.session_mgr = global("session_mgr");
  image.packet_mgr = global("packet_mgr");
  image.packet_source = global("packet_source");
  image.connection_vtable = global("connection_vtable");
  image.compiled_vtable = global("compiled_vtable");
  image.func_bodies = member("Func.bodies");
  image.call_size = member("CallInfo.size");
  image.call_call = member("CallInfo.call");
  image.call_frame = member("CallInfo.frame");
  image.call_func = member("CallInfo.func");
  image.frame_function = member("Frame.function");
  image.frame_next_stmt = member("Frame.next_stmt");
  image.frame_call = member("Frame.call");
  image.obj_location = member("Obj.location");
  image.location_file = member("Location.filename");
  image.location_line = member("Location.first_line");
  image.func_name = member("Func.name");
  image.func_kind = member("Func.kind");
  image.func_type = member("Func.type");
  image.type_flavor = member("FuncType.flavor");
  image.event_current = member("EventMgr.current");
  image.event_handler = member("Event.handler");
  image.event_object = member("Event.obj");
  image.handler_name = member("EventHandler.name");
  image.body_tag = member("Stmt.tag");
  image.packet_session = member("Packet.session");
  image.source_packet = member("iosource::PktSrc.current_packet");
  image.connection_uid = member("Connection.uid");
  image.analyzer_conn = member("analyzer::Analyzer.conn");
  std::copy_n(layout.release.begin(), std::min(layout.release.size(), sizeof(image.release) - 1), image.release);
  return image;
}

}  // namespace zeektrace
