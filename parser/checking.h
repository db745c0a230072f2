// Private to parser/: the state of one check(). Its parts are in check.cpp (probes, the walks), check_statement.cpp,
// check_loops.cpp, check_variable.cpp, check_expression.cpp, check_access.cpp, check_map.cpp and check_config.cpp.
#pragma once

#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "parser/check.h"
#include "parser/inference.h"

namespace zeektrace {

class ScriptTypes;  // parser/script_types.h

// The word before the dot in args.count.
constexpr std::string_view arguments_word = "args";

// A place that a probe names, before it is known which places share a program.
struct ExpandedPoint {
  AttachPoint point;
  std::vector<Field> fields;
  std::vector<Field> plain;  // the same without debug information; empty when it was not asked for
};

class Checking final : public Checker {
 public:
  Checking(const Source& source, const Ast& ast, std::span<const Builtin> builtins,
           std::span<const Provider> providers, Machine& machine, const CheckOptions& options,
           Diagnostics& diagnostics);
  Result<Program> run();

  // ---- for the rows (Checker) ----
  const Type& type_of(const Expr& expr) const override { return program_.types[expr.id]; }
  std::optional<int64_t> literal_integer(const Expr& expr) const override;
  std::optional<std::string> literal_string(const Expr& expr) const override;
  std::optional<std::string> parameter_text(const Expr& expr) const override;
  void make_constant(const Expr& expr, std::string text) override { program_.constants[expr.id] = std::move(text); }
  void make_constant(const Expr& expr, uint64_t number) override { program_.constants[expr.id] = number; }
  const Field* field(std::string_view name) const override;
  const Field* asked_field(const Expr& expr, const std::string& name) override;
  std::optional<Type> kernel_member(const Expr& expr, std::string_view record,
                                    std::initializer_list<std::string_view> path) override;
  bool has_address(const Expr& expr) const override;
  bool is_kernels_own(const Expr& expr) const override;
  bool is_reached() const override { return unreached_ == 0; }
  std::optional<Refusal> make_text(const Expr& expr, uint32_t limit) override;
  bool is_in_process() const override { return !probe_->how->runs_in_tracer && !probe_->how->is_of_no_process; }
  std::string_view place() const override { return probe_->points.front().name; }
  Diagnostics& diagnostics() override { return *reports_; }
  const MapDef& map(const Expr& expr) const override { return program_.maps[map_number(expr)]; }
  uint32_t map_number(const Expr& expr) const override;
  void give_element(const Expr& variable, const Expr& map) override;
  const Expr& target(const Expr& call) const override;
  void add_record(const Expr& call, Record record, const std::vector<Type>& fields) override;
  bool add_counter(const Expr& call, const std::string& event) override;
  const CheckOptions& options() const override { return options_; }

 private:
  void configure();
  void declare_maps();
  void define_types();
  // Probes.
  Status expand_probes();
  Status expand_points(const AttachSpec& spec, const std::set<std::string>& mentioned, std::vector<ExpandedPoint>& all);
  void report_missing(bool others);
  void add_to_group(std::vector<Probe>& groups, const ProbeDecl& decl, const std::set<std::string>& mentioned,
                    ExpandedPoint expanded);
  void except_earlier(AttachPoint& point, const std::vector<ExpandedPoint>& all);
  std::optional<std::string> fill_parameters(const AttachSpec& spec);
  void name_probes();
  void find_twins();

  // Walks.
  void walk();
  bool assume_integers();
  void lay_out_maps();
  void block(const Block& statements);
  void statement(const Stmt& statement);
  void assign(const Assign& assign);
  void assign_variable(const Assign& assign);
  void assign_map(const Assign& assign);
  void condition(const Expr& expr);
  void loop(const Block& body);
  void rounds(Span span, const Block& body);
  void repeat(Span span, const While& loop);
  bool never_ends(const While& loop) const;
  void times(const Expr& count);
  void iterate(Span span, const For& loop);
  Type element_type(const Expr& map);
  void let(const Let& let);
  void leave(const Stmt& statement, const Return& node);
  // `value`, assigned to a variable: what the block has of this name, else a new one.
  void assign_to(const Expr& variable, const Expr& value);
  Type kept_value(const Expr& from);

  // Variables live from where they are declared, or first assigned, to the end of that block.
  uint32_t declare(const Expr& variable);
  uint32_t make_variable(std::string name);
  std::optional<uint32_t> find_variable(const Variable& node) const;
  Merged& merged_variable(uint32_t number);
  void merge_variable(const Expr& variable, uint32_t number, const Type& type, bool is_literal, Span span);
  template <class Body>
  void scoped(const Body& body) {
    const Room before = room_;
    scopes_.emplace_back();
    body();
    room_ = before;
    for (const auto& [variable, number] : scopes_.back()) ended_.insert(variable);
    scopes_.pop_back();
  }

  // Expressions; the type is also kept in Program::types.
  const Type& expression(const Expr& expr);
  Type type_for(const Expr& expr);
  std::string of_headers() const;
  Type name(const Expr& expr, const Name& node);
  Type positional(const Expr& expr);
  // The same, for what must be one value: a text where a record or an array is one, else a diagnostic.
  Type value(const Expr& expr);
  Type field_of(const Expr& expr, const FieldRef& node);
  Type named_argument(const Expr& expr, const std::string& name);
  Type index(const Expr& expr, const Index& node);
  Type reached(const Expr& expr, Access access);
  void refuse(Span span, const Refusal& refusal);
  std::optional<Type> type_named(const Expr& expr, const std::string& name);
  Type variable(const Expr& expr, const Variable& node);
  Type call(const Expr& expr, const Call& node);
  std::optional<uint64_t> folded(const Call& node) const;
  Type cast(const Expr& expr, const Cast& node);
  Type step(const Step& node);
  Type tuple(const Tuple& node);
  Type item(const Expr& expr, const Type& type, std::string_view name);
  Type block_value(const Expr& expr, const BlockExpr& node);
  std::optional<Type> spelled_type(const Expr& expr, const TypeSpelling& spelling);
  bool place_allows(const Expr& expr, const Builtin& row);
  bool arguments(const Expr& expr, const Call& node, const Builtin& row, bool is_alone);
  bool argument(const Expr& arg, const Param& param, size_t number, std::string_view of);
  bool keyed_argument(const Expr& map, std::span<const ExprPtr> key, const Param& param, std::string_view of);
  // A number that takes the sign of what it meets.
  bool is_literal(const Expr& expr) const { return literal_integer(expr) && type_of(expr).is_signed; }

  // What the walk before this one saw; of kind none when it saw nothing.
  const MapFacts& known_map(const std::string& name) const;
  Type known_variable(uint32_t number) const;

  // Maps.
  enum class Use { read, assign, erase, whole, other };
  void declare_map(const Expr& expr, Use use) { declare_map(expr, use, std::get<MapRef>(expr.node).keys); }
  void declare_map(const Expr& expr, Use use, std::span<const ExprPtr> keys);
  void use_keys(const Expr& expr) { use_keys(expr, std::get<MapRef>(expr.node).keys); }
  void use_keys(const Expr& expr, std::span<const ExprPtr> keys);
  Type read_map(const Expr& expr);
  void assign_to_map(const Expr& target, const Type& type, bool is_literal, Span span);

  // Calls that are measured from entry to return (call_pairs.cpp).
  struct MapUse {
    std::span<const ExprPtr> keys;
    uint32_t probe;  // index in Program::probes
    Use use;
  };
  bool is_thread_key(std::span<const ExprPtr> keys) const;
  bool needs_word(const Expr* condition, const std::string& map) const;
  size_t times_emptied(uint32_t map) const;
  std::optional<CallPair> pair_of(uint32_t map) const;
  void find_call_pairs();
  // Calls that are remembered (name_filters.cpp).
  Probe& entry_of(uint32_t at_return);
  void follow_bodies(uint32_t probe);
  void remember_calls();

  const Source& source_;
  const Ast& ast_;
  std::span<const Builtin> builtins_;
  std::span<const Provider> providers_;
  Machine& machine_;
  CheckOptions options_;  // with the script's own config
  Diagnostics& diagnostics_;
  Diagnostics* reports_ = nullptr;  // where this walk's diagnostics go
  Program program_;
  std::unordered_set<std::string> places_;  // those that the probe at hand has been given
  std::vector<std::pair<const AttachSpec*, Error>> missing_;  // and what could not be found of it

  struct DeclaredMap {
    uint32_t size = 0;
    bool is_lru = false;
    bool is_per_cpu = false;
    std::string_view kind;
  };
  std::map<std::string, DeclaredMap> declared_maps_;
  ScriptTypes* script_types_ = nullptr;  // null: the script defines none

  Facts known_;  // from the walk before
  Facts seen_;   // in this walk
  std::map<std::string, std::vector<MapUse>> uses_;  // of maps, in this walk
  Probe* probe_ = nullptr;
  size_t decl_ = 0;                      // the probe's place in the script
  std::vector<std::map<Variable, uint32_t>> scopes_;  // the blocks around, and the numbers of their variables
  struct Room {
    uint32_t words = 0;
    uint32_t memory = 0;
  };
  Room room_;  // that variables take in the blocks around
  std::set<Variable> ended_;                          // variables of blocks that have ended
  std::vector<const BlockExpr*> functions_;           // that are being called, the innermost last
  const Expr* statement_expr_ = nullptr;  // the expression that stands alone as a statement
  const Assign* assign_ = nullptr;       // the assignment whose value is looked at
  uint32_t loops_ = 0;                   // that the statement stands in, and could break
  uint32_t unreached_ = 0;               // conditions around it that never hold
  uint32_t nested_loops_ = 0;            // that are functions of their own
  std::map<ExprId, const Expr*> targets_;
  std::vector<std::optional<Type>> met_;  // by ExprId: what it was in an earlier group of the same probe
};

}  // namespace zeektrace
