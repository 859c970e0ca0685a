// Fields: reading a JSON document whose writer may be an older or newer version: what is missing is
// zero or empty, never an exception.
#pragma once

#include <cstdint>
#include <string>

#include "tools/report/documents.h"
#include "tools/spillwayctl/show.h"

namespace tools {

[[nodiscard]] std::uint64_t number(const Json& object, const char* field);
[[nodiscard]] std::string text(const Json& object, const char* field);
[[nodiscard]] bool flag(const Json& object, const char* field);
/// An array's elements; an empty array if there is none.
[[nodiscard]] const Json& elements(const Json& object, const char* field);
/// An object within; an empty one if there is none.
[[nodiscard]] const Json& object(const Json& outer, const char* field);
/// "address:port" of a listener or target.
[[nodiscard]] std::string endpoint(const Json& object);

/// A number as count() and bytes() show it.
[[nodiscard]] std::string whole(const Json& object, const char* field);
[[nodiscard]] std::string volume(const Json& object, const char* field);

/// How much a figure grew per second since the earlier document; 0 for one that started anew.
[[nodiscard]] double rate(const Json& now, const Json* earlier, const char* field, double seconds);

}  // namespace tools
