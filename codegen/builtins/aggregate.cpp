// Aggregations: what `@m[k] = count()` and its kin do to the element.
#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Kind = Type::Kind;
using llvm::Value;
constexpr uint32_t max_buckets = 2048;  // 16 KB a CPU and key

// Adds to a 64-bit number of the element. Atomic although the memory is this CPU's own: a probe can be preempted
// between a load and a store, and the count must be exact.
void add(Emitter& e, Value* element, Value* index, Value* by) {
  Value* cell = e.ir.CreateGEP(e.ir.getInt64Ty(), element, index);
  e.ir.CreateAtomicRMW(llvm::AtomicRMWInst::Add, cell, by, llvm::MaybeAlign(8), llvm::AtomicOrdering::Monotonic);
}

bool signed_argument(Emitter& e, const Expr& expr) { return e.type_of(*e.args(expr)[0]).is_signed; }

Type count_type(Checker&, const Expr&) { return Type::of(Kind::count); }
Operand emit_count(Emitter& e, const Expr& expr) {
  e.with_element(e.target(), [&](Value* element) { add(e, element, e.constant(0), e.constant(1)); });
  return {nullptr, e.type_of(expr)};
}

// The aggregation's sign is its argument's.
template <Kind kind>
Type numeric_type(Checker& checker, const Expr& expr) {
  Type type = Type::of(kind);
  type.is_signed = checker.type_of(*checker.args(expr)[0]).is_signed;
  return type;
}

Operand emit_sum(Emitter& e, const Expr& expr) {
  Value* value = e.integer(*e.args(expr)[0]);
  e.with_element(e.target(), [&](Value* element) { add(e, element, e.constant(0), value); });
  return {nullptr, e.type_of(expr)};
}

// avg and stats: {count, total}
Operand emit_total(Emitter& e, const Expr& expr) {
  Value* value = e.integer(*e.args(expr)[0]);
  e.with_element(e.target(), [&](Value* element) {
    add(e, element, e.constant(0), e.constant(1));
    add(e, element, e.constant(1), value);
  });
  return {nullptr, e.type_of(expr)};
}

Operand emit_extreme(Emitter& e, const Expr& expr, bool is_min) {
  Value* value = e.integer(*e.args(expr)[0]);
  bool is_signed = e.map(e.target()).value.is_signed;
  Value* rank = e.ir.CreateXor(value, e.constant(extreme_rank(0, is_signed, is_min)));
  e.with_element(e.target(), [&](Value* element) { e.runtime("zt_extreme", {element, rank}); });
  return {nullptr, e.type_of(expr)};
}
Operand emit_min(Emitter& e, const Expr& expr) { return emit_extreme(e, expr, true); }
Operand emit_max(Emitter& e, const Expr& expr) { return emit_extreme(e, expr, false); }

// ---- histograms ----

int64_t literal_argument(Checker& checker, const Expr& expr, size_t index) {
  return checker.literal_integer(*checker.args(expr)[index]).value_or(0);
}

Type hist_type(Checker& checker, const Expr& expr) {
  Type type = Type::of(Kind::hist);
  if (checker.args(expr).size() > 1) {
    int64_t bits = literal_argument(checker, expr, 1);
    if (bits < 0 || bits > 5)
      checker.diagnostics().add(Code::argument_range, checker.args(expr)[1]->span, 2, "hist()", bits, "from 0 to 5");
    else
      type.buckets.bits = static_cast<int32_t>(bits);
  }
  return type;
}

void add_to_bucket(Emitter& e, const Type& type, Value* bucket) {
  uint32_t last = bucket_count(type.kind, type.buckets) - 1;
  e.with_element(e.target(), [&](Value* element) { add(e, element, e.bounded(bucket, last), e.constant(1)); });
}

Operand emit_hist(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  Value* value = e.integer(*e.args(expr)[0]);
  uint32_t is_signed = signed_argument(e, expr);
  Value* bucket = e.runtime("zt_hist_bucket", {value, e.ir.getInt32(static_cast<uint32_t>(type.buckets.bits)),
                                               e.ir.getInt32(is_signed)});
  add_to_bucket(e, type, bucket);
  return {nullptr, type};
}

Type lhist_type(Checker& checker, const Expr& expr) {
  Type type = Type::of(Kind::lhist);
  int64_t min = literal_argument(checker, expr, 1);
  int64_t max = literal_argument(checker, expr, 2);
  int64_t step = literal_argument(checker, expr, 3);
  const auto& args = checker.args(expr);
  type.buckets = {0, min, max, step};
  if (step <= 0) {
    checker.diagnostics().add(Code::argument_range, args[3]->span, 4, "lhist()", step, "1 or more");
    type.buckets = {0, 0, 1, 1};
  } else if (max <= min) {
    checker.diagnostics().add(Code::argument_range, args[2]->span, 3, "lhist()", max, "more than the second");
    type.buckets = {0, 0, 1, 1};
  } else if ((static_cast<uint64_t>(max) - static_cast<uint64_t>(min)) / static_cast<uint64_t>(step) > max_buckets - 3) {
    checker.diagnostics().add(Code::argument_range, args[3]->span, 4, "lhist()", step, "large enough for at most 2048 buckets");
    type.buckets = {0, 0, 1, 1};
  }
  return type;
}

Operand emit_lhist(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  uint32_t last = bucket_count(type.kind, type.buckets) - 1;
  auto number = [&](int64_t value) { return e.constant(static_cast<uint64_t>(value)); };
  Value* value = e.integer(*e.args(expr)[0]);
  Value* bucket = e.runtime("zt_lhist_bucket",
                            {value, e.ir.getInt32(signed_argument(e, expr)), number(type.buckets.min),
                             number(type.buckets.max), number(type.buckets.step), e.constant(last)});
  add_to_bucket(e, type, bucket);
  return {nullptr, type};
}

// ---- tseries(n, interval, count[, fold]) ----

struct FoldName {
  std::string_view name;
  SeriesFold fold;
};
constexpr FoldName folds[] = {{"avg", SeriesFold::avg}, {"max", SeriesFold::max}, {"min", SeriesFold::min},
                              {"sum", SeriesFold::sum}};
constexpr int64_t most_intervals = 512;  // 16 KB a CPU and key

Type tseries_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  Type type = numeric_type<Kind::tseries>(checker, expr);
  const int64_t interval = literal_argument(checker, expr, 1), count = literal_argument(checker, expr, 2);
  type.buckets = {static_cast<int32_t>(SeriesFold::last), 0, std::clamp<int64_t>(count, 1, most_intervals), std::max<int64_t>(interval, 1)};
  if (interval < 1)
    checker.diagnostics().add(Code::argument_range, args[1]->span, 2, "tseries()", interval, "a time, such as 100ms");
  if (count < 1 || count > most_intervals)
    checker.diagnostics().add(Code::argument_range, args[2]->span, 3, "tseries()", count, "from 1 to 512");
  if (args.size() < 4) return type;
  const std::string fold = checker.literal_string(*args[3]).value_or("");
  const auto* known = std::ranges::find(folds, std::string_view(fold), &FoldName::name);
  if (known == std::end(folds))
    checker.diagnostics().add(Code::wrong_argument, args[3]->span, 4, "tseries()", "\"avg\", \"max\", \"min\" or \"sum\"",
                              fmt::format("\"{}\"", fold));
  else
    type.buckets.bits = static_cast<int32_t>(known->fold);
  return type;
}

Operand emit_tseries(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  Value* value = e.integer(*e.args(expr)[0]);
  Value* now = e.helper(HelperId::ktime_get_boot_ns, {});
  e.with_element(e.target(), [&](Value* element) {
    e.runtime("zt_series_add",
              {element, value, now, e.constant(static_cast<uint64_t>(type.buckets.step)),
               e.ir.getInt32(static_cast<uint32_t>(type.buckets.max)), e.ir.getInt32(static_cast<uint32_t>(type.buckets.bits)),
               e.ir.getInt32(e.map(e.target()).value.is_signed)});
  });
  return {nullptr, type};
}

Builtin row(std::string_view name, std::vector<Param> params, std::string_view doc,
            Type (*result)(Checker&, const Expr&), Operand (*emit)(Emitter&, const Expr&), std::string_view example) {
  return {name, Builtin::Form::function, Builtin::Place::map_value, std::move(params), doc, result, emit, false, example};
}

}  // namespace

std::vector<Builtin> aggregate_rows() {
  Param n{"n", Want::integer};
  Param bits{"bits", Want::literal_integer, true};
  std::vector<Param> linear = {n, {"min", Want::literal_integer}, {"max", Want::literal_integer},
                               {"step", Want::literal_integer}};
  std::vector<Param> series = {n, {"interval", Want::literal_integer}, {"count", Want::literal_integer},
                               {"fold", Want::literal_string, true}};
  return {
      row("count", {}, "how often", count_type, emit_count, "interval:ms:10 { @ = count(); } interval:ms:200 { exit(); }"),
      row("sum", {n}, "the sum of n", numeric_type<Kind::sum>, emit_sum,
          "interval:ms:10 { @ = sum(5); } interval:ms:200 { exit(); }"),
      row("avg", {n}, "the average of n", numeric_type<Kind::avg>, emit_total, "BEGIN { @ = avg(1); @ = avg(3); exit(); }"),
      row("min", {n}, "the smallest n", numeric_type<Kind::min>, emit_min, "BEGIN { @ = min(1); @ = min(3); exit(); }"),
      row("max", {n}, "the largest n", numeric_type<Kind::max>, emit_max, "BEGIN { @ = max(1); @ = max(3); exit(); }"),
      row("stats", {n}, "count, average and total of n", numeric_type<Kind::stats>, emit_total,
          "BEGIN { @ = stats(1); @ = stats(3); exit(); }"),
      row("hist", {n, bits}, "a histogram by powers of two, each split into 2^bits parts", hist_type, emit_hist,
          "interval:ms:10 { @ = hist(rand); } interval:ms:200 { exit(); }"),
      row("quantize", {n, bits}, "the 2017 name of hist", hist_type, emit_hist, "BEGIN { @ = quantize(100); exit(); }"),
      row("lhist", linear, "a histogram with buckets of equal width", lhist_type, emit_lhist,
          "interval:ms:10 { @ = lhist(rand % 10, 0, 10, 1); } interval:ms:200 { exit(); }"),
      row("tseries", series,
          "what n was in each of the newest `count` intervals: the last one, or their \"avg\", \"max\", \"min\" or \"sum\"",
          tseries_type, emit_tseries, "interval:ms:10 { @ = tseries(rand % 10, 100ms, 5, \"max\"); } interval:ms:500 { exit(); }"),
  };
}

}  // namespace zeektrace
