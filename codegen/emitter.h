// The vocabulary in which a builtin's row writes its instructions: evaluate an expression, read memory, call a helper,
// touch a map, send a message. It knows the current probe and keeps the rules that the verifier asks for, so that a row
// does not have to. LLVM is seen only in codegen/.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <functional>
#include <span>
#include <string_view>

#include "parser/program.h"
#include "parser/registry.h"

namespace zeektrace {

// A value while the program runs: an i64 for integers, pointers and address-like kinds; for all else a pointer to
// type.storage() bytes of zero-padded memory. No value at all for Kind::none.
struct Operand {
  llvm::Value* value = nullptr;
  Type type;
};

// Numbers of enum bpf_func_id, include/uapi/linux/bpf.h: the kernel's ABI.
enum class HelperId : uint32_t {
  map_lookup_elem = 1,
  map_update_elem = 2,
  map_delete_elem = 3,
  ktime_get_ns = 5,
  get_prandom_u32 = 7,
  get_smp_processor_id = 8,
  tail_call = 12,
  get_current_pid_tgid = 14,
  get_current_uid_gid = 15,
  get_current_comm = 16,
  get_current_task = 35,
  probe_write_user = 36,
  get_numa_node_id = 42,
  get_socket_cookie = 46,
  perf_event_read_value = 55,
  override_return = 58,
  get_current_cgroup_id = 80,
  send_signal = 109,
  probe_read_kernel = 113,
  probe_read_kernel_str = 115,
  send_signal_thread = 117,
  jiffies64 = 118,
  ktime_get_boot_ns = 125,
  ringbuf_reserve = 131,
  ringbuf_submit = 132,
  ringbuf_query = 134,
  d_path = 147,
  for_each_map_elem = 164,
  get_attach_cookie = 174,
  loop = 181,
  ktime_get_tai_ns = 208,
};

class Emitter {
 public:
  llvm::IRBuilder<>& ir;

  virtual const Program& program() const = 0;
  virtual const Probe& probe() const = 0;
  virtual const Type& type_of(const Expr& expr) const = 0;
  const std::vector<ExprPtr>& args(const Expr& expr) const;

  // The expression's value. Memory-like values are written to `destination` when one is given (type.storage() bytes,
  // aligned to 8), else wherever they are at home.
  virtual Operand evaluate(const Expr& expr, llvm::Value* destination = nullptr) = 0;
  // Where it stands in memory; for what Checker::has_address() holds.
  virtual llvm::Value* address(const Expr& expr) = 0;
  // Runs `body` with what Checker::is_kernels_own() holds for, as a pointer that the verifier knows to be that, unless it is null.
  virtual void with_kernels_own(const Expr& expr, const std::function<void(llvm::Value*)>& body) = 0;
  // A text that check made of a record or an array (Checker::make_text), with no more characters than `most` if given.
  virtual Operand text(const Expr& expr, llvm::Value* most = nullptr) = 0;
  // An integer's or pointer's 64 bits.
  llvm::Value* integer(const Expr& expr) { return evaluate(expr).value; }
  // As C's truth: != 0, an i1.
  llvm::Value* truth(const Expr& expr);
  // Integers known at compile time (a number or a positional parameter).
  virtual std::optional<int64_t> literal_integer(const Expr& expr) const = 0;
  virtual std::optional<std::string> literal_string(const Expr& expr) const = 0;

  // A constant text, zero-padded to a multiple of 8 bytes.
  virtual Operand literal(const std::string& text) = 0;

  // Writes an operand to memory as a value of that type: texts are cut or zero-padded, also those in tuples.
  virtual void store(const Operand& operand, llvm::Value* to, const Type& as) = 0;
  // `size` bytes, aligned to 8, that are this program run's own until the statement ends: the destination that the
  // caller of evaluate() named, or new ones on the BPF stack or in scratch memory.
  virtual llvm::Value* buffer(uint32_t size) = 0;
  virtual void zero(llvm::Value* memory, uint32_t size) = 0;
  // The integer of this type at an address of the process or the kernel; failures are counted and give 0.
  virtual llvm::Value* read_integer(llvm::Value* address, const Type& type) = 0;
  // At most `size` (an i32) bytes of a text, its NUL included, to zeroed memory; failures are counted.
  virtual void read_string(llvm::Value* memory, llvm::Value* size, llvm::Value* address) = 0;
  // `size` (an i32) bytes to zeroed memory; failures are counted.
  virtual void read_bytes(llvm::Value* memory, llvm::Value* size, llvm::Value* address) = 0;
  // One of the current probe's arguments; of a reference, what it refers to.
  virtual llvm::Value* argument(const Field& field) = 0;
  // The text at the address that such a field is, if it is the name of something which keeps it as long as there is something
  // at that place in this process: read once, but for names that pass.
  virtual Operand lasting_name(const Field& field, const Type& type) = 0;
  // What Checker::kernel_member() has made of the expression, from the record's address.
  virtual Operand reached(const Expr& expr, llvm::Value* record) = 0;
  virtual const Field* field(std::string_view name) const = 0;
  virtual llvm::Value* context() = 0;

  // values[index]; the index must be one that the program itself was given, since no other is refused.
  virtual llvm::Value* constant_at(const std::vector<uint32_t>& values, llvm::Value* index) = 0;
  llvm::Value* constant(uint64_t value) { return ir.getInt64(value); }
  virtual llvm::Value* helper(HelperId id, std::initializer_list<llvm::Value*> args) = 0;
  virtual llvm::Value* runtime(std::string_view function, std::initializer_list<llvm::Value*> args) = 0;
  // (tgid << 32) | thread id of who hit the probe, as that namespace counts: without one, the kernel's initial one. 0 for
  // processes of other namespaces.
  llvm::Value* pid_tgid(const std::optional<PidNamespace>& in);
  virtual llvm::Value* our_map(std::string_view name) = 0;
  // Runs `body`, which may leave(), only if the condition (an i1) holds.
  void when(llvm::Value* condition, const std::function<void()>& body);
  // `value`, at most `most`, in a way that the verifier sees: LLVM may not use what it knows of the value, since the
  // verifier knows less.
  llvm::Value* bounded(llvm::Value* value, uint64_t most);
  // Calls that function of the runtime for 0, 1, … until it gives 1, `most` times at most, with the address of these words, the last
  // of which is what it has come to in the end. The verifier looks at one round.
  virtual llvm::Value* steps(std::string_view step, uint32_t most, std::initializer_list<llvm::Value*> words) = 0;
  virtual void count(Counter counter) = 0;  // at the statement at hand

  // The element that the current assignment or step goes to, for rows of place map_value.
  virtual const Expr& target() const = 0;
  virtual const MapDef& map(const Expr& map_ref) const = 0;
  // Runs `body` with a pointer to the element's value, which is made (all zero) when it is not there yet. When there
  // is no room the loss is counted and `body` does not run.
  virtual void with_element(const Expr& map_ref, const std::function<void(llvm::Value*)>& body) = 0;
  // Of the element with the map_ref's own keys, or with `key`: an i64 that is 1 if it was, or is, there.
  virtual llvm::Value* erase(const Expr& map_ref, const Expr* key = nullptr) = 0;
  virtual llvm::Value* has(const Expr& map_ref, const Expr* key = nullptr) = 0;
  // Where there is such an element, the variable is given what it holds; 1 then, else 0.
  virtual llvm::Value* take(const Expr& map_ref, const Expr& key, const Expr& variable) = 0;
  virtual llvm::Value* element_count(const Expr& map_ref) = 0;

  // Sends the call's Record with these fields. With `urgent` the reader is woken at once.
  virtual void send(const Expr& call, const std::vector<const Expr*>& fields, bool urgent = false) = 0;
  // The same with what `fill` writes: it is given the message's memory, which is not zeroed.
  virtual void message(const Expr& call, const std::function<void(llvm::Value*)>& fill, bool urgent = false) = 0;
  // Ends this run of the program.
  virtual void leave() = 0;
  // When the tracer was started, nanoseconds since boot.
  virtual uint64_t start_time() const = 0;
  // Which attach point was hit: an index into Program::point_names.
  virtual llvm::Value* attach_point() = 0;

 protected:
  explicit Emitter(llvm::IRBuilder<>& builder) : ir(builder) {}
  ~Emitter() = default;
};

}  // namespace zeektrace
