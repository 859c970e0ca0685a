#include "control/captures.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "control/named.h"

namespace control {
namespace {

using dataplane::CapturedFrame;
using dataplane::CapturedPacket;
using report::Json;

/// So many packets of each worker at a time: about a millisecond of the control thread.
constexpr std::size_t packets_at_once = 64;

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Json name_of(const report::SegmentView& view, dataplane::PortId port) {
  if (port.number >= dataplane::ports_max) return {};
  const auto record = view.control->ports[port.number].read();
  return record && record->used ? Json(report::text(record->name)) : Json();
}

template <class Records, class Id>
Json name_in(const Records& records, Id id) {
  if (id.slot >= records.size()) return {};
  const auto record = records[id.slot].read();
  return record && record->used ? Json(report::text(record->name)) : Json();
}

/// "10.0.1.11:8080"
std::string target_name(const dataplane::TargetRecord& record) {
  const auto address = dataplane::parse_address(record.address.view());
  return address ? dataplane::target_text(*address, record.port) : report::text(record.address);
}

Json frame_document(const report::SegmentView& view, const CapturedFrame& frame) {
  if (frame.length == 0) return {};
  return {{"port", name_of(view, frame.port)},
          {"length", frame.length},
          {"bytes", hex(std::span(frame.bytes).first(frame.captured))}};
}

Json packet_document(const report::SegmentView& view, const CapturedPacket& packet) {
  const auto target = report::target(view, packet.target);
  return {{"verdict", to_string(packet.verdict)},
          {"listener", name_in(view.control->listeners, packet.listener)},
          {"target_group", name_in(view.control->target_groups, packet.group)},
          {"target", target ? Json(target_name(*target)) : Json()},
          {"handed_off", packet.handed_off},
          {"waited", packet.waited},
          {"before", frame_document(view, packet.before)},
          {"after", frame_document(view, packet.after)}};
}

std::string line(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::uint64_t unix_nanoseconds() {
  using std::chrono::nanoseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<nanoseconds>(now).count());
}

/// What is to be added to the workers' clock to get Unix time: of a few readings the one that was
/// interrupted least.
std::uint64_t unix_offset(const std::function<dataplane::Instant()>& clock) {
  std::uint64_t offset = 0, narrowest = UINT64_MAX;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = clock().nanoseconds;
    const std::uint64_t unix_now = unix_nanoseconds();
    const std::uint64_t width = clock().nanoseconds - before;
    if (width >= narrowest) continue;
    narrowest = width;
    offset = unix_now - (before + width / 2);
  }
  return offset;
}

bool is_registered(const report::SegmentView& view, const dataplane::CaptureFilter& filter) {
  const std::string address = to_string(*filter.target);
  for (const auto& entry : view.control->targets) {
    const auto record = entry.read();
    if (!record || !record->used || record->address.view() != address) continue;
    if (filter.target_port == 0 || record->port == filter.target_port) return true;
  }
  return false;
}

}  // namespace

/// One capture, from its request until its client has all of it or is gone. Knows the workers as
/// long as it is under way.
class Captures::Recording : public std::enable_shared_from_this<Recording> {
 public:
  Recording(Captures& captures, const CaptureWanted& wanted)
      : timer_(captures.io_),
        workers_(captures.workers_),
        view_(captures.view_),
        now_(captures.now_),
        timeout_(captures.timeout_),
        wanted_(wanted) {}
  ~Recording() { leave(); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Answers as soon as all workers know what is wanted.
  void begin(const dataplane::CaptureFilter& filter, Done done) {
    const auto busy = first_busy();
    if (busy != workers_.end()) {
      if (Steady::now() >= begun_ + timeout_) {
        return done(refused(500, fmt::format("worker {} has not ended an earlier capture in {} ms: "
                                             "is its core overloaded?",
                                             busy - workers_.begin(), timeout_.count())));
      }
      return after(look_again, [this, filter, done = std::move(done)]() mutable {
        begin(filter, std::move(done));
      });
    }
    for (dataplane::Capture* worker : workers_) {
      const bool begun = worker->begin({.filter = filter,
                                        .snap_length = wanted_.snap_length,
                                        .limit = wanted_.count.value_or(UINT64_MAX)});
      CHECK(begun);
    }
    begun_ = told_ = Steady::now();
    unix_offset_ = unix_offset(now_);
    known_ = true;
    spdlog::info("a capture of packets has begun");
    const auto stream = std::make_shared<Stream>();
    stream->next = [self = shared_from_this()](Stream::Take take) { self->next(std::move(take)); };
    stream->end = [self = shared_from_this()] { self->finish("client"); };
    done({200, document(), stream});
  }
  /// The workers are to hand over no more; nobody is asked for them any more.
  void leave() {
    if (std::exchange(known_, false)) {
      spdlog::info("the capture of packets has ended: {} were passed on, {} lost", written_,
                   total(&dataplane::Capture::lost));
    }
    for (dataplane::Capture* worker : workers_) worker->end();
    workers_.clear();
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  using Steady = std::chrono::steady_clock;

  void next(Stream::Take take) {
    if (ended_ || workers_.empty()) return take({});
    std::string lines = collect();
    const auto now = Steady::now();
    if (reason_.empty() && wanted_.time && now >= begun_ + *wanted_.time) finish("time");
    if (!lines.empty()) return take(std::move(lines));
    // A worker that does not notice must not keep the client for ever.
    const bool over =
        !reason_.empty() && (first_busy() == workers_.end() || now >= finished_ + timeout_);
    if (over) {
      lines = collect();  // what came before they noticed
      ended_ = lines.empty();
      return take(ended_ ? line({{"end", figures()}}) : std::move(lines));
    }
    if (now >= told_ + tell_again) {
      told_ = now;
      return take(line({{"progress", figures()}}));
    }
    after(look_again, [this, take = std::move(take)]() mutable { next(std::move(take)); });
  }
  void finish(const char* reason) {
    if (!reason_.empty()) return;
    reason_ = reason;
    finished_ = Steady::now();
    for (dataplane::Capture* worker : workers_) worker->end();
  }
  /// Some of what the workers have handed over, a line each, in order of time.
  [[nodiscard]] std::string collect() {
    std::vector<std::pair<dataplane::Instant, Json>> packets;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i]->take_each(packets_at_once, [&](const CapturedPacket& packet) {
        Json document = packet_document(view_, packet);
        document["worker"] = i;
        document["lost_before"] = packet.lost - std::exchange(lost_[i], packet.lost);
        document["unix_nanoseconds"] = packet.at.nanoseconds + unix_offset_;
        packets.emplace_back(packet.at, std::move(document));
      });
    }
    std::stable_sort(packets.begin(), packets.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string lines;
    for (auto& [at, document] : packets) {
      if (wanted_.count && written_ >= *wanted_.count) break;
      document["number"] = ++written_;
      lines += line({{"packet", std::move(document)}});
    }
    if (wanted_.count && written_ >= *wanted_.count) finish("count");
    return lines;
  }
  [[nodiscard]] std::uint64_t total(std::uint64_t (dataplane::Capture::*figure)() const) const {
    std::uint64_t sum = 0;
    for (const dataplane::Capture* worker : workers_) sum += (worker->*figure)();
    return sum;
  }
  [[nodiscard]] Json figures() const {
    const std::uint64_t given = total(&dataplane::Capture::given);
    const std::uint64_t lost = total(&dataplane::Capture::lost);
    Json figures{{"matched", given + lost}, {"written", written_}, {"lost", lost}};
    if (!reason_.empty()) figures["reason"] = reason_;
    return figures;
  }
  [[nodiscard]] Json document() const {
    const Json version = report::version_document(view_);
    Json ports = Json::array();
    for (const auto& entry : view_.control->ports) {
      const auto port = entry.read();
      if (!port || !port->used) continue;
      ports.push_back({{"name", report::text(port->name)},
                       {"device", report::text(port->device)},
                       {"mac", report::text(port->mac)}});
    }
    return {{"instance", version["instance"]},
            {"version", version["version"]},
            {"workers", workers_.size()},
            {"ports", std::move(ports)},
            {"snap_length", wanted_.snap_length}};
  }
  [[nodiscard]] std::vector<dataplane::Capture*>::const_iterator first_busy() const {
    return std::find_if(workers_.begin(), workers_.end(),
                        [](const dataplane::Capture* worker) { return !worker->at_rest(); });
  }
  /// Calls `then` later, if this is still there.
  template <class Then>
  void after(std::chrono::milliseconds pause, Then then) {
    timer_.expires_after(pause);
    timer_.async_wait([weak = weak_from_this(),
                       then = std::move(then)](const boost::system::error_code& error) mutable {
      const auto self = weak.lock();
      if (!error && self) then();
    });
  }

  boost::asio::steady_timer timer_;
  std::vector<dataplane::Capture*> workers_;
  report::SegmentView view_;
  std::function<dataplane::Instant()> now_;
  std::uint64_t unix_offset_ = 0;  // one for all: batches do not shift against each other
  std::chrono::milliseconds timeout_;
  CaptureWanted wanted_;
  Steady::time_point begun_ = Steady::now(), told_, finished_;
  std::uint64_t written_ = 0;  // packets, to the client
  std::vector<std::uint64_t> lost_ = std::vector<std::uint64_t>(workers_.size());  // by worker
  std::string reason_;  // why it ends; "": it goes on
  bool known_ = false;  // to the workers
  bool ended_ = false;  // the last line was given
};

Captures::Captures(boost::asio::io_context& io, std::vector<dataplane::Capture*> workers,
                   report::SegmentView view, std::function<dataplane::Instant()> now,
                   std::chrono::milliseconds timeout)
    : io_(io), workers_(std::move(workers)), view_(view), now_(std::move(now)), timeout_(timeout) {}

Captures::~Captures() {
  if (const auto recording = under_way_.lock()) recording->leave();
}

void Captures::ask(const CaptureWanted& wanted, Done done) {
  if (const auto other = under_way_.lock()) {
    return done(refused(409, fmt::format("another capture is under way, with {} packets so far: "
                                         "one at a time is possible; wait until it has ended",
                                         other->written())));
  }
  dataplane::CaptureFilter filter = wanted.filter;
  if (filter.verdicts == 0) filter.verdicts = CaptureWanted::verdicts_default;
  if (!wanted.listener.empty()) {
    const auto listener = listener_named(view_, wanted.listener);
    if (!listener) {
      return done(refused(404, fmt::format("there is no listener \"{}\"; spillwayctl listeners "
                                           "lists them",
                                           wanted.listener)));
    }
    filter.listener = *listener;
  }
  if (!wanted.target_group.empty()) {
    const auto group = target_group_named(view_, wanted.target_group);
    if (!group) {
      return done(refused(404, fmt::format("there is no target group \"{}\"; spillwayctl "
                                           "target-groups lists them",
                                           wanted.target_group)));
    }
    filter.group = *group;
  }
  if (filter.target && !is_registered(view_, filter)) {
    return done(refused(
        404, fmt::format("there is no target {}; spillwayctl targets lists them",
                         filter.target_port == 0 ? to_string(*filter.target)
                                                 : with_port(*filter.target, filter.target_port))));
  }
  const auto recording = std::make_shared<Recording>(*this, wanted);
  under_way_ = recording;
  // Kept by what it waits for, then by its client's stream.
  recording->begin(
      filter, [recording, done = std::move(done)](Outcome outcome) { done(std::move(outcome)); });
}

}  // namespace control
