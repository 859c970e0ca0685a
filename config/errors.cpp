#include "config/errors.h"

#include <fmt/format.h>

#include <algorithm>

namespace config {
namespace {

constexpr std::size_t shown_max = 80;

// Insertions, deletions, replacements and swaps of neighbours that make one of the other. Names are
// short: see nearest().
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
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
  return found == nullptr ? std::string{} : fmt::format(" Did you mean {}?", in_quotes(*found));
}

}  // namespace config
