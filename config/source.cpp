#include "config/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "config/scan.h"

namespace config {
namespace {

namespace fs = std::filesystem;

constexpr const char* allowed_file = "a regular file of at most 8 MiB in all";

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string reason(int error) { return std::generic_category().message(error); }

/// Says nothing but what is wrong with the file; the caller knows who asked for it.
std::variant<std::string, Error> read_whole(const std::string& path, std::size_t size_max) {
  const auto refused = [](std::string problem, std::string remedy) {
    return Error{.problem = std::move(problem), .allowed = allowed_file, .remedy = remedy};
  };
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) {
    const int error = failed ? failed.value() : ENOENT;
    return refused("cannot be read: " + reason(error), "Check the path.");
  }
  if (fs::is_directory(status)) return refused("is a directory", "Name the file in it.");
  if (!fs::is_regular_file(status)) {
    return refused("is not a regular file", "Copy its content into a file, so that reload works.");
  }
  const std::unique_ptr<std::FILE, CloseFile> file{std::fopen(path.c_str(), "rbe")};
  if (!file) {
    return refused("cannot be read: " + reason(errno),
                   "Give the user that runs spillway the right to read it.");
  }
  // Grows with what is there: room for the largest at each reload would tear the heap.
  std::string text;
  std::array<char, 64 * 1024> part;
  while (text.size() <= size_max) {
    const std::size_t size = std::fread(part.data(), 1, part.size(), file.get());
    if (size == 0) break;
    text.append(part.data(), size);
  }
  if (std::ferror(file.get()) != 0)
    return refused("cannot be read: " + reason(errno), "Try again.");
  if (text.size() > size_max) {
    const std::uintmax_t size = fs::file_size(path, failed);
    return refused(failed ? "is too large" : fmt::format("is too large ({} bytes)", size),
                   "Is this the right file? A thousand targets need some 100 kB.");
  }
  return text;
}

/// Reads files for the scanner and puts included ones in their place.
class Expansion {
 public:
  explicit Expansion(bool may_include) : may_include_(may_include) {}

  void add_file(const std::string& path) {
    const std::size_t left = source_size_max - std::min(source_size_max, source_.text.size());
    auto text = read_whole(path, left);
    if (const auto* error = std::get_if<Error>(&text)) {
      // Of an included file, the one that includes it says where it is wanted.
      complain(open_.empty() ? Place{new_file(path), 0} : wanted_at_, *error, path);
      return;
    }
    open_.push_back(path);
    add_text(std::get<std::string>(text), path);
    open_.pop_back();
  }

  void add_text(std::string_view text, const std::string& name) {
    Scanner scanner{text, new_file(name), source_};
    while (const auto include = scanner.copy()) add_include(*include);
    for (Error error : scanner.take_errors()) errors_.push_back(std::move(error));
  }

  std::variant<Source, Errors> result() && {
    if (errors_.empty()) return std::move(source_);
    std::stable_sort(errors_.begin(), errors_.end(), [this](const Error& a, const Error& b) {
      return std::pair{order(a), a.line} < std::pair{order(b), b.line};
    });
    return std::move(errors_);
  }

 private:
  std::uint32_t new_file(const std::string& name) {
    source_.files.push_back(name);
    return static_cast<std::uint32_t>(source_.files.size() - 1);
  }

  [[nodiscard]] std::ptrdiff_t order(const Error& error) const {
    return std::find(source_.files.begin(), source_.files.end(), error.file) -
           source_.files.begin();
  }

  void complain(Place place, Error error, const std::string& path) {
    error.file = source_.files[place.file];
    error.line = place.line;
    if (place.line > 0) error.value = "@include " + in_quotes(path);
    errors_.push_back(std::move(error));
  }

  /// Relative to the file that includes it, wherever the program runs.
  void add_include(const Include& include) {
    wanted_at_ = include.place;
    if (!may_include_) {
      complain(include.place,
               {.problem = "text that is not in a file cannot include files",
                .allowed = "settings",
                .remedy = "Put the settings here."},
               include.path);
      return;
    }
    const fs::path path = fs::path{open_.back()}.parent_path() / include.path;
    const bool cycle = std::any_of(open_.begin(), open_.end(), [&](const std::string& other) {
      std::error_code ignored;
      return fs::equivalent(path, other, ignored);
    });
    if (cycle || open_.size() >= include_depth_max) {
      complain(include.place,
               {.problem = cycle ? "the file includes itself" : "files are included too deeply",
                .allowed = fmt::format("at most {} files within each other, none twice",
                                       include_depth_max),
                .remedy = "Remove this @include."},
               include.path);
      return;
    }
    add_file(path.string());
  }

  bool may_include_;
  Source source_;
  Errors errors_;
  std::vector<std::string> open_;  // the files that are being read, the outermost first
  Place wanted_at_;
};

}  // namespace

Place Source::place(unsigned line) const {
  if (line == 0 || lines.empty()) return {};
  return lines[std::min<std::size_t>(line, lines.size()) - 1];
}

std::string_view Source::line_text(unsigned line) const {
  std::string_view rest = text;
  for (unsigned skipped = 1; skipped < line; ++skipped) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  constexpr std::string_view blank = " \t\r\f";
  const std::size_t first = rest.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return rest.substr(first, rest.find_last_not_of(blank) - first + 1);
}

std::variant<Source, Errors> load_source(const std::string& path) {
  Expansion expansion{true};
  expansion.add_file(path);
  return std::move(expansion).result();
}

std::variant<Source, Errors> text_source(std::string_view text, const std::string& name) {
  if (text.size() > source_size_max) {
    return Errors{{.file = name,
                   .problem = fmt::format("is too large ({} bytes)", text.size()),
                   .allowed = "at most 8 MiB",
                   .remedy = "A thousand targets need some 100 kB."}};
  }
  Expansion expansion{false};
  expansion.add_text(text, name);
  return std::move(expansion).result();
}

}  // namespace config
