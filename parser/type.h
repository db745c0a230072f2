// What a value is. Integers are 64 bits wide wherever they are computed with or stored by us (keys, records, map
// values); `size` and `is_signed` say how wide one is where it is read from memory, and how it is printed.
// Aggregations are types of map values only; nothing in the language holds one in a variable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

class Records;  // parser/records.h

// What an enumeration's numbers are called.
using EnumNames = std::map<int64_t, std::string>;

struct Type {
  enum class Kind : uint8_t {
    none,     // what a call like printf() gives
    integer,  // size 1, 2, 4 or 8
    string,   // size bytes, NUL-terminated and zero-padded
    pointer,  // an address; `pointee` says to what
    kstack,   // a StackKey (program.h)
    ustack,   // a StackKey
    ksym,     // an address of the kernel, shown as its symbol
    usym,     // a UserAddress (program.h), shown as its symbol
    probe,    // index of an attach point, shown as its full name
    func,     // index of an attach point, shown as its function's name
    real,     // a float (size 4) or a double (8): its bits are carried and shown, nothing computes with them
    array,    // `count` times `pointee`, side by side; evaluated, it is the address of the first
    record,   // a struct, class or union; evaluated, it is its address. `records` says what it is made of
    zstack,   // a hash: the key of ScriptFrames (zeek_stack.h)
    zustack,  // a MergedStackKey (zeek_stack.h)
    uid,      // the two words of a Zeek connection's uid; zeroes: there is none
    node,     // a process id, shown as the name of the cluster node that the process is
    type_name,  // size bytes: the mangled name of a C++ type, shown demangled
    inet,       // an IPv6 address in network order; one that is IPv4, mapped (RFC 4291, 2.5.5.2), is shown as such
    subnet,     // the same and a byte more: how many of its 128 bits are the prefix
    port,       // a port's number and, above its 16 bits, its protocol (parser/network.h): "53/udp"
    enumeration,  // a number, shown by its name in `names`
    timestamp,    // nanoseconds since boot, shown as strftime shows the time of day; `name` is its format
    mac,          // 6 bytes of a link-layer address
    buffer,       // u64 length, then at most `size` bytes
    cgroup_path,  // a control group's number, shown as its path; `name` is a glob for its hierarchy
    user,         // a user's number, shown as the user's name
    tuple,        // `items`, one after the other, each in its own storage; with `item_names` it is a record of the script's own
    // Aggregations, one map value for each CPU.
    count,  // u64
    sum,    // 64 bits, signed as is_signed says
    min,    // an ExtremeRank (program.h)
    max,    // an ExtremeRank
    avg,    // {count, total}
    stats,  // {count, total}
    hist,   // u64 a bucket; Buckets::bits
    lhist,  // u64 a bucket; Buckets::min, max, step
    tseries,  // Buckets::max times a SeriesSlot (program.h); step: nanoseconds a slot, bits: a SeriesFold
  };

  // The shape of a histogram (log2: bits; linear: min, max, step).
  struct Buckets {
    int32_t bits = 0;
    int64_t min = 0;
    int64_t max = 0;
    int64_t step = 0;
    bool operator==(const Buckets&) const = default;
  };

  Kind kind = Kind::none;
  uint32_t size = 0;
  bool is_signed = false;
  bool is_bool = false;  // an integer that is 0 or 1
  // Of an integer in a variable or a map, where it takes 8 bytes: how many the widest had that was assigned; 0 as `size` says.
  uint32_t width = 0;
  bool narrow_unsigned = false;  // with a width below 8: none of them was signed
  // A pointer that is a C++ reference. Only a Field or a Member has such a type: an expression that names one has the
  // type of what it refers to, and its value is read from there.
  bool is_reference = false;
  std::shared_ptr<const Type> pointee;
  Buckets buckets;
  uint32_t count = 0;                // of an array's elements
  Records* records = nullptr;        // who describes this record; the Machine owns it and outlives every Type
  uint64_t record = 0;               // which one, in the words of `records`
  std::string name;                  // a record's, "zeek::EventHandler"; also an enumeration's or a typedef's
  // Of Kind::enumeration; also of an integer that is one of C's enumerations: what %s and print() show for it.
  std::shared_ptr<const EnumNames> names;
  std::vector<Type> items;                 // of a tuple
  std::vector<std::string> item_names;
  // A record that is not there where its address is 0: what is read of it is then 0 or empty, and no failure.
  bool can_be_unset = false;
  // A text that was read into so much room and no more: one that fills it was cut, perhaps.
  bool can_be_cut = false;
  // A tuple that is an array of the script's own: its items have one type.
  bool is_list = false;

  static Type integer(uint32_t size, bool is_signed);
  static Type boolean();
  static Type string(uint32_t size);
  static Type type_name(uint32_t size);
  static Type pointer(Type pointee);
  static Type reference(Type referred);
  static Type real(uint32_t size);
  static Type array(Type element, uint32_t count);
  static Type inet();
  static Type subnet();
  static Type port();
  static Type buffer(uint32_t size);
  static Type shown_by(Kind kind, std::string name);  // timestamp, cgroup_path
  static Type enumeration(std::string name, std::shared_ptr<const EnumNames> names);
  static Type of_record(Records* records, uint64_t record, std::string name, uint32_t size);
  static Type tuple(std::vector<Type> items, std::vector<std::string> names = {});
  static Type list(const Type& item, uint32_t count);
  static Type of(Kind kind);  // kinds that need nothing more

  bool is_integer() const { return kind == Kind::integer; }
  uint32_t integer_width() const { return width > 0 ? width : size; }
  // What a variable's integer was where it was assigned: a uint32, and not the word that it takes.
  Type natural() const { return is_integer() && !is_bool && width > 0 && width < 8 ? integer(width, !narrow_unsigned) : *this; }
  // Of any width, and no truth value; a pointer, too.
  bool is_unsigned_number() const { return is_pointer() || (is_integer() && !is_bool && !natural().is_signed); }
  bool is_string() const { return kind == Kind::string; }
  bool is_pointer() const { return kind == Kind::pointer; }
  bool is_record() const { return kind == Kind::record; }
  bool is_array() const { return kind == Kind::array; }
  bool is_tuple() const { return kind == Kind::tuple; }
  uint32_t item_offset(size_t index) const;  // of a tuple's item; of all of them together, behind the last
  // Values with a notation of their own, which may be compared with one another and with that notation in quotes.
  bool has_notation() const {
    return kind == Kind::inet || kind == Kind::subnet || kind == Kind::port || kind == Kind::enumeration;
  }
  bool is_aggregate() const { return kind >= Kind::count; }
  // Held in a 64-bit register: integers, pointers and the address-like kinds.
  bool is_scalar() const;
  // Bytes that a value takes in a key, a record or a map's value (of one CPU, for aggregations); a multiple of 8.
  uint32_t storage() const;
  // As an error message spells it: "uint64", "string[64]", "int32 *", "count()".
  std::string spelling() const;
  // Same kind, and for pointers, reals, records and histograms the same shape. Sizes and signs of integers and sizes of
  // strings may differ: they convert.
  bool fits(const Type& other) const;
  // The same in all that matters to a value: records by name and size.
  bool same_as(const Type& other) const;
};

// Bytes of a slot of a time series.
constexpr uint32_t series_slot_size = 32;
// "int32", "uint8_t", "unsigned long" …: the words for integers that a script can use; "void" is one byte, as C's pointers to
// it count.
std::optional<Type> integer_named(std::string_view name);
std::vector<std::string_view> integer_names();

// Which item of the one each item of the other is, of two tuples as long: of records by their names. Nothing where they differ.
std::optional<std::vector<size_t>> item_order(const Type& to, const Type& from);
// Whether stored bytes of the one are stored bytes of the other.
bool same_layout(const Type& a, const Type& b);
// What is read of a map's value: of an aggregation its number, where it is one.
Type value_of(const Type& type);

// The integer whose bytes a value is: an array of up to eight bytes, an IPv4 address. Nothing when it is none.
std::optional<Type> integer_of_bytes(const Type& type);

// How many buckets a histogram of this shape has.
//   hist:  0 = negative values, 1 = zero; then (for bits = 0) bucket i+2 counts [2^i, 2^(i+1)). With bits = k each
//          power of two is split into 2^k equal parts and values below 2^(k+1) have a bucket of their own.
//   lhist: 0 = below min, then one a step, the last = max and above.
uint32_t bucket_count(Type::Kind kind, const Type::Buckets& buckets);

// The values that a bucket counts: [low, high). Wider than 64 bits because a log2 bucket may begin at 2^63 and a linear
// one below zero.
struct BucketRange {
  bool has_low = false;   // false for the first bucket: all that is smaller
  bool has_high = false;  // false for the last bucket: all that is larger
  __int128 low = 0;
  __int128 high = 0;
};
BucketRange bucket_range(Type::Kind kind, const Type::Buckets& buckets, uint32_t index);

}  // namespace zeektrace
