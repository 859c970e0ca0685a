#include "config/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

#include "config/places.h"

namespace config {
namespace {

using Values = std::map<std::string, std::string>;  // by attribute

/// What a difference is about; settings of the instance are one thing without a name.
struct Thing {
  std::string kind;
  std::string target_group;
  std::string name;
  friend auto operator<=>(const Thing&, const Thing&) = default;
};
using Things = std::map<Thing, Values>;

/// "listeners[3].address" → "listeners", 3, "address". Without an index: the whole is the rest.
struct Split {
  std::string_view list;
  std::size_t index = 0;
  std::string_view rest;
};
Split split(std::string_view path) {
  const std::size_t open = path.find('[');
  const std::size_t dot = path.find('.');
  if (open == std::string_view::npos || dot < open) return {{}, 0, path};
  const std::size_t close = path.find(']', open);
  if (close == std::string_view::npos) return {{}, 0, path};
  Split parts{path.substr(0, open), 0, path.substr(close + 1)};
  std::from_chars(path.data() + open + 1, path.data() + close, parts.index);
  if (parts.rest.starts_with('.')) parts.rest.remove_prefix(1);
  return parts;
}

/// "target_groups" → "target_group"; "security_groups" → "security_group".
std::string singular(std::string_view list) {
  return std::string{list.substr(0, list.size() - (list.ends_with('s') ? 1 : 0))};
}

std::string without_quotes(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return std::string{text};
}

class Reader {
 public:
  explicit Reader(const Config& config) : config_(config) {}

  Things things() const {
    Things things;
    // A list is there without any value of its own, as a target group is without targets.
    for (const auto& [path, value] : config_.places.values) {
      const auto [thing, attribute] = place_of(path);
      if (!attribute.empty()) things[thing].emplace(attribute, value);
    }
    return things;
  }

 private:
  [[nodiscard]] std::pair<Thing, std::string> place_of(const std::string& path) const {
    const Split outer = split(path);
    if (outer.list.empty()) return {{"setting", "", ""}, std::string{outer.rest}};
    const std::string holder = element(outer.list, outer.index);
    const std::string name = name_in(holder, outer.index);
    if (outer.list == "target_groups" && outer.index < config_.target_groups.size()) {
      const Split inner = split(outer.rest);
      const auto& targets = config_.target_groups[outer.index].targets;
      if (inner.list == "targets" && inner.index < targets.size()) {
        const Target& target = targets[inner.index];
        return {{"target", name, target_text(target.address, target.port)},
                std::string{inner.rest}};
      }
    }
    return {{singular(outer.list), "", name}, std::string{outer.rest}};
  }

  [[nodiscard]] std::string name_in(const std::string& holder, std::size_t index) const {
    const auto& values = config_.places.values;
    const auto found = values.find(holder + ".name");
    return found == values.end() ? fmt::format("[{}]", index) : without_quotes(found->second);
  }

  const Config& config_;
};

std::vector<AttributeDifference> compare(const Values& before, const Values& after) {
  std::vector<AttributeDifference> different;
  for (const auto& [name, value] : before) {
    const auto other = after.find(name);
    const std::string now = other == after.end() ? "" : other->second;
    if (now != value) different.push_back({name, value, now});
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) different.push_back({name, "", value});
  }
  std::sort(
      different.begin(), different.end(),
      [](const AttributeDifference& a, const AttributeDifference& b) { return a.name < b.name; });
  return different;
}

/// Listeners first, then groups, then targets, then the rest: the order in which people ask.
int rank(const std::string& kind) {
  if (kind == "listener") return 0;
  if (kind == "target_group") return 1;
  if (kind == "target") return 2;
  return kind == "setting" ? 4 : 3;
}

}  // namespace

std::string_view to_string(Difference::Action action) {
  switch (action) {
    case Difference::Action::Add: return "add";
    case Difference::Action::Remove: return "remove";
    case Difference::Action::Change: break;
  }
  return "change";
}

std::vector<Difference> differences(const Config& before, const Config& after) {
  const Things old_things = Reader{before}.things();
  const Things new_things = Reader{after}.things();
  static const Values nothing;
  std::vector<Difference> result;
  const auto add = [&](const Thing& thing, const Values& was, const Values& is) {
    using Action = Difference::Action;
    const Action action = was.empty() ? Action::Add : is.empty() ? Action::Remove : Action::Change;
    auto attributes = compare(was, is);
    if (attributes.empty()) return;
    result.push_back({action, thing.kind, thing.target_group, thing.name, std::move(attributes)});
  };
  for (const auto& [thing, values] : old_things) {
    const auto other = new_things.find(thing);
    add(thing, values, other == new_things.end() ? nothing : other->second);
  }
  for (const auto& [thing, values] : new_things) {
    if (!old_things.contains(thing)) add(thing, nothing, values);
  }
  std::stable_sort(result.begin(), result.end(), [](const Difference& a, const Difference& b) {
    return std::tuple(rank(a.kind), a.kind, a.target_group, a.name) <
           std::tuple(rank(b.kind), b.kind, b.target_group, b.name);
  });
  return result;
}

}  // namespace config
