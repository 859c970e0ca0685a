// The command line of spillway-replay, checked.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/packet/address.h"

namespace tools::replay {

/// A capture, and the port that its frames came in by.
struct InputFile {
  std::string port;  // "": the configuration's only one, or found out frame by frame
  std::string file;
};

struct CommandLine {
  bool help = false;
  bool version = false;
  bool why = false;   // each packet's fate, step by step
  bool json = false;  // one document a packet (with why), and one in the end
  std::string config_file;
  std::vector<InputFile> inputs;
  std::string output;  // "": forwards and replies are not written
  std::set<dataplane::IpAddress> down;
};

/// A sentence: what is wrong with the words.
struct Misuse {
  std::string sentence;
};

[[nodiscard]] std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words);
[[nodiscard]] std::string help();

}  // namespace tools::replay
