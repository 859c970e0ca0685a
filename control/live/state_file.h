// StateFile: one small file that is replaced as a whole, or not at all, and survives a power cut.
//
// Written by live_config and history. In two steps, so that what it describes can be done in
// between: prepare() does everything that can fail (writing, fsync), commit() renames. Blocks the
// control thread for as long as the disk takes; the workers do not notice.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace control {

class StateFile {
 public:
  static constexpr std::size_t size_max = 64 * 1024 * 1024;

  explicit StateFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// Abandons what was prepared.
  ~StateFile() { abandon(); }
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  struct Absent {};
  struct Unreadable {
    std::string sentence;
  };
  [[nodiscard]] std::variant<std::string, Absent, Unreadable> read() const;

  /// Writes the text beside the file and makes the directory if need be. Empty text: the file is
  /// to go. nullopt: done; else a sentence with the remedy, and nothing has changed.
  [[nodiscard]] std::optional<std::string> prepare(const std::string& text);
  /// Puts what was prepared in place. CHECKs that something was.
  [[nodiscard]] std::optional<std::string> commit();
  void abandon();

  /// Renames the file to NAME.discarded, in place of an older one. nullopt: done, or there is none.
  [[nodiscard]] std::optional<std::string> set_aside();

 private:
  [[nodiscard]] std::filesystem::path beside() const;
  [[nodiscard]] std::string failure(const char* what) const;
  [[nodiscard]] std::optional<std::string> make_directory() const;
  [[nodiscard]] std::optional<std::string> sync_directory() const;

  enum class Prepared : std::uint8_t { Nothing, Text, Removal };

  std::filesystem::path path_;
  Prepared prepared_ = Prepared::Nothing;
};

}  // namespace control
