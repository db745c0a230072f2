// What the standard library's classes (and Zeek's pointer) are made of, for scripts that should not have to know: a vector's size, a string's
// text, what a unique_ptr points to. One table, data only; a row holds for a class whose members it finds, so that a
// library of another make or age is another row, and one that is laid out in no known way has no view at all.
#pragma once

#include <span>
#include <string_view>

namespace zeektrace {

// A path is a chain of members, "a.b.c"; pointers on it are followed; ":name" is the base whose name begins so, ":" the
// first one.
struct View {
  enum class Kind {
    place,     // what stands at `path`
    distance,  // how many elements lie between the pointers at `less` and at `path`
    extent,    // how many elements the array at `path` has
    blocks,    // libstdc++'s deque: elements in the blocks between its iterators _M_start and _M_finish, within `path`
  };
  std::string_view of;      // the class, without template arguments and inline namespaces
  std::string_view member;  // its name in scripts: also one of the words below
  Kind kind = Kind::place;
  std::string_view path;
  std::string_view less;
};

// What `member` can be beside a name.
constexpr std::string_view view_text = "str()";      // the characters of a string; its "size" is their number
constexpr std::string_view view_elements = "[]";     // the first element's address, or an array; "size" bounds the index
constexpr std::string_view view_arrow = "->";        // the object whose members count as its own

std::span<const View> all_views();

}  // namespace zeektrace
