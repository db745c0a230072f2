#include "tests/random/script.h"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

namespace zeektrace {
namespace {

enum class Sort { number, text };

struct MapKind {
  std::string name;
  std::vector<Sort> keys;
  enum class Value { number, text, aggregate } value = Value::number;
  std::string aggregate;  // "hist", …
  std::string shape;      // of an aggregation: what follows the number
  bool is_read_as_number() const {
    return value == Value::aggregate && (aggregate == "count" || aggregate == "sum" || aggregate == "min" || aggregate == "max");
  }
};

constexpr const char* texts[] = {"\"\"", "\"a\"", "\"open\"", "\"two words\"", "\"a text that is rather long, longer than most\""};

// Writes one script. Depths bound what grows with each other: expressions, blocks, loops (whose rounds multiply).
class Writer {
 public:
  Writer(uint64_t seed, const Surroundings& surroundings) : dice_(seed), surroundings_(surroundings) {}

  std::string script() {
    declare_maps();
    functions_ = dice_.below(3);
    for (uint64_t i = 0; i < functions_; ++i) declare_function(i);
    const bool has_text_function = dice_.one_in(2);
    if (has_text_function) declare_text_function();
    has_text_function_ = has_text_function;  // it does not call itself
    has_macro_ = dice_.one_in(2);
    if (has_macro_) out_ += "macro twice(value, $to) { $to += value; value + $to }\n";
    const uint64_t probes = 1 + dice_.below(4);
    for (uint64_t i = 0; i < probes; ++i) probe();
    return out_;
  }

 private:

  void declare_maps() {
    const uint64_t count = 1 + dice_.below(8);
    constexpr const char* aggregates[] = {"count", "sum", "avg", "min", "max", "stats", "hist", "lhist", "tseries"};
    for (uint64_t i = 0; i < count; ++i) {
      MapKind map;
      map.name = fmt::format("@m{}", i);
      for (uint64_t keys = dice_.below(4); keys > 0; --keys) map.keys.push_back(dice_.one_in(4) ? Sort::text : Sort::number);
      const uint64_t what = dice_.below(6);
      map.value = what < 3 ? MapKind::Value::number : what == 3 ? MapKind::Value::text : MapKind::Value::aggregate;
      map.aggregate = dice_.pick(aggregates);
      if (map.aggregate == "lhist") map.shape = fmt::format(", {}, 1000, {}", dice_.one_in(2) ? 0 : -1000, dice_.one_in(2) ? 10 : 250);
      if (map.aggregate == "tseries") map.shape = ", 1s, 10";
      if (map.aggregate == "hist" && dice_.one_in(3)) map.shape = fmt::format(", {}", dice_.below(6));
      maps_.push_back(std::move(map));
    }
  }

  // Functions of two numbers; one may call those before it.
  void declare_function(uint64_t number_of_it) {
    const uint64_t callable = std::exchange(functions_, number_of_it);
    numbers_ = {"$a", "$b"};
    strings_.clear();
    readable_.clear();
    out_ += fmt::format("fn f{}($a : int64, $b : int64) : int64 {{\n", number_of_it);
    depth_ = 1;
    if (dice_.one_in(2)) line(fmt::format("if ({}) {{ return {}; }}", number(1), number(2)));
    line(fmt::format("return {};", number(2)));
    out_ += "}\n";
    functions_ = callable;
  }

  // Of a text and a narrow number, with a loop in it.
  void declare_text_function() {
    const uint64_t callable = std::exchange(functions_, 0);
    numbers_ = {"$n"};
    strings_ = {"$s"};
    readable_.clear();
    out_ += "fn ft($s : string[32], $n : uint8) : int64 {\n";
    depth_ = 1;
    line(fmt::format("for ($i : 0..{}) {{ if ($s[$i] == {}) {{ return $i; }} }}", 1 + dice_.below(8), number(1)));
    line(fmt::format("return {};", number(2)));
    out_ += "}\n";
    functions_ = callable;
  }

  void probe() {
    numbers_.clear();
    strings_.clear();
    readable_.clear();
    const uint64_t what = dice_.below(8);
    has_arguments_ = has_text_ = has_result_ = false;
    std::string point;
    if (what == 0) point = "BEGIN";
    if (what == 1) point = "END";
    if (what == 2) point = "interval:s:1";
    if (what == 3) point = "profile:hz:99";
    if (what == 4) has_arguments_ = true, point = function("uprobe", dice_.one_in(3) ? "take_*" : "take_six");
    if (what == 5) has_arguments_ = has_text_ = true, point = function("uprobe", "take_string");
    if (what == 6) has_result_ = true, point = function("uretprobe", dice_.one_in(3) ? "take_*" : "take_int");
    if (what == 7)
      point = !surroundings_.has_tracepoints ? function("uprobe", "traced_step")
              : dice_.one_in(2)              ? "tracepoint:raw_syscalls:sys_enter"
                                             : "rawtracepoint:sched_switch";
    out_ += point;
    // A block behind a / begins the probe's.
    takes_block_ = false;
    if (dice_.one_in(3)) out_ += " / " + number(2) + " /";
    takes_block_ = true;
    out_ += " {\n";
    depth_ = 1;
    rounds_ = 1;
    // A variable of each sort is there from the start.
    assign_new(Sort::number);
    assign_new(Sort::text);
    statements(2 + dice_.below(6));
    out_ += "}\n";
  }

  std::string function(const char* provider, const char* name) {
    return fmt::format("{}:{}:{}", provider, surroundings_.tally, name);
  }

  // ---- statements ----

  void line(const std::string& text) { out_ += std::string(2 * depth_, ' ') + text + "\n"; }

  void statements(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) statement();
  }

  void statement() {
    switch (dice_.below(26)) {
      case 18: return record();
      case 19: return declaration();
      case 20: return block_expression();
      case 21: return found();
      case 22: return address();
      case 23: return bytes();
      case 24: return use_macro();
      case 25: return nested();
      case 14: return tuple();
      case 15: return range();
      case 16: return elements();
      case 17: return ask_map();
      case 0: return assign_new(dice_.one_in(3) ? Sort::text : Sort::number);
      case 1: return assign_old();
      case 2:
      case 3:
      case 4: return assign_map();
      case 5: return aggregate();
      case 6: return step();
      case 7:
      case 8: return branch();
      case 9: return loop();
      case 10: return print();
      case 11: return message();
      case 12: return erase();
      default: return leave();
    }
  }

  void assign_new(Sort sort) {
    // What is assigned in a branch has no value behind it: names of a block are its own.
    auto& names = sort == Sort::number ? numbers_ : strings_;
    const std::string name = fmt::format("${}{}", sort == Sort::number ? 'n' : 's', variables_++);
    line(fmt::format("{}{} = {};", dice_.one_in(4) ? "let " : "", name, sort == Sort::number ? number(3) : text(2)));
    names.push_back(name);
  }

  void tuple() {
    const std::string name = fmt::format("$t{}", variables_++);
    if (dice_.one_in(2)) {
      line(fmt::format("{} = ({}, {}, {});", name, number(2), text(1), number(1)));
      readable_.push_back(name + ".0");
      readable_.push_back(name + ".2");
    } else {
      line(fmt::format("{} = ({}, ({}, {}));", name, number(1), number(2), text(1)));
      readable_.push_back(name + ".1.0");
    }
    if (dice_.one_in(3)) line(fmt::format("print({});", name));
    if (dice_.one_in(3)) line(fmt::format("@{}[{}] = count();", name.substr(1), name));
  }

  void record() {
    const std::string name = fmt::format("$r{}", variables_++);
    line(fmt::format("{} = (size={}, what={}, more=({}, {}));", name, number(2), text(1), number(1), text(1)));
    readable_.push_back(name + ".size");
    readable_.push_back(name + ".more.0");
    if (dice_.one_in(3)) line(fmt::format("{} = (what={}, size={}, more=(1, \"a\"));", name, text(1), number(1)));
    if (dice_.one_in(3)) line(fmt::format("printf(\"%s\\n\", {}.what);", name));
    if (dice_.one_in(3)) line(fmt::format("print({});", name));
    if (dice_.one_in(3)) line(fmt::format("@k{}[{}, {}] = count();", name.substr(1), name, number(1)));
    if (dice_.one_in(3)) {
      line(fmt::format("@v{}[{}] = {};", name.substr(1), number(1), name));
      line(fmt::format("print(@v{0}[{1}].what); print(len(@v{0}));", name.substr(1), number(1)));
    }
    if (dice_.one_in(4)) readable_.push_back(fmt::format("({0} == (size={1}, what={2}, more=(0, {2})))", name, number(1), text(1)));
  }

  void declaration() {
    constexpr const char* types[] = {"int64", "uint64", "int64", "uint64", "string[16]", "string[64]"};
    const std::string type = dice_.pick(types);
    const bool is_text = type.starts_with("string");
    const std::string name = fmt::format("${}{}", is_text ? 's' : 'n', variables_++);
    if (!is_text && dice_.one_in(2) && !numbers_.empty())
      line(fmt::format("let {} : typeof({}) = {};", name, dice_.pick(numbers_), number(2)));
    else if (dice_.one_in(2)) line(fmt::format("let {} : {} = {};", name, type, is_text ? text(1) : number(2)));
    else line(fmt::format("let {} : {};", name, type));
    (is_text ? strings_ : numbers_).push_back(name);
  }

  void block_expression() {
    const std::string name = fmt::format("$n{}", variables_++);
    const size_t numbers = numbers_.size(), strings = strings_.size(), readable = readable_.size();
    line(fmt::format("{} = {{", name));
    ++depth_;
    const std::string inner = fmt::format("$n{}", variables_++);
    line(fmt::format("let {} = {};", inner, number(2)));
    numbers_.push_back(inner);
    if (depth_ < 4) statements(1 + dice_.below(2));
    line(fmt::format("({})", number(2)));
    --depth_;
    line("};");
    numbers_.resize(numbers);
    strings_.resize(strings);
    readable_.resize(readable);
    numbers_.push_back(name);
  }

  void found() {
    const MapKind* map = any_map(dice_.one_in(3) ? MapKind::Value::text : MapKind::Value::number);
    if (map == nullptr || map->keys.size() != 1) return;
    give_value(*map);
    const std::string name = fmt::format("$f{}", variables_++);
    const bool is_text = map->value == MapKind::Value::text;
    line(fmt::format("let {};", name));
    line(fmt::format("if (find({}, {}, {})) {{ {}; }}", map->name, map->keys[0] == Sort::number ? number(1) : text(1), name,
                     is_text ? fmt::format("print({})", name) : fmt::format("@found[{}] = count()", name)));
  }

  void address() {
    const std::string name = fmt::format("$p{}", variables_++);
    if (!strings_.empty() && dice_.one_in(3)) {
      const std::string of = dice_.pick(strings_);
      line(fmt::format("{} = &{};", name, of));
      line(fmt::format("print(*{});", name));
      return readable_.push_back(fmt::format("strlen(*&{})", of));
    }
    if (numbers_.empty()) return;
    const std::string of = dice_.pick(numbers_);
    line(fmt::format("{} = &{};", name, of));
    readable_.push_back("*" + name);
  }

  void bytes() {
    const std::string name = fmt::format("$y{}", variables_++);
    constexpr const char* kinds[] = {"uint8[8]", "uint8[4]", "uint16[4]", "int32[2]", "uint64[1]"};
    const size_t which = dice_.below(std::size(kinds));
    constexpr uint64_t lengths[] = {8, 4, 4, 2, 1};
    line(fmt::format("{} = ({})({});", name, kinds[which], number(2)));
    readable_.push_back(fmt::format("{}[{}]", name, dice_.below(lengths[which])));
    readable_.push_back(fmt::format("{}[({}) & {}]", name, number(1), lengths[which] - 1));
    readable_.push_back(fmt::format("(uint64){}", name));
    if (dice_.one_in(3)) line(fmt::format("@y{}[{}] = count();", name.substr(2), name));
    if (dice_.one_in(3)) line(fmt::format("print({});", name));
  }

  void use_macro() {
    if (!has_macro_ || numbers_.empty()) return;
    const std::string name = fmt::format("$n{}", variables_++);
    line(fmt::format("{} = twice({}, {});", name, number(1), dice_.pick(numbers_)));
    numbers_.push_back(name);
  }

  // Loops in loops, each kind with each.
  void nested() {
    if (depth_ > 2 || loops_ > 0) return;
    range_of(2 + dice_.below(3), [&] { dice_.one_in(2) ? elements_anywhere() : loop(); });
  }

  void range_of(uint64_t rounds, const std::function<void()>& body) {
    if (rounds_ * rounds > most_rounds) return;
    rounds_ *= rounds;
    ++loops_;
    const std::string name = fmt::format("$i{}", variables_++);
    line(fmt::format("for ({} : 0..{}) {{", name, rounds));
    readable_.push_back(name);
    ++depth_;
    body();
    --depth_;
    readable_.pop_back();
    line("}");
    --loops_;
    rounds_ /= rounds;
  }

  void range() {
    const uint64_t rounds = 1 + dice_.below(8);
    if (depth_ > 3 || rounds_ * rounds > most_rounds) return;
    rounds_ *= rounds;
    ++loops_;
    const std::string name = fmt::format("$i{}", variables_++);
    const std::string end = dice_.one_in(3) ? fmt::format("({} & 7)", number(1)) : fmt::format("{}", rounds);
    line(fmt::format("for ({} : 0..{}) {{", name, end));
    readable_.push_back(name);
    block(1 + dice_.below(3));
    readable_.pop_back();
    line("}");
    --loops_;
    rounds_ /= rounds;
  }

  // Over a map.
  void elements() {
    if (depth_ <= 2 && loops_ == 0) elements_anywhere();
  }

  void elements_anywhere() {
    const MapKind* map = any_map(dice_.one_in(4) ? MapKind::Value::aggregate : MapKind::Value::number);
    if (map == nullptr || map->keys.empty()) return;
    if (map->value == MapKind::Value::aggregate && !map->is_read_as_number()) return;
    give_value(*map);
    const std::string name = fmt::format("$e{}", variables_++);
    ++loops_;
    line(fmt::format("for ({} : {}) {{", name, map->name));
    readable_.push_back(name + ".1");
    for (size_t i = 0; i < map->keys.size(); ++i)
      if (map->keys[i] == Sort::number) readable_.push_back(map->keys.size() == 1 ? name + ".0" : fmt::format("{}.0.{}", name, i));
    block(1 + dice_.below(2));
    while (!readable_.empty() && readable_.back().starts_with(name + ".")) readable_.pop_back();
    line("}");
    --loops_;
  }

  void ask_map() {
    const MapKind* map = any_map(MapKind::Value::number);
    if (map == nullptr || map->keys.empty()) return;
    give_value(*map);
    std::string keys;
    for (Sort sort : map->keys) keys += (keys.empty() ? "" : ", ") + (sort == Sort::number ? number(1) : text(1));
    if (map->keys.size() > 1) keys = "(" + keys + ")";
    const std::string name = fmt::format("$n{}", variables_++);
    line(dice_.one_in(2) ? fmt::format("{} = len({});", name, map->name)
                         : fmt::format("{} = has_key({}, {});", name, map->name, keys));
    readable_.push_back(name);
  }

  void assign_old() {
    if (!strings_.empty() && dice_.one_in(4)) return line(fmt::format("{} = {};", dice_.pick(strings_), text(2)));
    if (numbers_.empty()) return;
    constexpr const char* ops[] = {"", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"};
    line(fmt::format("{} {}= {};", dice_.pick(numbers_), dice_.pick(ops), number(3)));
  }

  const MapKind* any_map(MapKind::Value value) {
    std::vector<const MapKind*> fitting;
    for (const MapKind& map : maps_) {
      if (map.value == value) fitting.push_back(&map);
    }
    return fitting.empty() ? nullptr : dice_.pick(fitting);
  }

  std::string element(const MapKind& map) {
    if (map.keys.empty()) return map.name;
    std::string keys;
    for (Sort sort : map.keys) keys += (keys.empty() ? "" : ", ") + (sort == Sort::number ? number(1) : text(1));
    return fmt::format("{}[{}]", map.name, keys);
  }

  void assign_map() {
    const MapKind* map = any_map(dice_.one_in(4) ? MapKind::Value::text : MapKind::Value::number);
    if (map == nullptr) return;
    if (map->value == MapKind::Value::text) return line(fmt::format("{} = {};", element(*map), text(2)));
    constexpr const char* ops[] = {"", "", "", "+", "-", "*", "&", "|", "^", "<<"};
    line(fmt::format("{} {}= {};", element(*map), dice_.pick(ops), number(3)));
  }

  void aggregate() {
    const MapKind* map = any_map(MapKind::Value::aggregate);
    if (map == nullptr) return;
    const std::string value = map->aggregate == "count" ? "" : number(2) + map->shape;
    line(fmt::format("{} = {}({});", element(*map), map->aggregate, value));
  }

  void step() {
    const MapKind* map = any_map(MapKind::Value::number);
    const bool of_map = map != nullptr && dice_.one_in(2);
    if (!of_map && numbers_.empty()) return;
    const std::string target = of_map ? element(*map) : dice_.pick(numbers_);
    line(dice_.one_in(2) ? target + (dice_.one_in(2) ? "++;" : "--;") : (dice_.one_in(2) ? "++" : "--") + target + ";");
  }

  // The names that a block gives are gone behind it.
  void block(uint64_t count) {
    const size_t numbers = numbers_.size(), strings = strings_.size(), readable = readable_.size();
    ++depth_;
    statements(count);
    --depth_;
    numbers_.resize(numbers);
    strings_.resize(strings);
    readable_.resize(readable);
  }

  void branch() {
    if (depth_ > 4) return;
    line(fmt::format("if ({}) {{", number(2)));
    block(1 + dice_.below(3));
    if (dice_.one_in(3)) {
      line(fmt::format("}} else if ({}) {{", number(2)));
      block(1 + dice_.below(2));
    }
    if (dice_.one_in(2)) {
      line("} else {");
      block(1 + dice_.below(2));
    }
    line("}");
  }

  void loop() {
    const uint64_t rounds = 1 + dice_.below(8);
    if (depth_ > 3 || rounds_ * rounds > most_rounds) return;
    rounds_ *= rounds;
    ++loops_;
    if (dice_.one_in(2)) {
      line(fmt::format("unroll ({}) {{", rounds));
      block(1 + dice_.below(2));
    } else {
      const std::string counter = fmt::format("$c{}", variables_++);
      line(fmt::format("{} = 0;", counter));
      line(fmt::format("while ({} < {}) {{", counter, rounds));
      ++depth_;
      line(fmt::format("{}++;", counter));
      --depth_;
      block(1 + dice_.below(2));
    }
    line("}");
    --loops_;
    rounds_ /= rounds;
  }

  void print() {
    if (dice_.one_in(2)) return line(fmt::format("print({});", dice_.one_in(3) ? text(2) : number(2)));
    const MapKind& map = dice_.pick(maps_);
    // A map that is nowhere given a value can't be printed: it gets one here.
    give_value(map);
    line(fmt::format("print({}{});", map.name, dice_.one_in(3) ? fmt::format(", {}", 1 + dice_.below(9)) : ""));
  }

  void give_value(const MapKind& map) {
    if (map.value == MapKind::Value::number) line(fmt::format("{} = {};", element(map), number(1)));
    if (map.value == MapKind::Value::text) line(fmt::format("{} = {};", element(map), text(1)));
    if (map.value == MapKind::Value::aggregate)
      line(fmt::format("{} = {}({});", element(map), map.aggregate,
                       map.aggregate == "count" ? "" : number(1) + map.shape));
  }

  void message() {
    if (dice_.one_in(6)) return line("time(\"%H:%M:%S\\n\");");
    std::string format, values;
    for (uint64_t i = dice_.below(4); i > 0; --i) {
      constexpr const char* conversions[] = {"%d", "%u", "%x", "%5d", "%lx"};
      const bool is_text = dice_.one_in(3);
      format += is_text ? "%s " : std::string(dice_.pick(conversions)) + " ";
      values += ", " + (is_text ? text(2) : number(2));
    }
    line(fmt::format("printf(\"{}\\n\"{});", format, values));
  }

  void erase() {
    const MapKind& map = dice_.pick(maps_);
    if (dice_.one_in(3)) {
      give_value(map);
      return line(fmt::format("{}({});", dice_.one_in(2) ? "clear" : "zero", map.name));
    }
    line(fmt::format("delete({});", element(map)));
  }

  void leave() {
    if (loops_ > 0 && dice_.one_in(2)) {
      line(fmt::format("if ({}) {{ {}; }}", number(2), dice_.one_in(2) ? "break" : "continue"));
    } else if (dice_.one_in(3)) {
      line(fmt::format("if ({}) {{ return; }}", number(2)));
    } else if (dice_.one_in(4)) {
      line(fmt::format("if ({}) {{ exit(); }}", number(2)));
    } else {
      constexpr const char* keys[] = {"ustack(3)", "ustack(5)", "kstack(3)", "ustack", "func", "probe", "username", "ksym(pid)",
                                      "usym(pid)", "strerror(pid)", "ntop(pid)", "strftime(\"%H\", nsecs)", "buf(comm, 5)",
                                      "macaddr(pid)", "signal_name(pid)", "syscall_name(pid)", "cgroup_path(cgroup)"};
      // Loops within loops leave too little of BPF's stack for a walk up the process's: such scripts are refused.
      constexpr size_t of_the_process = 4;
      const size_t first = loops_ > 1 ? of_the_process : 0;
      const size_t which = first + dice_.below(std::size(keys) - first);
      line(fmt::format("@of{}[{}] = count();", which, keys[which]));
    }
  }

  // ---- expressions ----

  std::string number(uint64_t deep) {
    if (deep == 0 || dice_.one_in(4)) return plain_number();
    switch (dice_.below(14)) {
      case 11: return read_aggregate();
      case 12:
        if (!has_text_function_) return plain_number();
        return fmt::format("ft({}, (uint8)({}))", text(deep - 1), number(deep - 1));
      case 13:
        if (!takes_block_) return plain_number();
        return fmt::format("{{ let $z{0} = {1}; $z{0} + {2} }}", variables_++, number(deep - 1), number(deep - 1));
      case 9: return function_of_texts(deep - 1);
      case 10:
        if (functions_ == 0) return plain_number();
        return fmt::format("f{}({}, {})", dice_.below(functions_), number(deep - 1), number(deep - 1));
      case 0: return fmt::format("({})({})", dice_.pick(casts), number(deep - 1));
      case 1: return fmt::format("({} ? {} : {})", number(deep - 1), number(deep - 1), number(deep - 1));
      case 2: return fmt::format("({} {} {})", text(deep - 1), dice_.one_in(2) ? "==" : "!=", text(deep - 1));
      case 3: return fmt::format("{}({})", dice_.pick(unary), number(deep - 1));
      default: return fmt::format("({} {} {})", number(deep - 1), dice_.pick(binary), number(deep - 1));
    }
  }

  // Only one that is given a value somewhere can be read: one by itself.
  std::string read_aggregate() {
    constexpr const char* known[] = {"@total", "@least", "@most", "@mean", "@times"};
    return dice_.pick(known);
  }

  std::string function_of_texts(uint64_t deep) {
    switch (dice_.below(8)) {
      case 6: return fmt::format("strlen(str_concat({}, {}))", text(deep), text(deep));
      case 7: return fmt::format("memcmp({}, {}, {})", text(0), text(0), 1 + dice_.below(70));
      case 0: return fmt::format("strlen({})", text(deep));
      case 1: return fmt::format("strncmp({}, {}, {})", text(deep), text(deep), 1 + dice_.below(20));
      case 2: return fmt::format("strcontains({}, {})", text(deep), dice_.pick(texts));
      case 3: return fmt::format("strstr({}, {})", text(deep), dice_.pick(texts));
      case 4: return fmt::format("bswap(({})({}))", dice_.pick(casts), number(deep));
      default:
        if (!surroundings_.has_kernel_types) return "rand";
        return fmt::format("((struct task_struct *)curtask)->{}", dice_.one_in(2) ? "pid" : "prio");
    }
  }

  std::string plain_number() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
        if (!readable_.empty() && dice_.one_in(2)) return dice_.pick(readable_);
        if (!numbers_.empty()) return dice_.pick(numbers_);
        break;
      case 2:
        // Only a map that is written somewhere can be read: one by itself.
        return "@n";
      case 3:
        if (has_arguments_) return fmt::format("arg{}", dice_.below(6));
        if (has_result_) return "retval";
        break;
      case 4:
        if (surroundings_.has_kernel_types && dice_.one_in(10)) return "ppid";
        return dice_.pick(words);
      case 5:
        if (has_text_) return "*(uint8 *)arg0";
        break;
      default: break;
    }
    return fmt::format("{}", telling_number(dice_) & INT64_MAX);
  }

  std::string text(uint64_t deep) {
    if (deep > 0 && dice_.one_in(5)) return fmt::format("({} ? {} : {})", number(deep - 1), text(deep - 1), text(deep - 1));
    if (deep > 0 && dice_.one_in(6)) return fmt::format("str_concat({}, {})", text(0), text(0));
    switch (dice_.below(5)) {
      case 0:
        if (!strings_.empty()) return dice_.pick(strings_);
        break;
      case 1: return "comm";
      case 4:
        if (!surroundings_.has_kernel_types) break;
        return dice_.one_in(2) ? "pcomm" : "((struct task_struct *)curtask)->comm";
      case 2:
        if (has_text_) return dice_.one_in(2) ? "str(arg0)" : fmt::format("str(arg0, {})", 1 + dice_.below(80));
        break;
      default: break;
    }
    return dice_.pick(texts);
  }

  static constexpr uint64_t most_rounds = 16;  // of loops within loops, multiplied
  static constexpr const char* casts[] = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool"};
  static constexpr const char* unary[] = {"-", "!", "~"};
  static constexpr const char* binary[] = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>",
                                           "<", "<=", ">", ">=", "==", "!=", "&&", "||"};
  static constexpr const char* words[] = {"pid", "tid", "uid", "gid", "cpu", "nsecs", "elapsed", "rand",
                                          "jiffies", "cgroup", "ncpus", "numaid", "nsecs(boot)"};

  Dice dice_;
  const Surroundings& surroundings_;
  std::string out_ = "BEGIN { @n = 3; @total = sum(5); @least = min(3); @most = max(9); @mean = avg(4); @times = count(); }\n";
  std::vector<MapKind> maps_;
  std::vector<std::string> numbers_, strings_;  // variables that have a value here
  std::vector<std::string> readable_;           // numbers that are not assigned to
  bool has_arguments_ = false, has_text_ = false, has_result_ = false;
  bool has_text_function_ = false, has_macro_ = false, takes_block_ = true;
  uint64_t functions_ = 0, depth_ = 0, rounds_ = 1, variables_ = 0, loops_ = 0;
};

}  // namespace

uint64_t telling_number(Dice& dice) {
  constexpr uint64_t edges[] = {0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
                                0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, INT64_MAX};
  switch (dice.below(4)) {
    case 0: return dice.below(10);
    case 1: return dice.word() >> dice.below(64);
    default: return dice.pick(edges);
  }
}

std::string random_script(uint64_t seed, const Surroundings& surroundings) { return Writer(seed, surroundings).script(); }

}  // namespace zeektrace
