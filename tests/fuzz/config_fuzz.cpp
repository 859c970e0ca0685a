// Any bytes as a configuration: it is loaded, or every complaint is one that an operator can act
// on.
#include <cstdint>
#include <string_view>
#include <variant>

#include "config/check.h"
#include "config/complaints.h"
#include "config/restart.h"
#include "dataplane/packet/contract.h"

// libconfig 1.5 forgets the string it is in the middle of when it meets a syntax error: some bytes.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto loaded = config::load_text(text, "fuzz.cfg");
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    CHECK(!errors->empty());
    int line = 0;
    for (const config::Error& error : *errors) {
      CHECK(error.file == "fuzz.cfg");
      CHECK(error.line >= 0);
      CHECK(error.line >= line || errors->size() > config::complaints_max);
      line = error.line;
      CHECK(!error.problem.empty());
      CHECK(!error.allowed.empty());
      CHECK(!error.remedy.empty());
      for (const char byte : to_string(error)) CHECK(static_cast<unsigned char>(byte) >= 0x20);
    }
    return 0;
  }
  // What was loaded needs no second opinion, and is no change to itself.
  const auto& config = std::get<config::Config>(loaded);
  CHECK(config::check(config).empty());
  CHECK(config::restart_needed(config, config).empty());
  CHECK(!config.ports.empty());
  return 0;
}
