// EAL's command line, made from typed options and from what the machine has.
//
// Pure, so that every rule of it is a unit test: which memory, which buses, which lcores, and what
// the operator's own arguments (--eal) replace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nic/failure.h"
#include "nic/hugepages.h"
#include "nic/lcore_map.h"

namespace nic {

enum class Hugepages : std::uint8_t {
  Automatic,  // if enough are free
  On,
  Off,
};

struct EalOptions {
  std::string program = "spillway";  // argv[0], shown in DPDK's messages
  std::string file_prefix = "spillway";
  Hugepages hugepages = Hugepages::Automatic;
  std::uint32_t memory_megabytes = 0;  // 0: as `need` says
  MemoryNeed need;
  bool pci = false;                          // a port is a PCI device
  std::vector<std::string> extra_arguments;  // the operator's; they come last and win
};

struct EalArguments {
  std::vector<std::string> words;  // words[0] is the program
  bool hugepages = false;
};

[[nodiscard]] Result<EalArguments> eal_arguments(const EalOptions& options, const LcoreMap& lcores,
                                                 const HugepageSupply& supply);

/// Splits the operator's --eal string at blanks; 'single' and "double" quotes hold words together.
[[nodiscard]] Result<std::vector<std::string>> split_arguments(std::string_view text);

}  // namespace nic
