// FakeProbes: a probe factory whose probes wait until the test says what they found.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/health/probe.h"

namespace control {

class FakeProbes {
 public:
  using Whom = std::pair<dataplane::IpAddress, std::uint16_t>;

  [[nodiscard]] ProbeFactory factory() {
    return [this](const Check& check) { return std::make_unique<One>(*this, check); };
  }

  [[nodiscard]] bool running(const Whom& whom) const { return running_.contains(whom); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::vector<Whom> all() const {
    std::vector<Whom> result;
    for (const auto& [whom, probe] : running_) result.push_back(whom);
    return result;
  }
  /// What the running probe of `whom` was told to check.
  [[nodiscard]] const Check& check(const Whom& whom) const { return running_.at(whom)->check; }
  void finish(const Whom& whom, const ProbeOutcome& outcome) {
    const Probe::Done done = std::exchange(running_.at(whom)->done, nullptr);
    done(outcome);
  }

  std::size_t started = 0;
  std::size_t overlaps = 0;  // a second probe of the same target while one was running

 private:
  struct One final : Probe {
    One(FakeProbes& owner, const Check& what) : probes(owner), check(what) {}
    ~One() override {
      const auto found = probes.running_.find(whom());
      if (found != probes.running_.end() && found->second == this) probes.running_.erase(found);
    }
    void start(Done when_done) override {
      done = std::move(when_done);
      ++probes.started;
      if (!probes.running_.emplace(whom(), this).second) ++probes.overlaps;
    }
    [[nodiscard]] Whom whom() const { return {check.address, check.port}; }

    FakeProbes& probes;
    Check check;
    Done done;
  };

  std::map<Whom, One*> running_;
};

}  // namespace control
