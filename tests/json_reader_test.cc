// JSON as it is read: with places, and with words for what is wrong.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/scenario/json_reader.h"
#include "tests/reader_texts.h"

namespace asyncrt {
namespace {

TEST(JsonReader, CountsCodePointsAndNotBytes) {
  Diagnostics diagnostics;
  const auto json = ReadJson("{ \"ä€😀\": [1,\n -20] }", diagnostics);
  ASSERT_NE(json, nullptr);
  const Json& list = json->members[0].value;
  EXPECT_EQ(list.pointer, "/ä€😀");
  EXPECT_EQ(list.place.column, 10u);
  EXPECT_EQ(list.place.end_line, 2u);
  EXPECT_EQ(list.place.end_column, 6u);
  EXPECT_EQ(list.items[1].integer, -20);
  EXPECT_EQ(list.items[1].place.column, 2u);
  EXPECT_EQ(list.items[1].place.end_column, 5u);
  EXPECT_EQ(list.items[1].pointer, "/ä€😀/1");
}

TEST(JsonReader, EscapesPointersAndDecodesStrings) {
  Diagnostics diagnostics;
  const auto json = ReadJson(R"({ "a/b~c": "\u00e4\ud83d\ude00\n" })", diagnostics);
  ASSERT_NE(json, nullptr);
  EXPECT_EQ(json->members[0].value.pointer, "/a~1b~0c");
  EXPECT_EQ(json->members[0].value.text, "ä😀\n");
}

TEST(JsonReader, AcceptsCommentsAndAByteOrderMark) {
  Good("\xEF\xBB\xBF// first\n{ \"name\": \"t\", /* no ops */ \"main\": [] } // last");
}

TEST(JsonReader, KeepsIntegersThatAreTooBigAsReals) {
  Diagnostics diagnostics;
  const auto json = ReadJson("[9223372036854775807, 9223372036854775808, 1e400]", diagnostics);
  ASSERT_NE(json, nullptr);
  EXPECT_EQ(json->items[0].kind, Json::Kind::kInteger);
  EXPECT_EQ(json->items[1].kind, Json::Kind::kReal);
  EXPECT_EQ(json->items[2].kind, Json::Kind::kReal);
}

TEST(JsonReader, SaysWhereAnOpenBracketIs) {
  EXPECT_EQ(Errors("{ \"name\": \"t\",\n  \"main\": [ 1"),
            Lines{"2:14 : expected `,` or `]`, found the end of the file; `[` was opened at 2:11"});
  EXPECT_EQ(Errors("{ \"main\": [ 1 }"), Lines{"1:15 : expected `,` or `]`, found `}`; `[` was opened at 1:11"});
}

TEST(JsonReader, HasItsOwnWordsForTrailingCommas) {
  EXPECT_EQ(Errors("{ \"name\": \"t\", \"main\": [], }"), Lines{"1:26 : trailing comma before `}`; remove it"});
}

TEST(JsonReader, ReportsDuplicateKeys) {
  EXPECT_EQ(Errors("{ \"name\": \"t\", \"main\": [], \"name\": \"u\" }"),
            Lines{"1:28 /name: duplicate key `name`; it is already there at 1:3"});
}

TEST(JsonReader, ReportsWhatIsNoJson) {
  EXPECT_EQ(Errors(""), Lines{"1:1 : the file is empty; a scenario is a JSON object"});
  EXPECT_EQ(Errors("hello"), Lines{"1:1 : expected a value, found `hello`; strings stand in double quotes"});
  EXPECT_EQ(Errors("{ 'a': 1 }"), Lines{"1:3 : expected a key in double quotes, found `'`"});
  EXPECT_EQ(Errors("[ True ]"), Lines{"1:3 : expected a value, found `True`; did you mean `true`?"});
  EXPECT_EQ(Errors("[ 012 ]"), Lines{"1:3 : `012` is no number as JSON writes it"});
  EXPECT_EQ(Errors("[] []"), Lines{"1:4 : expected the end of the file, found `[`; a file holds one scenario"});
  EXPECT_EQ(Errors("[ \"abc\n\" ]"),
            Lines{"1:3 : the string that begins here is never closed; close it with `\"`, in the same line"});
  EXPECT_EQ(Errors("[ /* "), Lines{"1:3 : the comment that begins here is never closed; close it with `*/`"});
  EXPECT_EQ(Errors(R"([ "\ud800" ])").size(), 1u);
}

TEST(JsonReader, ReportsInvalidUtf8WithItsPlace) {
  for (const std::string bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82"}) {
    EXPECT_EQ(Errors("{\n \"ä" + bad + "\": 1 }"), Lines{"2:4 : the text is not valid UTF-8; save the file as UTF-8"});
  }
}

TEST(JsonReader, StopsAtDeepNesting) {
  EXPECT_EQ(Errors(std::string(100'000, '[')),
            Lines{"1:1001 : nested more than 1000 levels deep; no scenario needs that"});
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Errors(objects).size(), 1u);
}

TEST(JsonReader, RefusesHugeFilesBeforeReadingThem) {
  EXPECT_EQ(Errors(std::string(kJsonBytesMax + 1, ' ')),
            Lines{"0:0 : the file has 67108865 bytes, which is too much; at most 64 MiB are read"});
}

TEST(JsonReader, BoundsTheTree) {
  std::string text = "[0";
  for (std::size_t i = 0; i < kJsonValuesMax; ++i) text += ",0";
  EXPECT_EQ(Errors(text).size(), 1u);
  // Each value carries its pointer, so a long key times many values would be too much.
  std::string long_key = "{\"" + std::string(1'000'000, 'k') + "\":[0";
  for (int i = 0; i < 10'000; ++i) long_key += ",0";
  EXPECT_EQ(Errors(long_key).size(), 1u);
}

}  // namespace
}  // namespace asyncrt
