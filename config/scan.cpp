#include "config/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*' || c == '_';
}
bool is_name(char c) { return is_name_start(c) || is_digit(c) || c == '-'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

char closing(char bracket) {
  switch (bracket) {
    case '(': return ')';
    case '[': return ']';
    default: return '}';
  }
}

/// False: libconfig, which takes what has no L for 32 bits, would read another number.
bool fits_int(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return error == std::errc{} && end == digits.data() + digits.size() &&
         value <= std::uint64_t{std::numeric_limits<std::int32_t>::max()};
}

}  // namespace

Scanner::Scanner(std::string_view text, std::uint32_t file, Source& out)
    : text_(text), file_(file), out_(out) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some editors put one there
  if (looking_at(byte_order_mark)) at_ += byte_order_mark.size();
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    const auto line =
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
    complain(static_cast<int>(line) + 1,
             {.problem = "there is a NUL byte in this line",
              .allowed = "text in UTF-8",
              .remedy = "Is this the right file? If so, save it as plain text."});
    at_ = text_.size();
    finished_ = true;
  }
}

std::optional<Include> Scanner::copy() {
  // The text before may have ended with any line of any file.
  if (out_.lines.empty()) out_.lines.emplace_back();
  out_.lines.back() = {file_, line_};
  while (!done()) {
    if (peek() == '@' && at_line_start()) {
      if (auto include = take_include()) return include;
    } else if (peek() == '#' || looking_at("//")) {
      skip_line_comment();
    } else if (looking_at("/*")) {
      skip_block_comment();
    } else if (peek() == '"') {
      copy_string();
    } else if (is_digit(peek())) {
      copy_number();
    } else if (is_name_start(peek())) {
      copy_name();
    } else {
      copy_one();
    }
  }
  finish();
  return std::nullopt;
}

bool Scanner::at_line_start() const {
  std::size_t before = at_;
  while (before > 0 && (text_[before - 1] == ' ' || text_[before - 1] == '\t')) --before;
  return before == 0 || text_[before - 1] == '\n';
}

void Scanner::put(char c) {
  out_.text += c;
  last_ = c;
}

void Scanner::put_newline() {
  out_.text += '\n';
  out_.lines.push_back({file_, ++line_});
}

void Scanner::copy_one() {
  const char c = peek();
  ++at_;
  if (c == '\n') {
    put_newline();
  } else if (is_blank(c)) {
    out_.text += c;
  } else if (std::string_view{"()[]{}"}.find(c) != std::string_view::npos) {
    copy_bracket(c);
  } else {
    count(c);
    put(c);
  }
}

void Scanner::count(char c) {
  Opened& here = opened_.back();
  if (c == ',') {
    const bool after_element =
        last_ != '\0' && std::string_view{"([{,;="}.find(last_) == std::string_view::npos;
    comma_ = after_element ? out_.text.size() : std::string::npos;
    ++here.elements;
  } else if (c == '=' || c == ':') {
    ++here.keys;
  }
  if (too_many_ || (here.keys <= keys_max && here.elements <= elements_max)) return;
  too_many_ = true;
  complain(line_, {.problem = here.keys > keys_max ? "there are too many keys in one group"
                                                   : "there are too many elements in one list",
                   .allowed = fmt::format("at most {} keys in a group, {} elements in a list",
                                          keys_max, elements_max),
                   .remedy = "Is this the right file?"});
}

void Scanner::copy_bracket(char bracket) {
  const bool opens = bracket == '(' || bracket == '[' || bracket == '{';
  if (!opens) {
    close(bracket);
    return;
  }
  put(bracket);
  opened_.push_back({bracket, line_});
  if (opened_.size() <= nesting_max + 1 || too_deep_) return;
  too_deep_ = true;
  complain(line_, {.problem = "brackets are nested too deeply",
                   .allowed = fmt::format("{} within each other", nesting_max),
                   .remedy = "Look for brackets that are not closed."});
}

void Scanner::close(char bracket) {
  if (opened_.size() == 1) {
    complain(line_, {.problem = fmt::format("'{}' closes nothing", bracket),
                     .allowed = "brackets in pairs",
                     .remedy = "Remove it, or look for one too many above."});
    return;
  }
  const Opened open = opened_.back();
  opened_.pop_back();
  const char expected = closing(open.bracket);
  if (bracket != expected) {
    complain(line_, {.problem = fmt::format("'{}' where '{}' must close the '{}' of line {}",
                                            bracket, expected, open.bracket, open.line),
                     .allowed = "brackets in pairs",
                     .remedy = fmt::format("Is a '{}' missing before it?", expected)});
    // If it closes one further out, those between are what was forgotten: said once is enough.
    std::size_t outer = opened_.size();
    while (outer > 1 && closing(opened_[outer - 1].bracket) != bracket) --outer;
    if (outer > 1) opened_.resize(outer - 1);
  }
  if (last_ == ',' && comma_ != std::string::npos && bracket != '}') out_.text[comma_] = ' ';
  put(bracket);
}

void Scanner::copy_name() {
  while (is_name(peek())) put(text_[at_++]);
}

void Scanner::copy_number() {
  const std::size_t first = at_;
  const bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
  if (hex) at_ += 2;
  const std::size_t digits = at_;
  while (hex ? is_hex(peek()) : is_digit(peek())) ++at_;
  const bool wide = !fits_int(text_.substr(digits, at_ - digits), hex ? 16 : 10);
  const bool fraction = !hex && (peek() == '.' || peek() == 'e' || peek() == 'E');
  if (fraction) {
    ++at_;
    while (is_digit(peek()) || ((peek() == '-' || peek() == '+') && peek(1) != '\0') ||
           peek() == 'e' || peek() == 'E') {
      ++at_;
    }
  }
  for (const char c : text_.substr(first, at_ - first)) put(c);
  if (wide && !fraction && peek() != 'L') put('L');
  while (peek() == 'L') put(text_[at_++]);
}

void Scanner::copy_string() {
  const int opened_at = line_;
  put(text_[at_++]);
  while (!done() && peek() != '"') {
    if (looking_at("\\x00")) {
      complain(line_, {.problem = "there is a NUL byte (\\x00) in this string",
                       .allowed = "text in UTF-8",
                       .remedy = "Remove it."});
    }
    if (peek() == '\n') {
      ++at_;
      put_newline();
      continue;
    }
    if (peek() == '\\') put(text_[at_++]);
    if (!done() && peek() != '\n') put(text_[at_++]);
  }
  if (done()) {
    complain(opened_at, {.problem = "the string that begins in this line does not end",
                         .allowed = "strings between double quotes",
                         .remedy = "Put the missing '\"' behind it."});
    return;
  }
  put(text_[at_++]);
}

void Scanner::skip_line_comment() {
  while (!done() && peek() != '\n') ++at_;
}

void Scanner::skip_block_comment() {
  const int opened_at = line_;
  at_ += 2;
  out_.text += ' ';  // what it parts stays apart
  while (!done() && !looking_at("*/")) {
    if (text_[at_++] == '\n') put_newline();
  }
  if (done()) {
    complain(opened_at, {.problem = "the comment that begins in this line does not end",
                         .allowed = "comments between /* and */",
                         .remedy = "Put the missing */ behind it."});
  }
  at_ = std::min(at_ + 2, text_.size());
}

std::optional<Include> Scanner::take_include() {
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  const std::string_view directive = text_.substr(at_, end - at_);
  constexpr std::string_view keyword = "@include";
  const std::size_t first = directive.find('"');
  const std::size_t last = directive.find('"', first + 1);  // npos + 1 is 0: there is none then
  const std::string_view before = directive.substr(0, first);
  const bool well_formed = first != std::string_view::npos && last != std::string_view::npos &&
                           last > first + 1 && before.substr(0, keyword.size()) == keyword &&
                           std::all_of(before.begin() + keyword.size(), before.end(), is_blank);
  if (!well_formed) {
    complain(line_, {.value = in_quotes(directive),
                     .problem = "is not an @include",
                     .allowed = "@include \"FILE\"",
                     .remedy = "Write the file name in double quotes."});
    at_ = end;
    return std::nullopt;
  }
  at_ += last + 1;
  if (peek() == ';') ++at_;
  return Include{std::string{directive.substr(first + 1, last - first - 1)}, {file_, line_}};
}

void Scanner::finish() {
  if (finished_) return;
  finished_ = true;
  for (const Opened& open : opened_) {
    if (open.bracket == '\0' || too_deep_) continue;
    complain(open.line,
             {.problem = fmt::format("the '{}' in this line is never closed", open.bracket),
              .allowed = "brackets in pairs",
              .remedy = fmt::format("Put the missing '{}' behind what it holds.",
                                    closing(open.bracket))});
  }
  // The next file, or what follows the @include, begins with a line of its own.
  if (!out_.text.empty() && out_.text.back() != '\n') put_newline();
}

void Scanner::complain(int line, Error error) {
  error.file = out_.files[file_];
  error.line = line;
  errors_.push_back(std::move(error));
}

}  // namespace config
