// Passive health checks: what clients meet. Counted by the workers, judged here once a second; a
// target that is suspected is asked at once, by a connect to the address and port that its clients
// use, so that nobody can have it taken out by packets that merely look like failed handshakes.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "control/lifecycle/lifecycle.h"

namespace control {
namespace {

/// A suspected target that takes longer to accept a connection fails its clients.
constexpr std::chrono::milliseconds confirmation_timeout{1'000};

std::uint64_t since(std::uint64_t before, std::uint64_t now) {
  return now > before ? now - before : 0;
}

}  // namespace

void Lifecycle::look_at_handshakes() {
  if (!parts_.handshakes) return;
  targets_.for_each([this](Targets::Entry& entry) { look_at_handshakes(entry); });
}

void Lifecycle::look_at_handshakes(Targets::Entry& entry) {
  Target& target = entry.thing;
  if (!target.life.watches_handshakes()) {
    target.handshakes.reset();
    target.confirmation.reset();
    return;
  }
  const Handshakes now = parts_.handshakes(target_id(entry.slot));
  const Handshakes before = target.handshakes.value_or(now);  // what was before does not count
  target.handshakes = now;
  target.life.observe(Handshakes{.answered = since(before.answered, now.answered),
                                 .failed = since(before.failed, now.failed)});
  if (target.life.suspected() && target.confirmation == nullptr) confirm_suspicion(entry);
}

void Lifecycle::confirm_suspicion(Targets::Entry& entry) {
  Target& target = entry.thing;
  // A target that keeps its clients' ports has none of its own: its checks' port has to do.
  const std::uint16_t own = entry.name.port;
  Check check{.address = entry.name.address,
              .port = own == 0 ? target.check.port : own,
              .settings = {},
              .target_group = entry.name.target_group};
  check.settings.protocol = config::CheckProtocol::Tcp;
  check.settings.timeout = std::min(confirmation_timeout, target.check.settings.timeout);
  spdlog::debug("target {}: clients' handshakes fail, asking it", to_string(entry.name));
  target.confirmation = parts_.make_probe(check);
  // `this` and the entry are safe: a destroyed probe reports nothing, and the entry has the probe.
  target.confirmation->start([this, &entry](const ProbeOutcome& outcome) {
    const ProbeOutcome kept = outcome;
    entry.thing.confirmation.reset();
    judge(entry, [&](TargetLife& life) { life.confirm(kept, parts_.now()); });
  });
}

}  // namespace control
