// SocketFile: the place of the control socket in the file system, claimed and given back.
//
// Used by api.cpp only. Errors are std::runtime_error with a sentence for the operator.
#pragma once

#include <sys/types.h>

#include <filesystem>

namespace control {

class SocketFile {
 public:
  /// Makes the directory if it is missing and removes what a dead daemon left. Throws if another
  /// daemon listens there, if the path is something else, or if it cannot be a socket's.
  explicit SocketFile(std::filesystem::path path);
  /// Removes the file if it is still the one that bound() saw.
  ~SocketFile();
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// After bind() and before listen(): sets the mode and remembers the file.
  void bound();

 private:
  std::filesystem::path path_;
  ino_t inode_ = 0;  // 0: not bound
};

}  // namespace control
