#include "tools/bench/scene.h"

#include <fmt/core.h>

#include <algorithm>

#include "dataplane/path/steer.h"

namespace tools::bench {

using dataplane::TcpHeader;

void record(Figures& figures, const Tally& tally, std::uint64_t packets) {
  figures.packets_sent += packets;
  for (const auto& verdict : tally.all()) {
    const auto known = std::find_if(figures.verdicts.begin(), figures.verdicts.end(),
                                    [&](const auto& one) { return one.first == verdict.first; });
    if (known == figures.verdicts.end()) {
      figures.verdicts.emplace_back(verdict);
    } else {
      known->second += verdict.second;
    }
  }
}

void expect_forwarded(const Tally& tally, std::uint64_t packets) {
  const std::string others = tally.others();
  if (!others.empty()) throw CaseFailed("not every packet was forwarded: " + others);
  if (tally.forwarded() != packets) {
    throw CaseFailed(fmt::format("{} packets were sent, {} forwarded", packets, tally.forwarded()));
  }
}

void expect_laws(const Lane& lane) {
  const std::string broken = lane.broken_law();
  if (!broken.empty()) throw CaseFailed("the counters contradict each other: " + broken);
}

LineReference::LineReference(Bench& bench, const Lane& lane) : bench_(bench), lane_(lane) {
  read();
}

void LineReference::read() {
  constexpr std::size_t slices = 250;
  lines_.append(bench_.references().independent_lines(lane_.table().bytes(), slices));
}

void LineReference::complete(Figures& figures) {
  const Memory& table = lane_.table();
  read();
  figures.line_nanoseconds = lines_.p50();
  figures.bytes_per_connection =
      static_cast<double>(table.bytes().size()) / static_cast<double>(lane_.capacity());
  figures.pages = to_string(table.pages());
}

template <class Family>
Scene<Family>::Scene(Stage& stage, dataplane::Protocol protocol, std::uint64_t capacity,
                     std::uint32_t flows, const Clock& clock, dataplane::WorkerId worker)
    : lane(worker, Family::capacity(capacity), Family::frame_bytes, stage.publication, clock),
      plan(flows, stage.world.config.target_groups.front().mode, protocol),
      from_client(protocol, router_mac, front_mac),
      from_target(protocol, target_mac, back_mac) {
  if (stage.world.config.workers == 1) return;
  plan.keep_to([&](const typename Family::Key& key) {
    return dataplane::owner_worker(key, *stage.world.snapshot, lane.core().owner_seed) == worker;
  });
}

template <class Family>
void Scene<Family>::establish(std::uint32_t first, std::uint32_t last) {
  constexpr std::uint32_t batch = 128;
  const bool tcp = plan.protocol() == dataplane::Protocol::Tcp;
  Buffers buffers(Headers::Hot, batch);
  std::vector<const std::uint8_t*> frames(batch);
  for (std::uint32_t begin = first; begin < last; begin += batch) {
    const std::uint32_t end = std::min(last, begin + batch);
    const Tally tally(lane);
    lane.io.clear();
    for (std::uint32_t flow = begin; flow < end; ++flow) {
      frames[flow - begin] = offer_from_client(buffers, flow, TcpHeader::syn);
    }
    lane.run();
    expect_forwarded(tally, end - begin);
    for (std::uint32_t flow = begin; flow < end; ++flow) plan.learn(flow, frames[flow - begin]);
    if (!tcp) continue;
    for (std::uint32_t flow = begin; flow < end; ++flow) {
      offer_from_target(buffers, flow, TcpHeader::syn | TcpHeader::ack);
    }
    lane.run();
    for (std::uint32_t flow = begin; flow < end; ++flow) {
      offer_from_client(buffers, flow, TcpHeader::ack);
    }
    lane.run();
    expect_forwarded(tally, 3 * std::uint64_t{end - begin});
  }
}

template <class Family>
void Scene<Family>::establish_all(Bench& bench) {
  constexpr std::uint32_t some = 1 << 20;
  for (std::uint32_t first = 0; first < plan.flows(); first += some) {
    if (first != 0) bench.say(fmt::format("{} of {} flows opened", first, plan.flows()));
    establish(first, std::min(plan.flows(), first + some));
  }
}

template class Scene<Ipv4>;
template class Scene<Ipv6>;

}  // namespace tools::bench
