// Names in records, looked up as C++ does: a record's own members (those of its anonymous members among them) hide
// those of its bases; what two bases have is ambiguous. Then what the views (views.h) add, then bases by their own
// name. Pure: all that is asked are the Records that a type belongs to.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "parser/access.h"
#include "parser/diagnostic.h"
#include "parser/records.h"

namespace zeektrace {

// Why there is no such thing: a Code whose wording has these three words at most.
struct Refusal {
  Code code = Code::unknown_member;
  std::string words[3];
  std::string hint;  // in the place of the row's, when it is not ""
};
template <class T>
using Found = std::variant<T, Refusal>;

// What is reached when references are followed.
AccessPath through_references(AccessPath place);
Type through_references(const Type& type);

// `object` is a record, or a pointer to one; the AccessPath begins at its address. Real members only.
Found<Access> find_member(const AccessPath& object, std::string_view name);
// The base, at any depth, whose name without inline namespaces begins with `name`; the first when there are several.
Found<Access> find_base(const AccessPath& object, std::string_view name);
// A member that the record has, or that a view adds.
Found<Access> member_access(const Type& object, std::string_view name);
// object[…]: of a pointer, an array, or a record with a view that has elements.
Found<Access> element_access(const Type& object);
// Where the text of an array of characters or of a string class is.
Found<TextSource> text_source(const Type& object);

// A type's own name: "std::vector" of "std::vector<int, std::allocator<int> >", inline namespaces of the standard
// libraries left out.
std::string plain_name(std::string_view name);

}  // namespace zeektrace
