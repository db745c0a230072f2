// What the kernel side must know of a Zeek binary to read a process that runs it: where its globals are and how its
// classes are laid out. probes/zeek fills one of these for each Zeek that there is; codegen/zeek.bpf.c reads it (its
// words are tested to be the same). Which file a process runs, the kernel says itself (mm->exe_file), so that Zeeks
// which start later are known from their first instruction.
#pragma once

#include <cstdint>
#include <string_view>

namespace zeektrace {

// FileIdentity (parser/unwind.h) of a process's executable → ZeekImage.
constexpr std::string_view zeek_images_map = "zt_zeek";
constexpr uint32_t most_zeek_images = 64;

// An offset that this release does not have.
constexpr uint32_t no_zeek_member = ~uint32_t{0};

struct ZeekImage {
  // p_vaddr of the first executable segment, of which the kernel has the address in the process: load bias =
  // mm->start_code - code_start (load_elf_binary, fs/binfmt_elf.c, Linux 6.18).
  uint64_t code_start = 0;
  // Addresses of globals, as the file has them; 0: there is no such global.
  uint64_t call_stack = 0;     // std::vector<CallInfo>
  uint64_t frame_stack = 0;    // std::vector<Frame*>
  uint64_t network_time = 0;   // double
  uint64_t event_mgr = 0;      // EventMgr
  uint64_t session_mgr = 0;    // session::Manager*
  uint64_t packet_mgr = 0;     // packet_analysis::Manager*
  uint32_t call_size = no_zeek_member;        // sizeof(CallInfo)
  uint32_t call_call = no_zeek_member;        // CallInfo.call
  uint32_t call_frame = no_zeek_member;       // CallInfo.frame: 8.1 and later
  uint32_t call_func = no_zeek_member;        // CallInfo.func: before 8.1
  uint32_t frame_function = no_zeek_member;   // Frame.function
  uint32_t frame_next_stmt = no_zeek_member;  // Frame.next_stmt
  uint32_t frame_call = no_zeek_member;       // Frame.call
  uint32_t obj_location = no_zeek_member;     // Obj.location
  uint32_t location_file = no_zeek_member;    // Location.filename
  uint32_t location_line = no_zeek_member;    // Location.first_line
  uint32_t func_name = no_zeek_member;        // Func.name: the characters' address stands here
  uint32_t func_kind = no_zeek_member;        // Func.kind: 0 script, 1 built-in
  uint32_t func_type = no_zeek_member;        // Func.type
  uint32_t type_flavor = no_zeek_member;      // FuncType.flavor: 0 function, 1 event, 2 hook
  uint32_t event_current = no_zeek_member;    // EventMgr.current
  uint32_t event_handler = no_zeek_member;    // Event.handler
  uint32_t handler_name = no_zeek_member;     // EventHandler.name: the characters' address stands here
  uint32_t body_tag = no_zeek_member;         // Stmt.tag
  uint32_t packet_session = no_zeek_member;   // Packet.session
  uint32_t connection_uid = no_zeek_member;   // Connection.uid: the two words of the UID stand here
  uint32_t analyzer_conn = no_zeek_member;    // analyzer::Analyzer.conn
  uint32_t func_bodies = no_zeek_member;      // Func.bodies: a vector of what begins with the body's address
  uint64_t packet_source = 0;      // iosource::PktSrc*: where the packet at hand comes from
  uint64_t connection_vtable = 0;  // Connection's vtable
  uint32_t source_packet = no_zeek_member;  // PktSrc.current_packet
  uint32_t event_object = no_zeek_member;   // Event.obj
  char release[16] = {};                    // "8.2.2", zero-padded
  uint64_t compiled_vtable = 0;             // the vtable of what ZAM makes of a body (ZBody)
};
static_assert(sizeof(ZeekImage) == 10 * 8 + 24 * 4 + 16);

}  // namespace zeektrace
