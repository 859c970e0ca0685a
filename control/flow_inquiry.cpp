#include "control/flow_inquiry.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "control/named.h"

namespace control {
namespace {

bool matches(const dataplane::TargetRecord& record, const FlowsWanted& wanted) {
  if (!wanted.target_group.empty() && record.target_group.view() != wanted.target_group) {
    return false;
  }
  if (!wanted.address) return true;
  return record.address.view() == to_string(*wanted.address) && record.port == wanted.port;
}

std::vector<dataplane::TargetId> matching(const report::SegmentView& view,
                                          const FlowsWanted& wanted) {
  std::vector<dataplane::TargetId> targets;
  for (const auto& entry : view.control->targets) {
    const auto record = entry.read();
    if (record && record->used && matches(*record, wanted)) targets.push_back(record->id);
  }
  return targets;
}

/// By what a flow is ordered.
std::uint64_t figure(const dataplane::FlowRecord& record, FlowsWanted::Sort sort) {
  switch (sort) {
    case FlowsWanted::Sort::None: return 0;
    case FlowsWanted::Sort::Bytes: return record.bytes_to_target + record.bytes_to_client;
    case FlowsWanted::Sort::Packets: return record.packets_to_target + record.packets_to_client;
    case FlowsWanted::Sort::Idle: return record.idle_milliseconds;
  }
  return 0;
}

std::string described(const FlowsWanted& wanted) {
  std::string text;
  if (wanted.address) {
    text = fmt::format("there is no target {}", target_text(*wanted.address, wanted.port));
    if (!wanted.target_group.empty()) text += fmt::format(" in group \"{}\"", wanted.target_group);
    return text;
  }
  return fmt::format("there is no target in a group \"{}\"", wanted.target_group);
}

}  // namespace

FlowInquiry::FlowInquiry(boost::asio::io_context& io, std::vector<dataplane::FlowQuery*> workers,
                         report::SegmentView view, std::chrono::milliseconds timeout)
    : timer_(io), workers_(std::move(workers)), view_(view), timeout_(timeout) {}

void FlowInquiry::ask(const FlowsWanted& wanted, Done done) {
  Question question{wanted, {}, std::move(done)};
  if (!wanted.target_group.empty() || wanted.address) {
    question.targets = matching(view_, wanted);
    if (question.targets.empty()) return question.done(refused(404, described(wanted)));
  }
  if (!wanted.listener.empty()) {
    const auto listener = listener_named(view_, wanted.listener);
    if (!listener) {
      return question.done(
          refused(404, fmt::format("there is no listener \"{}\"", wanted.listener)));
    }
    question.wanted.filter.listener = *listener;
  }
  questions_.push_back(std::move(question));
  if (questions_.size() == 1) start();
}

/// One more than wanted, to know whether there are more; all of them where we have to sift or sort.
std::size_t FlowInquiry::limit_per_worker() const {
  const Question& question = questions_.front();
  const bool all = question.targets.size() > 1 || question.wanted.sort != FlowsWanted::Sort::None;
  return all ? dataplane::FlowQuery::records_max : question.wanted.limit + 1;
}

void FlowInquiry::start() {
  const Question& question = questions_.front();
  dataplane::FlowFilter filter = question.wanted.filter;
  if (question.targets.size() == 1) filter.target = question.targets.front();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->ask(limit_per_worker(), filter)) continue;
    return finish(refused(500, fmt::format("worker {} is still busy with an earlier question that "
                                           "it did not answer in time",
                                           i)));
  }
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  look();
}

void FlowInquiry::look() {
  const auto silent = std::find_if(workers_.begin(), workers_.end(),
                                   [](const auto* worker) { return !worker->answered(); });
  if (silent == workers_.end()) return finish(collect());
  if (std::chrono::steady_clock::now() >= deadline_) {
    return finish(refused(500, fmt::format("worker {} did not list its flows in {} ms: is its core "
                                           "overloaded?",
                                           silent - workers_.begin(), timeout_.count())));
  }
  timer_.expires_after(look_again);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

Outcome FlowInquiry::collect() const {
  const Question& question = questions_.front();
  const auto wanted = [&](dataplane::TargetId target) {
    return question.targets.empty() || std::find(question.targets.begin(), question.targets.end(),
                                                 target) != question.targets.end();
  };
  struct Found {
    const dataplane::FlowRecord* record;
    dataplane::WorkerId worker;
  };
  bool truncated = false;
  std::vector<Found> found;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto records = workers_[i]->records();
    if (records.size() >= limit_per_worker()) truncated = true;
    for (const auto& record : records) {
      if (!wanted(record.target)) continue;
      found.push_back({&record, dataplane::WorkerId{static_cast<std::uint8_t>(i)}});
    }
  }
  const std::size_t limit = question.wanted.limit;
  if (const auto sort = question.wanted.sort; sort != FlowsWanted::Sort::None) {
    const auto last = found.begin() + static_cast<std::ptrdiff_t>(std::min(limit, found.size()));
    std::partial_sort(found.begin(), last, found.end(), [sort](const Found& a, const Found& b) {
      return figure(*a.record, sort) > figure(*b.record, sort);
    });
  }
  if (found.size() > limit) {
    truncated = true;
    found.resize(limit);
  }
  report::Json flows = report::Json::array();
  for (const Found& each : found) {
    flows.push_back(report::flow_document(view_, *each.record, each.worker));
  }
  report::Json document{{"instance", report::version_document(view_)["instance"]},
                        {"flows", std::move(flows)},
                        {"truncated", truncated}};
  return {200, std::move(document)};
}

void FlowInquiry::finish(Outcome outcome) {
  const Done done = std::move(questions_.front().done);
  questions_.pop_front();
  const bool more = !questions_.empty();  // before done(), which may ask again
  done(std::move(outcome));
  if (more) start();
}

}  // namespace control
