#include "parser/views.h"

namespace zeektrace {
namespace {

using Kind = View::Kind;

// libstdc++: the members are those of GCC 12's headers (include/bits, include/std), named behind each group; they are its
// ABI since GCC 5 (_GLIBCXX_USE_CXX11_ABI). The strings of the older ABI, which share their characters and have no
// _M_string_length, match no row.
constexpr View views[] = {
    // basic_string.h: _Alloc_hider _M_dataplus, _M_string_length
    {"std::basic_string", view_text, Kind::place, "_M_dataplus._M_p"},
    {"std::basic_string", view_elements, Kind::place, "_M_dataplus._M_p"},
    {"std::basic_string", "data", Kind::place, "_M_dataplus._M_p"},
    {"std::basic_string", "size", Kind::place, "_M_string_length"},
    {"std::basic_string", "length", Kind::place, "_M_string_length"},
    // string_view
    {"std::basic_string_view", view_text, Kind::place, "_M_str"},
    {"std::basic_string_view", view_elements, Kind::place, "_M_str"},
    {"std::basic_string_view", "data", Kind::place, "_M_str"},
    {"std::basic_string_view", "size", Kind::place, "_M_len"},
    {"std::basic_string_view", "length", Kind::place, "_M_len"},
    // stl_vector.h: _Vector_impl_data; vector<bool> (stl_bvector.h) keeps iterators there, and is not counted so
    {"std::vector", view_elements, Kind::place, "_M_impl._M_start"},
    {"std::vector", "data", Kind::place, "_M_impl._M_start"},
    {"std::vector", "size", Kind::distance, "_M_impl._M_finish", "_M_impl._M_start"},
    {"std::vector", "capacity", Kind::distance, "_M_impl._M_end_of_storage", "_M_impl._M_start"},
    // array
    {"std::array", view_elements, Kind::place, "_M_elems"},
    {"std::array", view_text, Kind::place, "_M_elems"},
    {"std::array", "size", Kind::extent, "_M_elems"},
    // span
    {"std::span", view_elements, Kind::place, "_M_ptr"},
    {"std::span", "data", Kind::place, "_M_ptr"},
    {"std::span", "size", Kind::place, "_M_extent._M_extent_value"},
    // optional: _Optional_payload_base
    {"std::optional", "has_value", Kind::place, "_M_payload._M_engaged"},
    {"std::optional", "value", Kind::place, "_M_payload._M_payload._M_value"},
    {"std::optional", view_arrow, Kind::place, "_M_payload._M_payload._M_value"},
    // unique_ptr.h: a tuple of pointer and deleter; tuple: _Head_base
    {"std::unique_ptr", "get", Kind::place, "_M_t._M_t.:std::_Head_base<0._M_head_impl"},
    {"std::unique_ptr", view_arrow, Kind::place, "_M_t._M_t.:std::_Head_base<0._M_head_impl"},
    {"std::unique_ptr", view_elements, Kind::place, "_M_t._M_t.:std::_Head_base<0._M_head_impl"},
    // shared_ptr_base.h: __shared_ptr, __weak_ptr, __shared_count, _Sp_counted_base
    {"std::shared_ptr", "get", Kind::place, "_M_ptr"},
    {"std::shared_ptr", view_arrow, Kind::place, "_M_ptr"},
    {"std::shared_ptr", "use_count", Kind::place, "_M_refcount._M_pi._M_use_count"},
    {"std::weak_ptr", "use_count", Kind::place, "_M_refcount._M_pi._M_use_count"},
    // stl_tree.h: _Rb_tree_header
    {"std::map", "size", Kind::place, "_M_t._M_impl._M_node_count"},
    {"std::set", "size", Kind::place, "_M_t._M_impl._M_node_count"},
    {"std::multimap", "size", Kind::place, "_M_t._M_impl._M_node_count"},
    {"std::multiset", "size", Kind::place, "_M_t._M_impl._M_node_count"},
    // hashtable.h
    {"std::unordered_map", "size", Kind::place, "_M_h._M_element_count"},
    {"std::unordered_set", "size", Kind::place, "_M_h._M_element_count"},
    {"std::unordered_multimap", "size", Kind::place, "_M_h._M_element_count"},
    {"std::unordered_multiset", "size", Kind::place, "_M_h._M_element_count"},
    // stl_list.h: _List_node_header; stl_deque.h: _Deque_impl_data
    {"std::list", "size", Kind::place, "_M_impl._M_node._M_size"},
    {"std::deque", "size", Kind::blocks, "_M_impl"},
    // atomic_base.h, and atomic for pointers and bool
    {"std::atomic", "load", Kind::place, "_M_i"},
    {"std::atomic", "load", Kind::place, "_M_b._M_p"},
    {"std::atomic", "load", Kind::place, "_M_base._M_i"},
    // Zeek, IntrusivePtr.h
    {"zeek::IntrusivePtr", "get", Kind::place, "ptr_"},
    {"zeek::IntrusivePtr", view_arrow, Kind::place, "ptr_"},
    // ZeekString.h; and as a script's value of the type string (probes/zeek/types.h)
    {"zeek::String", view_text, Kind::place, "b"},
    {"zeek::String", "size", Kind::place, "n"},
    {"string", view_text, Kind::place, "b"},
    {"string", "size", Kind::place, "n"},
};

}  // namespace

std::span<const View> all_views() { return views; }

}  // namespace zeektrace
