#include "control/live/state_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "config/ranges.h"
#include "config/read.h"

namespace control {
namespace {

using config::Changes;
using config::TargetName;
using report::Json;

constexpr const char* format_name = "spillway-state";
constexpr std::array lists{"registered", "deregistered", "weights", "drained"};
constexpr const char* shifts_list = "zone_shifts";

Json name_document(const TargetName& name) {
  return {{"target_group", name.target_group},
          {"address", to_string(name.address)},
          {"port", name.port}};
}

/// What is wrong with a document; ends in changes_of() or read_state().
struct WrongDocument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
  throw WrongDocument(fmt::format(sentence, std::forward<Arguments>(arguments)...));
}

/// One element of one list, read key by key.
class Element {
 public:
  Element(const Json& object, std::string path, std::size_t keys)
      : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) refuse("{} is not an object", path_);
    if (object_.size() != keys) refuse("{} has {} keys, not {}", path_, object_.size(), keys);
  }

  [[nodiscard]] std::string text(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_string()) refuse("{}.{} is not a text", path_, key);
    return found->get<std::string>();
  }
  [[nodiscard]] std::uint16_t number(const char* key, std::int64_t first, std::int64_t last) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_number_integer()) {
      refuse("{}.{} is not an integer", path_, key);
    }
    const auto value = found->get<std::int64_t>();
    if (value < first || value > last) {
      refuse("{}.{} = {} is out of range; allowed: {} to {}", path_, key, value, first, last);
    }
    return static_cast<std::uint16_t>(value);
  }
  [[nodiscard]] std::uint64_t unix_milliseconds(const char* key) const {
    const auto found = object_.find(key);
    // Beyond, clocks of nanoseconds would overflow.
    constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    if (found == object_.end() || !found->is_number_unsigned() || *found > last) {
      refuse("{}.{} is not a Unix time in milliseconds", path_, key);
    }
    return found->get<std::uint64_t>();
  }
  [[nodiscard]] TargetName name() const {
    const std::string address = text("address");
    const auto parsed = dataplane::parse_address(address);
    if (!parsed) refuse("{}.address = \"{}\" is not an IP address", path_, address);
    return {text("target_group"), *parsed, number("port", 0, 65'535)};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const Json& object_;
  std::string path_;
};

template <class Take>
void for_each(const Json& document, const char* list, std::size_t keys, Take take) {
  const auto found = document.find(list);
  if (found == document.end() || !found->is_array()) refuse("\"{}\" is not a list", list);
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Element element((*found)[i], fmt::format("{}[{}]", list, i), keys);
    if (!take(element)) refuse("{} is there twice", element.path());
  }
}

void read_registered(const Json& document, Changes& changes) {
  std::vector<TargetName> names;
  std::vector<std::string> texts;
  for_each(document, "registered", 4, [&](const Element& element) {
    names.push_back(element.name());
    texts.push_back(element.text("target"));
    return true;
  });
  auto read = config::read_targets(texts, 0);
  if (const auto* errors = std::get_if<config::Errors>(&read)) refuse("{}", to_string(*errors));
  auto& targets = std::get<std::vector<config::Target>>(read);
  if (targets.size() != names.size()) refuse("a target in \"registered\" is not one target");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (targets[i].port == 0) targets[i].port = names[i].port;  // its group's, when registered
    if (targets[i].address != names[i].address || targets[i].port != names[i].port) {
      refuse("registered[{}].target is another one than {}", i, to_string(names[i]));
    }
    if (!changes.registered.emplace(names[i], config::Registration{targets[i], texts[i]}).second) {
      refuse("registered[{}] is there twice", i);
    }
  }
}

/// In the form that changes_document() gives them; `more` takes what else elements of a list have.
struct More {
  std::size_t weight_keys = 4;
  std::size_t drain_keys = 3;
  State* state = nullptr;
};

Changes read_changes(const Json& document, const More& more = {}) {
  Changes changes;
  read_registered(document, changes);
  for_each(document, "deregistered", 3, [&](const Element& element) {
    return changes.deregistered.insert(element.name()).second;
  });
  for_each(document, "weights", more.weight_keys, [&](const Element& element) {
    const std::uint16_t weight = element.number("weight", 0, config::ranges::weight_max);
    if (more.state != nullptr) {
      more.state->weights_instead_of.emplace(
          element.name(), element.number("instead_of", 0, config::ranges::weight_max));
    }
    return changes.weights.emplace(element.name(), weight).second;
  });
  for_each(document, "drained", more.drain_keys, [&](const Element& element) {
    if (more.state != nullptr) {
      more.state->drains_began.emplace(element.name(),
                                       element.unix_milliseconds("began_unix_milliseconds"));
    }
    return changes.drained.insert(element.name()).second;
  });
  return changes;
}

using Time = std::chrono::system_clock::time_point;

Time time_of(std::uint64_t unix_milliseconds) {
  return Time(std::chrono::milliseconds(unix_milliseconds));
}

void read_shifts(const Json& document, State& state) {
  for_each(document, shifts_list, 4, [&](const Element& element) {
    ZonalShift shift{element.text("zone"), element.text("comment"),
                     time_of(element.unix_milliseconds("started_unix_milliseconds")),
                     time_of(element.unix_milliseconds("expires_unix_milliseconds"))};
    for (const ZonalShift& other : state.zone_shifts) {
      if (other.zone == shift.zone) return false;
    }
    state.zone_shifts.push_back(std::move(shift));
    return true;
  });
}

State read_whole(std::string_view instance, const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) refuse("is not JSON: it is damaged, or was cut");
  if (!document.is_object() || document.value("format", Json()) != format_name) {
    refuse("is not a state file of Spillway");
  }
  const Json version = document.value("version", Json());
  const bool first = version == 1;
  if (version != state_version && !first) {
    refuse("has version {}, and this spillway {} reads version {}: start the version that wrote it",
           version.dump(), SPILLWAY_VERSION, state_version);
  }
  if (document.value("instance", Json()) != instance) {
    refuse("is of instance {}, not of \"{}\"", document.value("instance", Json()).dump(), instance);
  }
  const std::size_t others = 3;  // format, version, instance
  for (const auto& [key, value] : document.items()) {
    const bool known = key == "format" || key == "version" || key == "instance" ||
                       std::find(lists.begin(), lists.end(), key) != lists.end() ||
                       (key == shifts_list && !first);
    if (!known) refuse("has the unknown key \"{}\"", key);
  }
  const std::size_t own_lists = lists.size() + (first ? 0 : 1);
  if (document.size() != own_lists + others) refuse("lacks a list, or has one twice");
  State state;
  state.changes =
      first ? read_changes(document)
            : read_changes(document, {.weight_keys = 5, .drain_keys = 4, .state = &state});
  if (!first) read_shifts(document, state);
  return state;
}

/// `read` may throw what JSON's library throws as well.
template <class Read>
auto or_sentence(Read read) -> std::variant<decltype(read()), std::string> {
  try {
    return read();
  } catch (const std::exception& wrong) {
    std::string sentence = wrong.what();
    while (sentence.ends_with('\n')) sentence.pop_back();
    return sentence;
  }
}

}  // namespace

Json changes_document(const Changes& changes) {
  Json document;
  for (const char* list : lists) document[list] = Json::array();
  for (const auto& [name, registration] : changes.registered) {
    Json element = name_document(name);
    element["target"] = registration.text;
    document["registered"].push_back(std::move(element));
  }
  for (const TargetName& name : changes.deregistered) {
    document["deregistered"].push_back(name_document(name));
  }
  for (const auto& [name, weight] : changes.weights) {
    Json element = name_document(name);
    element["weight"] = weight;
    document["weights"].push_back(std::move(element));
  }
  for (const TargetName& name : changes.drained) document["drained"].push_back(name_document(name));
  return document;
}

std::variant<Changes, std::string> changes_of(const Json& document) {
  return or_sentence([&] { return read_changes(document); });
}

std::string state_text(std::string_view instance, const State& state) {
  Json document{{"format", format_name}, {"version", state_version}, {"instance", instance}};
  document.update(changes_document(state.changes));
  const auto value_of = [](const auto& known, const TargetName& name) {
    const auto found = known.find(name);
    return found == known.end() ? typename std::decay_t<decltype(known)>::mapped_type{}
                                : found->second;
  };
  std::size_t at = 0;
  for (const auto& [name, weight] : state.changes.weights) {
    document["weights"][at++]["instead_of"] = value_of(state.weights_instead_of, name);
  }
  at = 0;
  for (const TargetName& name : state.changes.drained) {
    document["drained"][at++]["began_unix_milliseconds"] = value_of(state.drains_began, name);
  }
  document[shifts_list] = Json::array();
  for (const ZonalShift& shift : state.zone_shifts) {
    document[shifts_list].push_back(
        {{"zone", shift.zone},
         {"comment", shift.comment},
         {"started_unix_milliseconds", unix_milliseconds(shift.started)},
         {"expires_unix_milliseconds", unix_milliseconds(shift.expires)}});
  }
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::variant<State, std::string> read_state(std::string_view instance, const std::string& text) {
  return or_sentence([&] { return read_whole(instance, text); });
}

}  // namespace control
