#include "control/outbound_rules.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace control {
namespace {

using dataplane::RuleProtocol;

RuleProtocol protocol_of(config::CheckProtocol protocol) {
  switch (protocol) {
    case config::CheckProtocol::Udp: return RuleProtocol::Udp;
    case config::CheckProtocol::Icmp: return RuleProtocol::Icmp;
    case config::CheckProtocol::Tcp:
    case config::CheckProtocol::Http:
    case config::CheckProtocol::Https:
    case config::CheckProtocol::Grpc: break;
  }
  return RuleProtocol::Tcp;
}

bool lets_out(const dataplane::Listener& listener, const Check& check) {
  if (listener.outbound == nullptr) return true;
  const RuleProtocol protocol = protocol_of(check.settings.protocol);
  const dataplane::RuleId by =
      check.address.is_v4() ? listener.outbound->find(check.address.v4(), protocol, check.port)
                            : listener.outbound->find(check.address.v6(), protocol, check.port);
  return by != dataplane::no_rule;
}

/// Sends nothing: its packets would be dropped on their way out.
class BlockedProbe final : public Probe {
 public:
  BlockedProbe(const boost::asio::any_io_executor& executor, std::string sentence)
      : executor_(executor), sentence_(std::move(sentence)) {}
  ~BlockedProbe() override {
    if (done_) *done_ = nullptr;
  }
  void start(Done done) override {
    done_ = std::make_shared<Done>(std::move(done));
    boost::asio::post(executor_, [done = done_, sentence = sentence_] {
      const Done call = std::exchange(*done, nullptr);
      if (call) call({Finding::TimedOut, sentence});
    });
  }

 private:
  boost::asio::any_io_executor executor_;
  std::string sentence_;
  std::shared_ptr<Done> done_;
};

}  // namespace

void OutboundRules::learn(const config::Facts& facts,
                          std::shared_ptr<const dataplane::Snapshot> snapshot) {
  groups_.clear();
  for (const config::TargetGroupFact& group : facts.target_groups) groups_[group.name] = group.id;
  snapshot_ = std::move(snapshot);
}

std::optional<std::string> OutboundRules::refusal(const Check& check) const {
  const auto known = groups_.find(check.target_group);
  if (snapshot_ == nullptr || known == groups_.end()) return std::nullopt;
  const dataplane::TargetGroup* group = snapshot_->target_group(known->second);
  if (group == nullptr || group->listeners.empty()) return std::nullopt;
  for (const dataplane::ListenerId id : group->listeners) {
    if (lets_out(snapshot_->listeners[id.slot], check)) return std::nullopt;
  }
  return check.settings.protocol == config::CheckProtocol::Icmp
             ? fmt::format("no outbound rule of its security groups lets icmp to {} out",
                           to_string(check.address))
             : fmt::format("no outbound rule of its security groups lets {} to {} out",
                           check.settings.protocol == config::CheckProtocol::Udp ? "udp" : "tcp",
                           with_port(check.address, check.port));
}

ProbeFactory OutboundRules::guard(const boost::asio::any_io_executor& executor,
                                  ProbeFactory probes) const {
  return
      [this, executor, probes = std::move(probes)](const Check& check) -> std::unique_ptr<Probe> {
        auto why = refusal(check);
        if (why) return std::make_unique<BlockedProbe>(executor, std::move(*why));
        return probes(check);
      };
}

}  // namespace control
