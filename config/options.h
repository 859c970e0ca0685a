// Options: the command line of `spillway`, checked.
//
// Pure but for the default directories: nothing is printed and nobody exits in here; main() does
// what the returned value says.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace config {

struct Options {
  std::string config_file;
  bool check = false;            // only judge the configuration
  std::vector<std::string> eal;  // added to the arguments for DPDK's EAL
  std::string run_dir;           // where the control socket goes
  std::string state_dir;         // what is to survive a restart
  bool discard_changes = false;  // of the operator, made beside the file and kept there
  std::string log_level = "info";
};

/// The program has nothing to do but to say this: on stdout with status 0, else on stderr.
struct Exit {
  int status = 0;
  std::string text;  // whole lines
};

[[nodiscard]] std::variant<Options, Exit> parse_options(int argc, const char* const* argv);

/// /run/spillway for root, else $XDG_RUNTIME_DIR/spillway, else /tmp/spillway-UID.
[[nodiscard]] std::string default_run_dir();
/// $STATE_DIRECTORY (systemd's), else /var/lib/spillway for root, else $XDG_STATE_HOME/spillway,
/// else ~/.local/state/spillway, else the run directory.
[[nodiscard]] std::string default_state_dir();

}  // namespace config
