// One BPF program in the making: the only Emitter. It lays the program out as
//   arguments · gate · pid filter · names · [scratch] · predicate · [scratch] · block · exit
// and takes scratch memory at the first of the two places that needs it, so that an event which the predicate turns
// away does not pay for what only the block uses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codegen/emitter.h"
#include "codegen/module.h"

namespace zeektrace {

// How a program is to be written, so that its stack has room for it. The cheapest way first.
struct Room {
  bool may_wait = true;       // for pages of the process, where its mechanism can sleep
  bool spares_stack = false;  // scratch memory takes what would stand on the stack
  // The next way, if there is one.
  bool make(bool waits_in_vain) {
    if (!may_wait && spares_stack) return false;
    if (!waits_in_vain) spares_stack = !spares_stack;
    if (waits_in_vain || !spares_stack) may_wait = false;
    return true;
  }
};

class ProgramEmitter final : public Emitter {
 public:
  ProgramEmitter(BpfModule& module, const Program& program, std::span<const Builtin> builtins, const Probe& probe,
                 uint64_t start_time, Room room);
  // The program, or a session's half of it (see emit_session in emit.cpp).
  llvm::Function* emit();
  // Bytes of scratch memory the program uses; 0 when it does without.
  uint32_t scratch_size() const { return scratch_size_; }

  const Program& program() const override { return program_; }
  const Probe& probe() const override { return probe_; }
  const Type& type_of(const Expr& expr) const override { return program_.types[expr.id]; }
  Operand evaluate(const Expr& expr, llvm::Value* destination) override;
  llvm::Value* address(const Expr& expr) override;
  void with_kernels_own(const Expr& expr, const std::function<void(llvm::Value*)>& body) override;
  Operand text(const Expr& expr, llvm::Value* most) override;
  std::optional<int64_t> literal_integer(const Expr& expr) const override;
  std::optional<std::string> literal_string(const Expr& expr) const override;
  Operand literal(const std::string& text) override;
  void store(const Operand& operand, llvm::Value* to, const Type& as) override;
  llvm::Value* buffer(uint32_t size) override;
  void zero(llvm::Value* memory, uint32_t size) override;
  llvm::Value* read_integer(llvm::Value* address, const Type& type) override;
  void read_string(llvm::Value* memory, llvm::Value* size, llvm::Value* address) override;
  void read_bytes(llvm::Value* memory, llvm::Value* size, llvm::Value* address) override;
  llvm::Value* argument(const Field& field) override;
  Operand lasting_name(const Field& field, const Type& type) override;
  const Field* field(std::string_view name) const override;
  llvm::Value* context() override { return context_; }
  llvm::Value* constant_at(const std::vector<uint32_t>& values, llvm::Value* index) override;
  llvm::Value* helper(HelperId id, std::initializer_list<llvm::Value*> args) override;
  llvm::Value* runtime(std::string_view function, std::initializer_list<llvm::Value*> args) override;
  llvm::Value* our_map(std::string_view name) override;
  llvm::Value* steps(std::string_view step, uint32_t most, std::initializer_list<llvm::Value*> words) override;
  void count(Counter counter) override;
  void count(const LossSite& site);
  void count_full(const MapDef& map);
  const Expr& target() const override;
  const MapDef& map(const Expr& map_ref) const override;
  void with_element(const Expr& map_ref, const std::function<void(llvm::Value*)>& body) override;
  llvm::Value* erase(const Expr& map_ref, const Expr* key) override;
  llvm::Value* has(const Expr& map_ref, const Expr* key) override;
  llvm::Value* take(const Expr& map_ref, const Expr& key, const Expr& variable) override;
  llvm::Value* element_count(const Expr& map_ref) override;
  Operand reached(const Expr& expr, llvm::Value* record) override;
  void send(const Expr& call, const std::vector<const Expr*>& fields, bool urgent) override;
  void message(const Expr& call, const std::function<void(llvm::Value*)>& fill, bool urgent) override;
  void leave() override;
  uint64_t start_time() const override { return start_time_; }
  llvm::Value* attach_point() override;

 private:
  llvm::AllocaInst* local(llvm::Type* type);
  llvm::Value* index_cell(uint32_t index);
  llvm::Value* load_context(uint32_t offset, uint32_t size, bool is_signed);
  llvm::Value* as_number(llvm::Value* pointer);
  llvm::Value* load_location(const Location& where, const Type& type);
  llvm::Value* load_user(const UserMemory& memory, const Type& type);
  bool may_wait() const;
  llvm::Value* in_memory(const Pieces& pieces, const std::string& name);
  // Of the object's address: where the place is, what stands there, how many.
  llvm::Value* follow(llvm::Value* object, const AccessPath& place);
  llvm::Value* load(llvm::Value* object, const AccessPath& place);
  llvm::Value* compute(llvm::Value* object, const Count& count);
  llvm::Value* place_of(llvm::Value* object, const Access& access);
  llvm::Value* present_place(llvm::Value* object, const Access& access);
  llvm::Value* proven_argument(const Field& field);
  llvm::Value* copied(llvm::Value* address, const Type& type, bool can_be_unset = false);
  llvm::Value* word_if(llvm::Value* condition, const std::function<llvm::Value*()>& body);
  llvm::Value* element(const Access& access, const Index& node);
  llvm::Value* unless_null(llvm::Value* address, const std::function<llvm::Value*()>& read);
  Operand access(const Expr& expr);
  void continue_if(llvm::Value* condition);
  void gate();
  void names();
  void filter_names();
  void follow_bodies();
  llvm::Value* process_key(uint32_t number, llvm::Value* word, llvm::Value* life = nullptr);
  llvm::Value* life();
  llvm::Value* standing_at(const Location& where);
  llvm::Value* element_of(std::string_view map, llvm::Value* key);
  llvm::Value* look_at_object(const NameFilter& filter, llvm::Value* object);
  llvm::Value* remembered_verdict(uint32_t number, llvm::Value* object, const std::function<llvm::Value*()>& look);
  llvm::Value* is_wanted(const NameFilter& filter, llvm::Value* object);
  llvm::Value* if_proven(const Proof& proof, llvm::Value* description, const std::function<llvm::Value*()>& body);
  llvm::Value* frame_pointer();
  void remember(uint32_t number, llvm::Value* object, llvm::Value* wanted);
  void recall(uint32_t number);
  void take_scratch(llvm::BasicBlock* at);
  void release_scratch();

  void block(const Block& statements);
  void statement(const Stmt& statement);
  void assign(const Assign& assign);
  llvm::Value* amount(const Assign& assign);
  void branch(const If& branch);
  void unroll(const Unroll& unroll);
  void jump(llvm::BasicBlock* to);
  // Variables.
  llvm::Value* cell(uint32_t number);
  llvm::Value* cell_of(const Expr& variable) { return cell(program_.variable_of.at(variable.id)); }
  void set_variable(const Expr& variable, const Operand& value);
  void let(const Let& let);
  // Loops whose body is a function of its own (program_loops.cpp).
  struct Outer;
  void make_frame();
  void share_with_callbacks();
  void reserve_variables();
  llvm::AllocaInst* words(uint32_t bytes);
  llvm::Value* on_stack(uint32_t offset);
  void settle_stack();
  void use_scratch();
  llvm::Value* in_scratch(uint32_t offset);
  llvm::Function* callback(size_t arguments, const std::function<void(llvm::Function*)>& body);
  void after_rounds(llvm::BasicBlock* done);
  void count_round();
  void count_rounds(const For& loop);
  void repeat(const While& loop);
  void each_element(const For& loop);
  void load_entry(const MapDef& map, llvm::Function* round, uint32_t number);
  llvm::Value* frame_word(uint32_t offset) { return ir.CreateConstGEP1_32(ir.getInt8Ty(), frame_, offset); }
  void return_from(const Return& node);
  Operand block_value(const Expr& expr, const BlockExpr& node, llvm::Value* destination);
  Operand tuple(const Expr& expr, const Tuple& node, llvm::Value* destination);
  Operand item(const Operand& tuple, size_t index);
  Operand character(const Index& node);
  Operand list_item(const Index& node);
  Operand list_of(llvm::Value* number, const Type& type);
  llvm::Value* bytes_of(const Operand& value);
  llvm::Value* reduced(const MapDef& map, llvm::Value* part, llvm::Value* key);
  Operand narrowed(const Operand& value, const Type& as);
  void store_element(const Expr& target, const Operand& value);
  bool is_unsigned(const Expr& a, const Expr& b) const;
  Operand load_element(const Expr& map_ref);
  Operand variable(uint32_t number);
  Operand step(const Step& step);
  Operand cast(const Expr& expr, const Cast& cast);
  void offer(llvm::Value* destination, const Type& type);
  Operand natural(const Expr& expr, llvm::Value* destination);
  llvm::Value* word_of_call();
  // An element's key, as the parts of the map have it.
  struct Key {
    llvm::Value* memory = nullptr;
    llvm::Value* text_size = nullptr;  // of a long text, its NUL included
  };
  Key key(const Expr& map_ref, const Expr* given = nullptr);
  Key frame_key();
  llvm::Value* frame_word(const MapDef& map, llvm::Value* value, const Key& key);
  llvm::Value* long_text(const Expr& expr, const Type& type, llvm::Value* to);
  llvm::Value* read_key_text(llvm::Value* memory, llvm::Value* size, llvm::Value* from);
  llvm::Value* read_short_text(llvm::Value* size, llvm::Value* from);
  void in_part(const MapDef& map, const Key& key, const std::function<void(llvm::Value* part)>& body);
  void pad_text(const MapDef& map, const MapPart& part, const Key& key);
  llvm::Value* lookup(llvm::Value* part, const Key& key);
  llvm::Value* find(const MapDef& map, const Key& key, const std::function<void(llvm::Value* part)>& if_missing);
  llvm::Value* remove(const MapDef& map, const Key& key);
  llvm::Value* element_address(const Expr& map_ref);
  Operand element_with(const MapDef& map, const Key& key);
  llvm::Value* copied_text(const Operand& text, const Type& type, llvm::Value* to);
  // Status of bpf_map_update_elem.
  llvm::Value* insert(const MapDef& map, llvm::Value* part, const Key& key, llvm::Value* value);

  BpfModule& module_;
  const Program& program_;
  std::span<const Builtin> builtins_;
  const Probe& probe_;
  uint64_t start_time_;
  Room room_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  llvm::BasicBlock* entry_ = nullptr;
  llvm::BasicBlock* exit_ = nullptr;
  llvm::BasicBlock* scratch_at_ = nullptr;  // where scratch is taken, should it be asked for now
  llvm::BasicBlock* scratch_taken_at_ = nullptr;
  llvm::Value* slot_ = nullptr;
  llvm::AllocaInst* index_cell_ = nullptr;
  llvm::AllocaInst* word_cell_ = nullptr;
  llvm::AllocaInst* short_key_ = nullptr;
  llvm::AllocaInst* steps_cell_ = nullptr;
  llvm::AllocaInst* process_key_ = nullptr;
  llvm::AllocaInst* verdict_cell_ = nullptr;
  uint32_t scratch_size_ = 0;
  bool waits_ = false;  // the program reads in a way that only one which may sleep can
  // How much of the BPF stack and of scratch memory is in use. What a statement took is free again after it.
  struct Arena {
    uint32_t stack = 0;
    uint32_t scratch = 0;
    bool short_key = false;
  };
  Arena arena_;
  llvm::AllocaInst* stack_ = nullptr;
  uint32_t stack_size_ = 0;
  std::map<std::pair<uint32_t, uint32_t>, llvm::Value*> context_loads_;
  std::map<std::string, llvm::Value*> pieces_;  // by the field's name: records that came in registers
  // Variables by their number; those that are no words, and, where loops have functions of their own, all of them, stand at
  // their place in memory instead. Before such words there is one that counts the rounds.
  std::vector<llvm::Value*> cells_;
  std::optional<uint32_t> memory_on_stack_, memory_in_scratch_, words_in_scratch_;
  // Where break and continue go.
  struct Loop {
    llvm::BasicBlock* next = nullptr;
    llvm::BasicBlock* after = nullptr;
  };
  Loop loop_;
  // Of a function of the script's own: where return goes, and the variable that it sets.
  llvm::BasicBlock* return_to_ = nullptr;
  const Expr* result_ = nullptr;
  llvm::Value* context_ = nullptr;
  // What a program shares with the functions of its loops: see program_loops.cpp.
  llvm::Value* frame_ = nullptr;
  bool in_callback_ = false;
  uint32_t callbacks_ = 0;
  llvm::Value* gate_index_ = nullptr;
  llvm::Value* recalled_ = nullptr;  // the object that the call's entry has remembered
  llvm::Value* destination_ = nullptr;  // for the buffer() of the expression that is being evaluated
  uint32_t destination_room_ = 0;       // bytes of its value
  const Expr* target_ = nullptr;
  // Where a text is about to be read to of which nobody looks at what is behind its NUL, so that zero() leaves it alone; and
  // where its size goes.
  llvm::Value* unpadded_ = nullptr;
  llvm::Value* unpadded_size_ = nullptr;
  // Where the address of a key goes that is nothing but this text, which short_key_ holds if it is short; null: it stays.
  llvm::Value* key_cell_ = nullptr;
};

}  // namespace zeektrace
