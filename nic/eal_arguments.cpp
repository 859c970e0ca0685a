#include "nic/eal_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace nic {
namespace {

/// "--file-prefix=x", "--file-prefix x", "-m 64" and "-m64" all name their option.
bool names_option(std::string_view word, std::string_view option) {
  if (option.size() == 2) return word.starts_with(option);
  return word == option || (word.starts_with(option) && word[option.size()] == '=');
}

bool has_any(const std::vector<std::string>& words,
             std::initializer_list<std::string_view> options) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(options.begin(), options.end(),
                       [&](std::string_view option) { return names_option(word, option); });
  });
}

std::string remedy(const HugepageSupply& supply, std::uint64_t bytes) {
  std::uint64_t page = 2u << 20;
  if (!supply.sizes.empty()) page = supply.sizes.back().page_bytes;
  return fmt::format(
      "reserve them (sysctl vm.nr_hugepages={} for pages of {}), or set eal.hugepages = \"auto\" "
      "to "
      "run without",
      (bytes + page - 1) / page, megabytes(page));
}

/// Huge pages or not; a Failure only where the operator insists on what is not there.
Result<bool> choose_hugepages(const EalOptions& options, const HugepageSupply& supply) {
  if (has_any(options.extra_arguments, {"--no-huge"})) return false;
  if (options.hugepages == Hugepages::Off) return false;
  const std::uint64_t bytes =
      std::max(options.need.total(), std::uint64_t{options.memory_megabytes} << 20);
  const bool enough = supply.free_bytes() >= bytes && supply.free_bytes() > 0;
  if (options.hugepages == Hugepages::Automatic) return enough && supply.permitted;
  if (!enough) {
    return Failure{
        fmt::format("eal.hugepages = \"on\", but {} of huge pages are needed and {} are "
                    "free; {}",
                    megabytes(bytes), megabytes(supply.free_bytes()), remedy(supply, bytes))};
  }
  if (!supply.permitted) {
    return Failure{fmt::format(
        "eal.hugepages = \"on\", but this process is not allowed to map huge pages (cgroup or user "
        "limit); run as root or in another cgroup, or set eal.hugepages = \"auto\"")};
  }
  return true;
}

Result<std::vector<std::string>> memory_arguments(const EalOptions& options, bool hugepages) {
  const auto& extra = options.extra_arguments;
  std::vector<std::string> words;
  const std::uint64_t needed = to_megabytes(options.need.buffer_bytes);
  if (hugepages) {
    // No file under /dev/hugepages, so that a crash leaves nothing behind; single-file segments, so
    // that vhost-user and zero-copy memif can pass the memory on.
    if (!has_any(extra, {"--in-memory", "--huge-dir", "--legacy-mem"})) {
      words.insert(words.end(), {"--in-memory", "--single-file-segments"});
    }
    if (options.memory_megabytes == 0) return words;  // taken as it is needed
  } else {
    // --in-memory is refused together with --no-huge; --no-shconf leaves no file behind either.
    if (!has_any(extra, {"--no-huge"})) words.emplace_back("--no-huge");
    if (!has_any(extra, {"--no-shconf"})) words.emplace_back("--no-shconf");
    if (options.memory_megabytes != 0 && options.memory_megabytes < needed) {
      return Failure{fmt::format(
          "eal.memory_megabytes = {}: packet buffers and rings need {}; leave it out to have it "
          "computed, or lower queue_descriptors, workers or the number of ports",
          options.memory_megabytes, needed)};
    }
  }
  if (has_any(extra, {"-m", "--socket-mem"})) return words;
  words.insert(
      words.end(),
      {"-m", fmt::format("{}", std::max<std::uint64_t>(options.memory_megabytes, needed))});
  return words;
}

std::vector<std::string> bus_arguments(const EalOptions& options) {
  const auto& extra = options.extra_arguments;
  std::vector<std::string> words;
  if (!options.pci) {
    if (!has_any(extra, {"--no-pci", "-a", "--allow"})) words.emplace_back("--no-pci");
    // Buffers in one piece of virtual memory: af_xdp makes one UMEM of them.
    if (!has_any(extra, {"--iova-mode"})) words.emplace_back("--iova-mode=va");
  } else if (!has_any(extra, {"-a", "--allow", "-b", "--block", "--no-pci"})) {
    // Allow a device that no driver takes (the host bridge): EAL then probes nothing by itself, and
    // each port is attached by name afterwards, with its own error.
    words.insert(words.end(), {"-a", "0000:00:00.0"});
  }
  return words;
}

}  // namespace

Result<EalArguments> eal_arguments(const EalOptions& options, const LcoreMap& lcores,
                                   const HugepageSupply& supply) {
  const auto& extra = options.extra_arguments;
  if (has_any(extra, {"-l", "-c", "--lcores", "--main-lcore"})) {
    return Failure{
        "--eal may not choose lcores (-l, -c, --lcores, --main-lcore): 'workers' in the "
        "configuration does, as a number or as a list of CPUs"};
  }
  const Result<bool> hugepages = choose_hugepages(options, supply);
  if (const auto* failure = std::get_if<Failure>(&hugepages)) return *failure;

  EalArguments arguments;
  arguments.hugepages = std::get<bool>(hugepages);
  arguments.words = {options.program, "--lcores", lcores.argument(), "--main-lcore", "0"};
  const auto append = [&](const std::vector<std::string>& words) {
    arguments.words.insert(arguments.words.end(), words.begin(), words.end());
  };
  const auto memory = memory_arguments(options, arguments.hugepages);
  if (const auto* failure = std::get_if<Failure>(&memory)) return *failure;
  append(std::get<std::vector<std::string>>(memory));
  append(bus_arguments(options));
  if (!has_any(extra, {"--file-prefix"})) append({"--file-prefix", options.file_prefix});
  if (!has_any(extra, {"--telemetry", "--no-telemetry"})) append({"--no-telemetry"});
  append(extra);
  return arguments;
}

Result<std::vector<std::string>> split_arguments(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (const char c : text) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return Failure{fmt::format("--eal: the quote {} is not closed", quote)};
  if (in_word) words.push_back(word);
  return words;
}

}  // namespace nic
