#include "nic/eal_arguments.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nic {
namespace {

constexpr std::uint64_t mb = 1u << 20;

const LcoreMap two_workers{.worker_cpus = {0, 1}, .control_cpus = {0, 1}};
const HugepageSupply no_pages{.sizes = {{.page_bytes = 2 * mb, .total = 0, .free = 0}}};
const HugepageSupply many_pages{.sizes = {{.page_bytes = 2 * mb, .total = 512, .free = 512}}};

EalOptions options() {
  EalOptions options;
  options.file_prefix = "spillway-test";
  options.need = {.buffer_bytes = 100 * mb, .table_bytes = 300 * mb};
  return options;
}

EalArguments made(const EalOptions& options, const HugepageSupply& supply) {
  auto result = eal_arguments(options, two_workers, supply);
  if (auto* failure = std::get_if<Failure>(&result)) ADD_FAILURE() << failure->message;
  return std::get<EalArguments>(result);
}

std::string refusal(const EalOptions& options, const HugepageSupply& supply) {
  auto result = eal_arguments(options, two_workers, supply);
  EXPECT_TRUE(std::holds_alternative<Failure>(result));
  return std::get<Failure>(result).message;
}

bool has(const EalArguments& arguments, std::string_view word) {
  return std::find(arguments.words.begin(), arguments.words.end(), word) != arguments.words.end();
}

/// The word behind `option`.
std::string value_of(const EalArguments& arguments, std::string_view option) {
  const auto& words = arguments.words;
  const auto found = std::find(words.begin(), words.end(), option);
  return found == words.end() || found + 1 == words.end() ? "" : *(found + 1);
}

TEST(EalArguments, WithoutHugePagesMemoryIsSizedFromTheNeed) {
  const EalArguments arguments = made(options(), no_pages);
  EXPECT_FALSE(arguments.hugepages);
  EXPECT_TRUE(has(arguments, "--no-huge"));
  EXPECT_TRUE(has(arguments, "--no-shconf"));
  EXPECT_FALSE(has(arguments, "--in-memory"));  // EAL refuses it together with --no-huge
  EXPECT_EQ(value_of(arguments, "-m"), "100");  // flow tables are mapped beside EAL
  EXPECT_EQ(value_of(arguments, "--lcores"), "0@(0-1),1@0,2@1");
  EXPECT_EQ(value_of(arguments, "--file-prefix"), "spillway-test");
}

TEST(EalArguments, HugePagesAreUsedIfEnoughAreFreeAndLeaveNoFiles) {
  const EalArguments arguments = made(options(), many_pages);
  EXPECT_TRUE(arguments.hugepages);
  EXPECT_TRUE(has(arguments, "--in-memory"));
  EXPECT_TRUE(has(arguments, "--single-file-segments"));
  EXPECT_FALSE(has(arguments, "--no-huge"));
  EXPECT_FALSE(has(arguments, "-m"));
}

TEST(EalArguments, AFewHugePagesAreNotEnough) {
  HugepageSupply few = many_pages;
  few.sizes[0].free = 199;  // 398 MB for 400
  EXPECT_TRUE(has(made(options(), few), "--no-huge"));
  few.sizes[0].free = 200;
  EXPECT_FALSE(has(made(options(), few), "--no-huge"));
}

TEST(EalArguments, HugePagesThatMayNotBeMappedAreNotUsed) {
  HugepageSupply forbidden = many_pages;
  forbidden.permitted = false;
  EXPECT_TRUE(has(made(options(), forbidden), "--no-huge"));
  EalOptions insisting = options();
  insisting.hugepages = Hugepages::On;
  EXPECT_NE(refusal(insisting, forbidden).find("not allowed"), std::string::npos);
}

TEST(EalArguments, InsistingOnHugePagesThatAreMissingSaysHowManyToReserve) {
  EalOptions insisting = options();
  insisting.hugepages = Hugepages::On;
  const std::string message = refusal(insisting, no_pages);
  EXPECT_NE(message.find("400 MB of huge pages are needed and 0 MB are free"), std::string::npos)
      << message;
  EXPECT_NE(message.find("vm.nr_hugepages=200"), std::string::npos) << message;
}

TEST(EalArguments, OffMeansOff) {
  EalOptions off = options();
  off.hugepages = Hugepages::Off;
  EXPECT_TRUE(has(made(off, many_pages), "--no-huge"));
}

TEST(EalArguments, MemoryGivenByTheOperatorIsUsedAndChecked) {
  EalOptions given = options();
  given.memory_megabytes = 256;
  EXPECT_EQ(value_of(made(given, no_pages), "-m"), "256");
  EXPECT_EQ(value_of(made(given, many_pages), "-m"), "256");
  given.memory_megabytes = 64;
  const std::string message = refusal(given, no_pages);
  EXPECT_NE(message.find("memory_megabytes = 64"), std::string::npos) << message;
  EXPECT_NE(message.find("need 100"), std::string::npos) << message;
}

TEST(EalArguments, WithoutPciPortsTheBusIsLeftAlone) {
  const EalArguments arguments = made(options(), no_pages);
  EXPECT_TRUE(has(arguments, "--no-pci"));
  EXPECT_TRUE(has(arguments, "--iova-mode=va"));
}

TEST(EalArguments, WithPciPortsNothingIsProbedByItself) {
  EalOptions pci = options();
  pci.pci = true;
  const EalArguments arguments = made(pci, no_pages);
  EXPECT_FALSE(has(arguments, "--no-pci"));
  EXPECT_FALSE(has(arguments, "--iova-mode=va"));
  EXPECT_EQ(value_of(arguments, "-a"), "0000:00:00.0");
}

TEST(EalArguments, TheOperatorsArgumentsComeLastAndReplaceOurs) {
  EalOptions extra = options();
  extra.extra_arguments = {"--file-prefix=mine", "-m512", "--iova-mode", "pa"};
  const EalArguments arguments = made(extra, no_pages);
  EXPECT_EQ(arguments.words.back(), "pa");
  EXPECT_FALSE(has(arguments, "--file-prefix"));
  EXPECT_FALSE(has(arguments, "-m"));
  EXPECT_FALSE(has(arguments, "--iova-mode=va"));
}

TEST(EalArguments, NoHugeFromTheOperatorDecides) {
  EalOptions extra = options();
  extra.extra_arguments = {"--no-huge"};
  const EalArguments arguments = made(extra, many_pages);
  EXPECT_FALSE(arguments.hugepages);
  EXPECT_FALSE(has(arguments, "--in-memory"));
  EXPECT_EQ(std::count(arguments.words.begin(), arguments.words.end(), "--no-huge"), 1);
}

TEST(EalArguments, LcoresAreNotTheOperatorsToGive) {
  for (const std::string word : {"-l", "-c0x3", "--lcores=0,1", "--main-lcore"}) {
    EalOptions extra = options();
    extra.extra_arguments = {word};
    EXPECT_NE(refusal(extra, no_pages).find("'workers'"), std::string::npos) << word;
  }
}

TEST(SplitArguments, AtBlanksButNotInQuotes) {
  const auto words = split_arguments("  -m 64 --vdev='net_null0, size=64'\t\"a b\" '' ");
  ASSERT_TRUE(std::holds_alternative<std::vector<std::string>>(words));
  EXPECT_EQ(std::get<std::vector<std::string>>(words),
            (std::vector<std::string>{"-m", "64", "--vdev=net_null0, size=64", "a b", ""}));
}

TEST(SplitArguments, NothingIsNoArguments) {
  EXPECT_TRUE(std::get<std::vector<std::string>>(split_arguments("")).empty());
}

TEST(SplitArguments, AnOpenQuoteIsAnError) {
  EXPECT_TRUE(std::holds_alternative<Failure>(split_arguments("-d \"x")));
}

}  // namespace
}  // namespace nic
