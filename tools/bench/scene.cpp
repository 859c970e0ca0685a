#include "tools/bench/scene.h"

#include <fmt/core.h>

#include <algorithm>

namespace tools::bench {

using dataplane::TcpHeader;

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

template class Scene<Ipv4>;

}  // namespace tools::bench
