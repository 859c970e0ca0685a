// Place: where a running instance is to be found on this machine.
//
// An instance NAME has a shared memory segment "/spillway-NAME" and, in its run directory, a
// control socket "NAME.sock". The daemon and the tools both get the names from here. Reads the
// environment and directories, creates nothing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace report {

/// What may follow "spillway-": 1 to 63 letters, digits, '.', '_' and '-', not starting with '.'.
[[nodiscard]] bool is_instance_name(std::string_view name);

/// What shm_open() takes: "/spillway-NAME".
[[nodiscard]] std::string segment_name(std::string_view instance);
/// The file behind it, for messages: "/dev/shm/spillway-NAME".
[[nodiscard]] std::string segment_file(std::string_view instance);

/// /run/spillway for root, else $XDG_RUNTIME_DIR/spillway, else /tmp/spillway-UID.
[[nodiscard]] std::filesystem::path default_run_directory();
[[nodiscard]] std::filesystem::path socket_path(const std::filesystem::path& run_directory,
                                                std::string_view instance);

/// Names of all instances that have a segment, running or not, sorted.
[[nodiscard]] std::vector<std::string> instances();

}  // namespace report
