// What must hold for security groups: names, references, ports, and how many rules there may be.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/checks.h"
#include "config/ranges.h"

namespace config {
namespace {

using GroupsByName = std::unordered_map<std::string_view, const SecurityGroup*>;

class SecurityGroupsCheck {
 public:
  SecurityGroupsCheck(const Config& config, Complaints& complaints)
      : config_(config), complaints_(complaints) {
    for (std::size_t i = 0; i < config.security_groups.size(); ++i) {
      const SecurityGroup& group = config.security_groups[i];
      // A name that could not be read may be the one that is meant somewhere.
      names_known_ = names_known_ && complaints.readable(path(i) + ".name");
      by_name_.emplace(group.name, &group);
      names_.push_back(group.name);
    }
    names_known_ = names_known_ && complaints.readable("security_groups");
  }

  void check() {
    for (std::size_t i = 0; i < config_.security_groups.size(); ++i) {
      const SecurityGroup& group = config_.security_groups[i];
      check_name(path(i) + ".name", group.name, complaints_);
      check_rules(path(i) + ".inbound", "source", group.inbound);
      if (config_.places.written(path(i) + ".outbound")) {
        check_rules(path(i) + ".outbound", "destination", group.outbound);
      }
    }
    check_unique_names(config_, config_.security_groups, "security_groups", complaints_);
    check_attached("balancer_security_groups", config_.balancer_security_groups);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_attached(element("listeners", i) + ".security_groups",
                     config_.listeners[i].security_groups);
    }
    check_counts();
  }

 private:
  static std::string path(std::size_t group) { return element("security_groups", group); }

  void check_rules(const std::string& list, const std::string& peer,
                   const std::vector<SecurityRule>& rules) {
    std::map<std::string, std::string> first;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const std::string rule = element(list, i);
      if (!complaints_.readable(rule)) continue;
      check_ports(rule, rules[i]);
      if (!rules[i].group.empty()) check_reference(rule + "." + peer, rules[i].group);
      const std::string text = fmt::format("{} {} {}", to_string(rules[i].protocol),
                                           ports_text(rules[i]), peer_text(rules[i]));
      const auto [same, added] = first.emplace(text, rule);
      if (added) continue;
      complaints_.add(
          {.setting = rule,
           .value = text,
           .problem = "is the same as " + same->second + written_at(config_, same->second),
           .allowed = "each rule once",
           .remedy = "Remove one of them, or correct it."});
    }
  }

  void check_ports(const std::string& rule, const SecurityRule& written) {
    const bool has_ports =
        written.protocol == RuleChoice::Tcp || written.protocol == RuleChoice::Udp;
    if (has_ports || !config_.places.written(rule + ".ports")) return;
    if (!complaints_.readable(rule + ".ports") || !complaints_.readable(rule + ".protocol")) return;
    complaints_.add(
        {.setting = rule + ".ports",
         .value = written.port_first == written.port_last
                      ? std::to_string(written.port_first)
                      : fmt::format("{}-{}", written.port_first, written.port_last),
         .problem = fmt::format("has no meaning with protocol \"{}\"", to_string(written.protocol)),
         .allowed = "ports with protocol \"tcp\" or \"udp\"",
         .remedy = "Remove it, or make it a rule for tcp and one for udp."});
  }

  /// The group of that name; null: complained, or not to be known.
  const SecurityGroup* find(const std::string& setting, const std::string& name) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    if (!names_known_ || !complaints_.readable(setting)) return nullptr;
    std::string allowed;
    for (const std::string& known : names_) {
      if (allowed.size() > 200) {
        allowed += ", …";
        break;
      }
      allowed += (allowed.empty() ? "" : ", ") + in_quotes(known);
    }
    complaints_.add({.setting = setting,
                     .value = in_quotes(name),
                     .problem = "is no security group of this configuration",
                     .allowed = allowed.empty() ? "none, there are no security groups" : allowed,
                     .remedy = "Add a group of that name to security_groups, or name one that is "
                               "there." +
                               did_you_mean(name, names_)});
    return nullptr;
  }

  void check_reference(const std::string& setting, const std::string& name) {
    const SecurityGroup* group = find(setting, name);
    if (group == nullptr || !group->addresses.empty()) return;
    const auto index = static_cast<std::size_t>(group - config_.security_groups.data());
    if (!complaints_.readable(path(index) + ".addresses")) return;
    complaints_.add(
        {.setting = setting,
         .value = in_quotes(name),
         .problem = "has no addresses" + written_at(config_, path(index)) + ", so nobody is meant",
         .allowed = "a group with addresses, an address or a prefix",
         .remedy = "Say who belongs to it: addresses = [\"198.51.100.0/24\"];"});
  }

  void check_attached(const std::string& list, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string setting = element(list, i);
      if (!complaints_.readable(setting)) continue;
      (void)find(setting, names[i]);
      if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) ==
          names.begin() + static_cast<std::ptrdiff_t>(i)) {
        continue;
      }
      complaints_.add({.setting = setting,
                       .value = in_quotes(names[i]),
                       .problem = "is named twice",
                       .allowed = "each security group once",
                       .remedy = "Remove one of the two."});
    }
  }

  void check_counts() {
    complain_of_count(config_.security_groups.size(), dataplane::security_groups_max, "groups",
                      "Join groups that are always attached together.");
    const std::vector<RulePlace> rules = all_rules(config_.security_groups);
    constexpr const char* join = "Join neighbouring prefixes and ports into larger ones.";
    complain_of_count(rules.size(), dataplane::rules_max, "rules", join);
    std::size_t prefixes = 0;
    for (const RulePlace& place : rules) {
      const auto found = by_name_.find(place.rule->group);
      prefixes += found == by_name_.end() ? 1 : found->second->addresses.size();
    }
    complain_of_count(prefixes, ranges::rule_prefixes_max,
                      "rules, counted once for each address of the groups that they name,", join);
  }

  void complain_of_count(std::size_t count, std::size_t most, const char* what,
                         const char* remedy) {
    if (count <= most) return;
    complaints_.add({.setting = "security_groups",
                     .value = fmt::format("{} {}", count, what),
                     .problem = "are too many",
                     .allowed = fmt::format("at most {}", most),
                     .remedy = remedy});
  }

  const Config& config_;
  Complaints& complaints_;
  GroupsByName by_name_;
  std::vector<std::string> names_;
  bool names_known_ = true;
};

}  // namespace

void check_security_groups(const Config& config, Complaints& complaints) {
  SecurityGroupsCheck{config, complaints}.check();
}

}  // namespace config
