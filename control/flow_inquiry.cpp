#include "control/flow_inquiry.h"

#include <fmt/core.h>

#include <algorithm>
#include <bitset>
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

/// The slots of those that match; nullopt: none does.
std::optional<std::bitset<dataplane::targets_max>> matching(const report::SegmentView& view,
                                                            const FlowsWanted& wanted) {
  std::bitset<dataplane::targets_max> targets;
  for (const auto& entry : view.control->targets) {
    const auto record = entry.read();
    if (record && record->used && matches(*record, wanted)) targets.set(record->id.slot);
  }
  return targets.any() ? std::optional(targets) : std::nullopt;
}

/// By what a flow is ordered.
std::uint64_t figure(const dataplane::FlowRecord& record, FlowsWanted::Sort sort) {
  switch (sort) {
    case FlowsWanted::Sort::None: return 0;
    case FlowsWanted::Sort::Bytes: return record.bytes_to_target + record.bytes_to_client;
    case FlowsWanted::Sort::Packets: return record.packets_to_target + record.packets_to_client;
    case FlowsWanted::Sort::Idle: return record.idle_milliseconds;
    case FlowsWanted::Sort::Age: return record.age_milliseconds;
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

/// "0.5120.3"
std::string cursor_text(const FlowCursor& at) {
  return fmt::format("{}.{}.{}", at.worker, at.bucket, at.skip);
}

}  // namespace

FlowInquiry::FlowInquiry(boost::asio::io_context& io, std::vector<dataplane::FlowQuery*> workers,
                         report::SegmentView view, std::chrono::milliseconds timeout)
    : timer_(io), workers_(std::move(workers)), view_(view), timeout_(timeout) {}

void FlowInquiry::ask(const FlowsWanted& wanted, Done done) {
  const auto wrong = [&](unsigned status, const std::string& sentence) {
    done(refused(status, sentence));
  };
  Question question;
  question.wanted = wanted;
  question.at = wanted.from;
  dataplane::FlowFilter& filter = question.wanted.filter;
  if (!wanted.target_group.empty() || wanted.address) {
    filter.targets = matching(view_, wanted);
    if (!filter.targets) return wrong(404, described(wanted));
  }
  if (!wanted.listener.empty()) {
    const auto listener = listener_named(view_, wanted.listener);
    if (!listener) return wrong(404, fmt::format("there is no listener \"{}\"", wanted.listener));
    filter.listener = *listener;
  }
  const bool begins_anew = wanted.from.worker == 0 && wanted.from.bucket == 0;
  if (wanted.sort != FlowsWanted::Sort::None && !begins_anew) {
    return wrong(400, "from goes on with a list as it was found: it does not go with sort");
  }
  question.done = [this, wanted, done = std::move(done)](const Outcome* error,
                                                         std::vector<Found> found, bool more) {
    done(error != nullptr ? *error : Outcome{200, document(found, wanted, more)});
  };
  put(std::move(question));
}

void FlowInquiry::find(const dataplane::FlowKey<dataplane::IpAddress>& packet,
                       std::function<void(const Outcome* wrong, const Found* found)> done) {
  Question question;
  question.wanted.limit = 1;
  question.wanted.filter.packet = packet;
  question.done = [done = std::move(done)](const Outcome* wrong, const std::vector<Found>& found,
                                           bool) {
    done(wrong, found.empty() ? nullptr : &found.front());
  };
  put(std::move(question));
}

void FlowInquiry::put(Question question) {
  questions_.push_back(std::move(question));
  if (questions_.size() == 1) ask_worker();
}

void FlowInquiry::ask_worker() {
  Question& question = questions_.front();
  if (question.at.worker >= workers_.size()) return finish(nullptr);
  // One more than wanted, to know whether there are more; in order, all of them.
  const bool all = question.wanted.sort != FlowsWanted::Sort::None;
  const std::size_t limit =
      all ? dataplane::FlowQuery::records_max
          : question.wanted.limit + 1 + question.at.skip - question.found.size();
  if (!workers_[question.at.worker]->ask(limit, question.wanted.filter, question.at.bucket)) {
    const Outcome busy =
        refused(500, fmt::format("worker {} is still busy with an earlier question that it did not "
                                 "answer in time",
                                 question.at.worker));
    return finish(&busy);
  }
  question.deadline = std::chrono::steady_clock::now() + timeout_;
  look();
}

void FlowInquiry::look() {
  const Question& question = questions_.front();
  const dataplane::FlowQuery& worker = *workers_[question.at.worker];
  if (worker.answered()) return take(worker);
  if (std::chrono::steady_clock::now() >= question.deadline) {
    const Outcome late =
        refused(500, fmt::format("worker {} did not list its flows in {} ms: is its core "
                                 "overloaded?",
                                 question.at.worker, timeout_.count()));
    return finish(&late);
  }
  timer_.expires_after(look_again);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

void FlowInquiry::take(const dataplane::FlowQuery& answer) {
  Question& question = questions_.front();
  const auto sort = question.wanted.sort;
  const dataplane::WorkerId worker{static_cast<std::uint8_t>(question.at.worker)};
  const auto larger = [sort](const Found& a, const Found& b) {
    return figure(a.flow, sort) > figure(b.flow, sort);
  };
  std::vector<Found>& found = question.found;
  const auto records = answer.records();
  for (const auto& record : records.subspan(std::min(question.at.skip, records.size()))) {
    found.push_back({record, worker});
    if (sort == FlowsWanted::Sort::None) continue;
    std::push_heap(found.begin(), found.end(), larger);  // the least of them is in front
    if (found.size() <= question.wanted.limit) continue;
    std::pop_heap(found.begin(), found.end(), larger);
    found.pop_back();
    question.more = true;
  }
  question.at.skip = 0;
  question.at.bucket = answer.cursor();
  if (answer.complete()) {
    ++question.at.worker;
    question.at.bucket = 0;
  }
  if (found.size() > question.wanted.limit) return finish(nullptr);
  ask_worker();
}

report::Json FlowInquiry::document(const std::vector<Found>& found, const FlowsWanted& wanted,
                                   bool more) const {
  const std::size_t count = std::min(found.size(), wanted.limit);
  report::Json flows = report::Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    flows.push_back(report::flow_document(view_, found[i].flow, found[i].worker));
  }
  report::Json next;
  if (found.size() > count) {
    const Found& first = found[count];
    const auto same = [&](const Found& each) {
      return each.worker == first.worker && each.flow.bucket == first.flow.bucket;
    };
    FlowCursor at{first.worker.number, first.flow.bucket, 0};
    if (at.worker == wanted.from.worker && at.bucket == wanted.from.bucket) {
      at.skip = wanted.from.skip;
    }
    at.skip += static_cast<std::size_t>(
        std::count_if(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), same));
    next = cursor_text(at);
  }
  return {{"instance", report::version_document(view_)["instance"]},
          {"flows", std::move(flows)},
          {"truncated", more},
          {"next", std::move(next)}};
}

void FlowInquiry::finish(const Outcome* wrong) {
  Question question = std::move(questions_.front());
  questions_.pop_front();
  const bool others = !questions_.empty();  // before done(), which may ask again
  std::vector<Found>& found = question.found;
  const auto sort = question.wanted.sort;
  if (sort != FlowsWanted::Sort::None) {
    std::sort_heap(found.begin(), found.end(), [sort](const Found& a, const Found& b) {
      return figure(a.flow, sort) > figure(b.flow, sort);
    });
  }
  const bool more = question.more || found.size() > question.wanted.limit;
  question.done(wrong, std::move(found), more);
  if (others) ask_worker();
}

}  // namespace control
