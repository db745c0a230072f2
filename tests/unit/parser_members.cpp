// Members, elements and views, over types made by hand.
#include "parser/members.h"

#include <gtest/gtest.h>

#include "tests/golden/shapes.h"

namespace zeektrace {
namespace {

class MembersTest : public testing::Test {
 protected:
  Shapes shapes;

  // "type at 8,0 bits 3+5" of object.name; why not, when there is none.
  static std::string told(const Found<Access>& found) {
    if (auto* refusal = std::get_if<Refusal>(&found)) {
      std::string text;
      for (const DiagnosticRow& row : diagnostic_rows())
        if (row.code == refusal->code) text = row.tag;
      for (const std::string& word : refusal->words)
        if (!word.empty()) text += " " + word;
      return text;
    }
    const Access& access = std::get<Access>(found);
    if (access.count) return "a count";
    std::string text = fmt::format("{} at {}", access.place.type.spelling(), fmt::join(access.place.adds, ","));
    if (access.place.bit_size) text += fmt::format(" bits {}+{}", access.place.bit_offset, access.place.bit_size);
    if (access.stride) text += fmt::format(" each {}", access.stride);
    return text;
  }
  std::string member(const Type& type, std::string_view name) { return told(member_access(type, name)); }
};

TEST_F(MembersTest, are_the_records_own_its_anonymous_ones_and_its_bases) {
  EXPECT_EQ(member(shapes.shape, "corner"), "point at 48");
  EXPECT_EQ(member(Type::pointer(shapes.shape), "corner"), "point at 48");
  EXPECT_EQ(member(shapes.shape, "letter"), "int8 at 80");
  EXPECT_EQ(member(shapes.shape, "id"), "int64 at 8");
  EXPECT_EQ(member(shapes.shape, "extra"), "uint16 at 28");
  EXPECT_EQ(member(shapes.shape, "small"), "int32 at 40 bits 3+5");
  EXPECT_EQ(member(shapes.shape, "colour"), "ns::colour at 88");
  EXPECT_EQ(member(shapes.shape, "to"), "point at 192,0") << "a reference is seen through";
}

TEST_F(MembersTest, that_two_bases_have_want_the_bases_name) {
  EXPECT_EQ(member(shapes.shape, "shared"), "ambiguous_member shared ns::base ns::side");
  EXPECT_EQ(member(shapes.shape, "side"), "ns::side at 24");
  EXPECT_EQ(member(shapes.side, "shared"), "int32 at 0");
}

TEST_F(MembersTest, are_refused_with_the_reason) {
  EXPECT_EQ(member(shapes.shape, "none"), "unknown_member ns::shape none");
  EXPECT_EQ(member(shapes.shape, "distant"), "unavailable distant ns::far it is in a virtual base");
  EXPECT_EQ(member(shapes.shape, "wide"), "unavailable wide ns::shape its type, uint128, is none that can be read");
  EXPECT_EQ(member(shapes.hidden, "x"), "incomplete_type ns::hidden it is only declared in this binary");
  EXPECT_EQ(member(shapes.int32, "x"), "no_members int32");
  EXPECT_EQ(member(Type::pointer(Type::pointer(shapes.shape)), "id"), "no_members ns::shape **");
}

TEST_F(MembersTest, of_views_are_found_where_the_library_keeps_them) {
  EXPECT_EQ(member(shapes.string, "size"), "uint64 at 8");
  EXPECT_EQ(member(shapes.string, "data"), "int8 * at 0");
  EXPECT_EQ(member(shapes.old_string, "size"), "unknown_member " + shapes.old_string.name + " size");
  EXPECT_EQ(member(shapes.vector, "data"), "int32 * at 0");
  EXPECT_EQ(member(shapes.owner, "get"), "point * at 0");
  EXPECT_EQ(member(shapes.owner, "y"), "int32 at 0,4") << "as -> of the pointer that it holds";
  EXPECT_EQ(member(shapes.owner, "_M_t"), "std::__uniq_ptr_data<point, std::default_delete<point>, true, true> at 0");
}

TEST_F(MembersTest, can_be_reached_on_the_way_and_be_unset) {
  EXPECT_EQ(member(shapes.flow, "id"), "flow_id at 56,8,0");
  EXPECT_EQ(member(shapes.flow, "net"), "subnet at 56,40,32,0");
  EXPECT_EQ(member(shapes.flow, "state"), "enum state at 56,24");
  auto net = std::get<Access>(member_access(shapes.flow, "net"));
  ASSERT_TRUE(net.present && net.present->terms.size() == 1);
  EXPECT_EQ(net.present->terms[0].from.adds, (std::vector<int64_t>{56, 32}));
  EXPECT_FALSE(net.otherwise);
  auto rejected = std::get<Access>(member_access(shapes.flow, "rejected"));
  ASSERT_TRUE(rejected.otherwise);
  EXPECT_EQ(rejected.otherwise->adds, (std::vector<int64_t>{24, 64, 80, 8}));
}

TEST_F(MembersTest, of_an_anonymous_member_are_found_from_the_whole) {
  Member inner{"inner", shapes.uint64, 8};
  inner.then = {24};
  inner.present = Count{0, {{{{16, 4}, shapes.int32}, AccessPath{{20}, shapes.int32}, 1, 1}}};
  inner.otherwise = AccessPath{{32, 1}, shapes.uint64};
  Type nameless = shapes.records.add({.name = "", .size = 40, .members = {inner}});
  Type whole = shapes.records.add({.name = "whole", .size = 140, .members = {{"", nameless, 100}}});
  auto access = std::get<Access>(member_access(whole, "inner"));
  EXPECT_EQ(access.place.adds, (std::vector<int64_t>{108, 24}));
  EXPECT_EQ(access.present->terms[0].from.adds, (std::vector<int64_t>{116, 4}));
  EXPECT_EQ(access.present->terms[0].less->adds, (std::vector<int64_t>{120}));
  EXPECT_EQ(access.otherwise->adds, (std::vector<int64_t>{132, 1}));
}

TEST_F(MembersTest, can_be_a_number) {
  auto answers = std::get<Access>(member_access(shapes.flow, "answers"));
  EXPECT_EQ(told(member_access(answers.place.type, "size")), "a count");
}

TEST_F(MembersTest, of_views_can_be_counts) {
  auto found = member_access(shapes.vector, "size");
  const Access& access = std::get<Access>(found);
  ASSERT_TRUE(access.count && access.count->terms.size() == 1);
  const Count::Term& term = access.count->terms[0];
  EXPECT_EQ(term.from.adds, std::vector<int64_t>{8});
  ASSERT_TRUE(term.less);
  EXPECT_EQ(term.less->adds, std::vector<int64_t>{0});
  EXPECT_EQ(term.divide, 4u);

  found = member_access(shapes.queue, "size");
  const Count& queue = *std::get<Access>(found).count;
  EXPECT_EQ(queue.fixed, -128) << "512 bytes a block, 4 an element";
  ASSERT_EQ(queue.terms.size(), 3u);
  EXPECT_EQ(queue.terms[0].from.adds, std::vector<int64_t>{72});
  EXPECT_EQ(queue.terms[0].less->adds, std::vector<int64_t>{40});
  EXPECT_EQ(queue.terms[0].divide, 8u);
  EXPECT_EQ(queue.terms[0].multiply, 128u);
}

TEST_F(MembersTest, elements_have_a_stride_and_a_bound) {
  auto table = element_access(Type::array(shapes.point, 3));
  EXPECT_EQ(told(table), "point at 0 each 8");
  EXPECT_EQ(std::get<Access>(table).bound->fixed, 3);
  EXPECT_EQ(told(element_access(Type::pointer(shapes.int32))), "int32 at 0 each 4");
  EXPECT_FALSE(std::get<Access>(element_access(Type::pointer(shapes.int32))).bound);
  EXPECT_FALSE(std::get<Access>(element_access(Type::array(shapes.point, 0))).bound) << "point last[]";
  auto sizes = element_access(shapes.vector);
  EXPECT_EQ(told(sizes), "int32 at 0,0 each 4");
  EXPECT_EQ(std::get<Access>(sizes).bound->terms.size(), 1u);
  EXPECT_EQ(told(element_access(shapes.string)), "int8 at 0,0 each 1");
  EXPECT_EQ(told(element_access(shapes.point)), "wrong_operand [] point");
  EXPECT_EQ(told(element_access(Type::pointer(Type()))), "wrong_operand [] nothing *");
}

TEST_F(MembersTest, texts_are_strings_and_arrays_of_characters) {
  auto text = text_source(shapes.string);
  ASSERT_TRUE(std::holds_alternative<TextSource>(text));
  EXPECT_EQ(std::get<TextSource>(text).data.type.spelling(), "int8 *");
  ASSERT_TRUE(std::get<TextSource>(text).length);
  EXPECT_EQ(std::get<TextSource>(text).length->terms[0].from.adds, std::vector<int64_t>{8});
  EXPECT_TRUE(std::holds_alternative<TextSource>(text_source(Type::array(shapes.character, 8))));
  EXPECT_TRUE(std::holds_alternative<Refusal>(text_source(shapes.old_string)));
  EXPECT_TRUE(std::holds_alternative<Refusal>(text_source(shapes.vector)));
  EXPECT_TRUE(std::holds_alternative<Refusal>(text_source(Type::array(shapes.int32, 8))));
}

TEST(PlainName, leaves_out_arguments_and_inline_namespaces) {
  EXPECT_EQ(plain_name("std::__cxx11::basic_string<char, std::allocator<char> >"), "std::basic_string");
  EXPECT_EQ(plain_name("std::__1::vector<int>"), "std::vector");
  EXPECT_EQ(plain_name("std::map<int, int>::iterator"), "std::map<int, int>::iterator");
  EXPECT_EQ(plain_name("zeek::Obj"), "zeek::Obj");
}

}  // namespace
}  // namespace zeektrace
