#include "config/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace config {
namespace {

constexpr std::size_t shown_max = 80;

// Levenshtein's distance; a swap of neighbours counts as two. Names are short: see did_you_mean().
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string to_string(const Error& error) {
  std::string text = error.file;
  if (error.line > 0) text += fmt::format(":{}", error.line);
  if (!text.empty()) text += ": ";
  text += error.setting;
  if (!error.value.empty()) text += (error.setting.empty() ? "" : " = ") + error.value;
  if (!error.setting.empty() || !error.value.empty()) text += ": ";
  text += error.problem;
  if (!error.allowed.empty()) text += "; allowed: " + error.allowed;
  text += '.';
  if (!error.remedy.empty()) text += ' ' + error.remedy;
  return text;
}

std::string to_string(const Errors& errors) {
  std::string text;
  for (const Error& error : errors) text += to_string(error) + '\n';
  return text;
}

std::string in_quotes(std::string_view text) {
  std::size_t end = std::min(text.size(), shown_max);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  std::string shown = "\"";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown + (end < text.size() ? "…\"" : "\"");
}

const std::string* nearest(std::string_view name, const std::vector<std::string>& known) {
  // Longer than any name by more than what counts as near: no need to compare.
  if (name.size() > shown_max) return nullptr;
  const std::string* found = nullptr;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t far = distance(name, candidate);
    if (far < least) {
      least = far;
      found = &candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::string* found = nearest(name, known);
  return found == nullptr ? std::string{} : fmt::format(" Did you mean \"{}\"?", *found);
}

}  // namespace config
