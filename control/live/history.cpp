#include "control/live/history.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "config/check.h"
#include "config/source_document.h"
#include "control/live/state_document.h"
#include "tools/report/documents.h"

namespace control {
namespace {

using report::Json;

constexpr const char* format_name = "spillway-history";
constexpr int version = 1;

using Text = std::shared_ptr<const config::Source>;

bool same_text(const Text& a, const Text& b) { return a && b && a->text == b->text; }

/// Null: not what save() writes, or not a configuration any more.
Text text_of(const Json& document) {
  auto source = config::source_of(document);
  if (!std::holds_alternative<config::Source>(source)) return nullptr;
  auto text = std::make_shared<const config::Source>(std::move(std::get<config::Source>(source)));
  return std::holds_alternative<config::Config>(config::load(*text)) ? text : nullptr;
}

}  // namespace

History::History(StateFile file, const config::Config& running) : file_(std::move(file)) {
  const auto text = file_.read();
  std::optional<std::string> problem;
  if (const auto* unreadable = std::get_if<StateFile::Unreadable>(&text)) {
    problem = unreadable->sentence;
  } else if (const auto* content = std::get_if<std::string>(&text)) {
    problem = load(*content, running);
  }
  if (problem) spdlog::warn("earlier configurations are not known, no rollback: {}", *problem);
}

std::optional<std::string> History::load(const std::string& text, const config::Config& running) {
  const std::string damaged = file_.path().string() + ": is damaged, or of another version";
  try {
    const Json document = Json::parse(text);
    if (document.at("format") != format_name || document.at("version") != version) return damaged;
    for (const Json& element : document.at("entries")) {
      auto file = text_of(element.at("file"));
      auto dropped = changes_of(element.at("dropped"));
      if (!file || !std::holds_alternative<config::Changes>(dropped)) {
        spdlog::warn("an earlier configuration in {} is none any more: left out",
                     file_.path().string());
        continue;
      }
      add({std::move(file), std::move(std::get<config::Changes>(dropped)),
           element.at("replaced_unix_milliseconds").get<std::uint64_t>()});
    }
    // The file was changed, then spillway restarted rather than reloaded.
    auto ran = text_of(document.at("running"));
    if (ran && !same_text(ran, running.source)) {
      add({std::move(ran), {}, report::now_unix_milliseconds()});
    }
  } catch (const Json::exception&) {
    entries_.clear();
    return damaged;
  }
  return std::nullopt;
}

void History::add(Entry entry) {
  if (entries_.size() == entries_max) entries_.erase(entries_.begin());
  entries_.push_back(std::move(entry));
}

void History::push(Entry replaced, const config::Config& running) {
  if (replaced.dropped.empty() && same_text(replaced.source, running.source)) return;
  add(std::move(replaced));
  save(running);
}

void History::pop(const config::Config& running) {
  if (!entries_.empty()) entries_.pop_back();
  save(running);
}

/// Not worth refusing a reload for: it is logged if it fails.
void History::save(const config::Config& running) {
  if (!running.source) return;
  Json document{{"format", format_name},
                {"version", version},
                {"running", source_document(*running.source)},
                {"entries", Json::array()}};
  for (const Entry& entry : entries_) {
    if (!entry.source) continue;
    document["entries"].push_back(
        {{"file", source_document(*entry.source)},
         {"dropped", changes_document(entry.dropped)},
         {"replaced_unix_milliseconds", entry.replaced_unix_milliseconds}});
  }
  auto error = file_.prepare(document.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!error) error = file_.commit();
  if (error) spdlog::warn("a restart will forget earlier configurations: {}", *error);
}

}  // namespace control
