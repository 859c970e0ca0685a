#include "config/source_document.h"

#include <algorithm>
#include <utility>

namespace config {

using Json = nlohmann::ordered_json;

Json source_document(const Source& source) {
  Json lines = Json::array();
  for (const Place& place : source.lines) {
    const bool follows = !lines.empty() && lines.back()[0] == place.file &&
                         lines.back()[1].get<int>() + lines.back()[2].get<int>() == place.line;
    if (follows) {
      lines.back()[2] = lines.back()[2].get<int>() + 1;
    } else {
      lines.push_back({place.file, place.line, 1});
    }
  }
  return {{"files", source.files}, {"lines", std::move(lines)}, {"text", source.text}};
}

std::variant<Source, std::string> source_of(const Json& document) {
  const char* const wrong = "is no text of a configuration with its files and lines";
  try {
    Source source{.text = document.at("text").get<std::string>(),
                  .files = document.at("files").get<std::vector<std::string>>(),
                  .lines = {}};
    const auto newlines = std::count(source.text.begin(), source.text.end(), '\n');
    const auto lines_max = static_cast<std::size_t>(newlines) + 1 + source.files.size();
    if (source.files.empty() || source.text.size() > source_size_max) return wrong;
    // Nothing reaches libconfig that has not been through the scanner, which would change it then.
    const auto scanned = text_source(source.text, source.files.front());
    const auto* same = std::get_if<Source>(&scanned);
    if (same == nullptr || same->text != source.text) return wrong;
    for (const Json& run : document.at("lines")) {
      Place place{run.at(0).get<std::uint32_t>(), run.at(1).get<int>()};
      const auto count = run.at(2).get<std::size_t>();
      const bool good = place.file < source.files.size() && place.line >= 0 &&
                        place.line <= static_cast<int>(source_size_max) &&
                        count <= lines_max - source.lines.size();
      if (!good) return wrong;
      for (std::size_t i = 0; i < count; ++i) {
        source.lines.push_back(place);
        ++place.line;
      }
    }
    return source;
  } catch (const Json::exception&) {
    return wrong;
  }
}

}  // namespace config
