#include "tools/spillwayctl/table.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

Table fruit() { return Table({{"NAME"}, {"COUNT", Align::Right}, {"NOTE"}}); }

TEST(Table, AlignsNamesLeftAndNumbersRight) {
  Table table = fruit();
  table.add({"apple", "5", "red"});
  table.add({"fig", "12345678", "blue"});
  EXPECT_EQ(table.text(false),
            "NAME      COUNT  NOTE\n"
            "apple         5  red\n"
            "fig    12345678  blue\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table = fruit();
  table.add({"a → b", "5", "red"});
  table.add({"a fig", "6", "blue"});
  EXPECT_EQ(table.text(false),
            "NAME   COUNT  NOTE\n"
            "a → b      5  red\n"
            "a fig      6  blue\n");
}

TEST(Table, LeavesOutColumnsWithoutText) {
  Table table = fruit();
  table.add({"apple", "", "red"});
  table.add({"fig", "", ""});
  EXPECT_EQ(table.text(false),
            "NAME   NOTE\n"
            "apple  red\n"
            "fig\n");
}

TEST(Table, KeepsAllColumnsWhenThereIsNoRow) {
  EXPECT_EQ(fruit().text(false), "NAME  COUNT  NOTE\n");
}

TEST(Table, HasNoSpacesAtLineEnds) {
  Table table = fruit();
  table.add({"a long name indeed", "1", ""});
  table.add({"x", "", "y"});
  EXPECT_EQ(table.text(false),
            "NAME                COUNT  NOTE\n"
            "a long name indeed      1\n"
            "x                          y\n");
}

TEST(Table, ColoursDoNotCountAsWidth) {
  Table table = fruit();
  table.add({{"apple", Colour::Green}, "5", {"", Colour::Red}});
  table.add({"fig", {"12", Colour::Red}, "blue"});
  EXPECT_EQ(table.text(false),
            "NAME   COUNT  NOTE\n"
            "apple      5\n"
            "fig       12  blue\n");
  EXPECT_EQ(table.text(true),
            "\033[1mNAME\033[0m   \033[1mCOUNT\033[0m  \033[1mNOTE\033[0m\n"
            "\033[32mapple\033[0m      5\n"
            "fig       \033[31m12\033[0m  blue\n");
}

}  // namespace
}  // namespace tools
