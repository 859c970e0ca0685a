// What the operator asks of single targets.
#include <fmt/format.h>

#include "control/lifecycle/lifecycle.h"

namespace control {

std::optional<Refusal> Lifecycle::drain(
    const TargetKey& name, std::optional<std::chrono::system_clock::time_point> began) {
  Targets::Entry* target = targets_.find(name);
  if (target == nullptr) return unknown(name);
  if (!target->registered()) {
    return Refusal{Refusal::Kind::Conflict,
                   fmt::format("target {} has left the configuration and is {} already",
                               to_string(name), to_string(target->thing.life.status().state))};
  }
  if (target->thing.life.drained()) {
    return Refusal{Refusal::Kind::Conflict,
                   fmt::format("target {} is drained already: it is {}", to_string(name),
                               to_string(target->thing.life.status()))};
  }
  tell(*target, {.kind = "operator",
                 .to = "drain",
                 .sentence = began ? "the operator had it drained before the restart"
                                   : "the operator drains it"});
  update(*target, [&](TargetLife& life) {
    life.drain(TargetLife::Cause::Operator, delay_of(*target), parts_.now(), began);
  });
  end_drains();
  arm();
  return std::nullopt;
}

std::optional<Refusal> Lifecycle::undrain(const TargetKey& name) {
  Targets::Entry* target = targets_.find(name);
  if (target == nullptr) return unknown(name);
  if (!target->registered()) {
    return Refusal{Refusal::Kind::Conflict,
                   fmt::format("target {} has left the configuration; to keep it, write it there "
                               "again and reload",
                               to_string(name))};
  }
  if (!target->thing.life.drained()) {
    return Refusal{Refusal::Kind::Conflict,
                   fmt::format("target {} is not drained: it is {}", to_string(name),
                               to_string(target->thing.life.status()))};
  }
  tell(*target, {.kind = "operator", .to = "undrain", .sentence = "the operator undrains it"});
  update(*target,
         [&](TargetLife& life) { life.undrain(TargetLife::Cause::Operator, parts_.now()); });
  arm();
  return std::nullopt;
}

Refusal Lifecycle::unknown(const TargetKey& name) const {
  if (groups_.find(name.target_group) == nullptr) {
    return {Refusal::Kind::NotFound, fmt::format("there is no target group {}", name.target_group)};
  }
  return {Refusal::Kind::NotFound,
          fmt::format("target group {} has no target {}", name.target_group,
                      target_text(name.address, name.port))};
}

}  // namespace control
