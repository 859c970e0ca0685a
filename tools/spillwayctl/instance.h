// Which instance a command is about, and its figures.
#pragma once

#include <string>
#include <variant>

#include "tools/report/segment_reader.h"
#include "tools/spillwayctl/command.h"

namespace tools {

/// --instance, or else the only one that runs (or the only one that left its figures). An error is
/// a sentence.
[[nodiscard]] std::variant<report::SegmentReader, report::ReadError> open_instance(
    const Context& context);
/// Its name only: for what goes over the control socket.
[[nodiscard]] std::variant<std::string, report::ReadError> name_instance(const Context& context);

/// Why figures are not those of now: "instance edge-1 is not running …"; "" if they are.
[[nodiscard]] std::string staleness(const std::string& instance, const report::SegmentView& view,
                                    const report::Liveness& liveness);

}  // namespace tools
