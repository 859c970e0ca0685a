#include "tools/report/place.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace report {
namespace {

constexpr std::string_view shared_memory_directory = "/dev/shm";  // where glibc's shm_open looks
constexpr std::string_view prefix = "spillway-";

bool may_be_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

bool is_instance_name(std::string_view name) {
  return !name.empty() && name.size() < 64 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), may_be_in_name);
}

std::string segment_name(std::string_view instance) {
  return std::string("/").append(prefix).append(instance);
}

std::string segment_file(std::string_view instance) {
  return std::string(shared_memory_directory) + segment_name(instance);
}

std::filesystem::path default_run_directory() {
  if (geteuid() == 0) return "/run/spillway";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::filesystem::path(runtime) / "spillway";
  return "/tmp/spillway-" + std::to_string(geteuid());
}

std::filesystem::path socket_path(const std::filesystem::path& run_directory,
                                  std::string_view instance) {
  return run_directory / std::string(instance).append(".sock");
}

std::vector<std::string> instances() {
  std::vector<std::string> names;
  std::error_code error;  // a machine without the directory has no instances
  std::filesystem::directory_iterator entry(shared_memory_directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (file.rfind(prefix, 0) != 0) continue;
    const std::string name = file.substr(prefix.size());
    if (is_instance_name(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace report
