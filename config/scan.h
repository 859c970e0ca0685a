// Scanner: copies the text of one file into a Source, token by token, for libconfig to parse.
//
// Knows as much of libconfig's grammar as source.h promises: comments, strings, numbers, brackets
// and
// @include. Everything else is copied as it is; whether it is right is libconfig's to say.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace config {

struct Include {
  std::string path;
  Place place;
};

class Scanner {
 public:
  /// `text` must outlive the scanner; `file` is the index of its name in `out.files`.
  Scanner(std::string_view text, std::uint32_t file, Source& out);

  /// Copies until the end of the text, or until the next @include, which is returned: the caller
  /// puts the file there and calls again.
  [[nodiscard]] std::optional<Include> copy();
  [[nodiscard]] Errors take_errors() { return std::move(errors_); }

 private:
  struct Opened {
    char bracket = '\0';  // the file itself
    int line = 0;
    std::size_t keys = 0;
    std::size_t elements = 1;
  };

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool looking_at(std::string_view expected) const {
    return text_.substr(at_, expected.size()) == expected;
  }
  [[nodiscard]] bool at_line_start() const;

  void put(char c);
  void put_newline();
  void copy_one();
  void copy_bracket(char bracket);
  void close(char bracket);
  void count(char c);
  void copy_name();
  void copy_number();
  void copy_string();
  void skip_line_comment();
  void skip_block_comment();
  std::optional<Include> take_include();
  void finish();
  void complain(int line, Error error);

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::uint32_t file_;
  Source& out_;
  std::vector<Opened> opened_{{}};
  char last_ = '\0';                       // the last byte that is not white space or comment
  std::size_t comma_ = std::string::npos;  // where in the output a list may end with it
  bool too_deep_ = false;
  bool too_many_ = false;
  bool finished_ = false;
  Errors errors_;
};

}  // namespace config
