#include "tests/sealed/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "config/compile.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/contract.h"

namespace tests {

using namespace dataplane;

namespace {

constexpr int port_of_limited = 101, port_of_silent = 102;

/// A listener, TCP and UDP, whose targets take one connection each.
void add_limited(config::Config& config, Spillover spillover, int port) {
  config::TargetGroup group = config.target_groups[0];
  group.name = fmt::format("limited-{}", port);
  group.protocol = Protocols::tcp_udp();
  group.port = static_cast<std::uint16_t>(9000 + port);
  group.overload = Overload::Refuse;
  group.spillover = spillover;
  group.surge_queue = {.length = 4, .timeout = std::chrono::milliseconds(20)};
  for (config::Target& target : group.targets) {
    target.port = group.port;
    target.max_connections = 1;
  }
  config::Listener listener = config.listeners[0];
  listener.name = listener.target_group = group.name;
  listener.protocol = group.protocol;
  listener.port = static_cast<std::uint16_t>(port);
  config.target_groups.push_back(group);
  config.listeners.push_back(listener);
}

config::Config config_of(const World& world) {
  config::Config config = standard_config(4, world.mode, world.algorithm, world.family);
  for (config::TargetGroup& group : config.target_groups) {
    const bool forward = world.overload == Overload::Forward;
    group.overload = world.overload;
    group.unknown_flow = forward ? UnknownFlow::PickUp : UnknownFlow::Reset;
    group.maglev_table_size = 251;
  }
  config.punt_rate = config.icmp_error_rate = 100;
  // A second listener, of a range, over the same targets and, by weight, none; but not where a
  // target's packet must tell the listener. And two over none.
  if (world.overload == Overload::Refuse) {
    config::Listener again = config.listeners[0];
    again.name = "web-2";
    again.port = 81;
    again.port_last = 89;
    again.target_groups = {{.name = again.target_group, .weight = 9}, {.name = "web-none"}};
    again.target_group = "";
    config.listeners.push_back(again);
  }
  for (int i = 0; i < 2; ++i) {
    config::TargetGroup group = config.target_groups[static_cast<std::size_t>(i)];
    config::Listener listener = config.listeners[static_cast<std::size_t>(i)];
    group.targets.clear();
    group.name += "-none";
    listener.name = listener.target_group = group.name;
    listener.port = static_cast<std::uint16_t>(listener.port + 10);
    config.target_groups.push_back(group);
    config.listeners.push_back(listener);
  }
  // One listener that security groups let nobody reach, one that they let reach no target.
  config.security_groups.resize(2);
  config.security_groups[0].name = "nobody";
  config.security_groups[1].name = "nowhere";
  config.security_groups[1].inbound.emplace_back();
  config.security_groups[1].outbound.clear();
  for (const config::SecurityGroup& security_group : config.security_groups) {
    config::Listener listener = config.listeners[0];
    listener.name = security_group.name;
    listener.port = static_cast<std::uint16_t>(config.listeners.size() + 80);
    listener.security_groups = {security_group.name};
    config.listeners.push_back(listener);
  }
  config.target_groups[1].stickiness.type = Stickiness::SourceIp;
  add_limited(config, Spillover::Reset, port_of_limited);
  add_limited(config, Spillover::Silent, port_of_silent);
  return config;
}

/// Of the two that are added last.
constexpr int port_of_nobody = 85, port_of_nowhere = 86;

config::Facts facts_of(const config::Config& config) {
  config::Facts facts = standard_facts(config);
  facts.ports[1].mtu = 1300;
  return facts;
}

/// Another protocol's number in place of UDP's.
Bytes with_protocol(Bytes frame, std::uint8_t protocol, bool v4) {
  frame[v4 ? 14 + 9 : 14 + 6] = protocol;
  if (v4) set_header_checksum(*reinterpret_cast<Ipv4Header*>(frame.data() + 14));
  return frame;
}

template <class Header>
void turn_around(Slot& slot, const Packet& packet, std::uint8_t flags, bool is_tcp) {
  std::uint8_t* data = slot.bytes.data() + Slot::room;
  auto& ethernet = *reinterpret_cast<EthernetHeader*>(data);
  std::swap(ethernet.source, ethernet.destination);
  auto& ip = *reinterpret_cast<Header*>(data + packet.network);
  std::swap(ip.source, ip.destination);
  auto& tcp = *reinterpret_cast<TcpHeader*>(data + packet.transport);
  std::swap(tcp.source_port, tcp.destination_port);
  if (is_tcp) tcp.flags = flags;
}

}  // namespace

void Slot::assign(const std::uint8_t* data, std::size_t size, PortId arrives_at) {
  CHECK(room + size <= bytes.size());
  if (size != 0) std::memcpy(bytes.data() + room, data, size);
  length = static_cast<std::uint16_t>(size);
  port = arrives_at;
  segmented = false;
}

Slot* Places::put() {
  if (used_ == slots_.size()) return nullptr;
  return &slots_[(first_ + used_++) % slots_.size()];
}

const Slot* Places::take() {
  if (used_ == 0) return nullptr;
  const Slot* oldest = &slots_[first_];
  first_ = (first_ + 1) % slots_.size();
  --used_;
  return oldest;
}

const Slot* Wire::next() {
  switch (source_) {
    case Source::Script: return played_ == script_->size() ? nullptr : &(*script_)[played_++];
    case Source::Answers: return answers_.take();
    case Source::HandedOver: return handed_.take();
    case Source::None: break;
  }
  return nullptr;
}

bool Wire::receive(Burst& burst, Instant now) {
  while (source_ != Source::None) {
    std::size_t count = 0;
    for (const Slot* slot = nullptr; count < burst.capacity && (slot = next()) != nullptr;) {
      CHECK(free_ != 0);
      received_[count] = unused_[--free_];
      *received_[count++] = *slot;
    }
    const bool handed_off = source_ == Source::HandedOver;
    source_ = Source{static_cast<std::uint8_t>(static_cast<int>(source_) + 1)};
    if (count == 0) continue;
    burst.reset(now, count);
    for (std::size_t i = 0; i < count; ++i) {
      Slot& slot = *received_[i];
      Packet packet;
      packet.data = slot.bytes.data() + Slot::room;
      packet.buffer = &slot;
      packet.length = slot.length;
      packet.headroom = Slot::room;
      packet.tailroom = static_cast<std::uint16_t>(slot.bytes.size() - Slot::room - slot.length);
      packet.ingress = slot.port;
      packet.handed_off = handed_off;
      packet.segmented = slot.segmented;
      burst.packets[i] = packet;
    }
    return true;
  }
  source_ = Source::Script;
  return false;
}

void Wire::transmit(Burst& burst, Totals& totals) {
  for (std::size_t i = 0; i < burst.size; ++i) {
    const Packet& packet = burst.packets[i];
    const Verdict verdict = burst.verdicts[i];
    if (verdict == Verdict::Wait) continue;  // it comes back
    unused_[free_++] = static_cast<Slot*>(packet.buffer);
    if (verdict == Verdict::HandOff) {
      Slot* place = other_->handed_.put();
      (place != nullptr ? totals.handed_off : totals.hand_off_unsent).add(1);
      if (place != nullptr) place->assign(packet.data, packet.length, packet.ingress);
    } else if (is_forward(verdict) || is_reply(verdict)) {
      totals.sent.add(1);
      if (verdict == Verdict::ForwardToTarget && burst.kinds[i] != Kind::IcmpError)
        answer(burst, i);
    }
  }
}

/// What the target says: to a SYN its SYN-ACK, else now this, now that.
void Wire::answer(const Burst& burst, std::size_t i) {
  static constexpr std::uint8_t usual[] = {ack, psh | ack, ack, fin | ack, ack, ack, rst};
  const Packet& packet = burst.packets[i];
  Slot* place = answers_.put();
  if (place == nullptr) return;
  place->assign(packet.data, packet.length, packet.egress);
  const bool opening = (burst.tcp_flags[i] & syn) != 0;
  const std::uint8_t flags = opening ? syn | ack : usual[turns_++ % std::size(usual)];
  const bool is_tcp = burst.kinds[i] == Kind::Tcp;
  if ((burst.v6 >> i & 1) != 0) {
    turn_around<Ipv6Header>(*place, packet, flags, is_tcp);
  } else {
    turn_around<Ipv4Header>(*place, packet, flags, is_tcp);
  }
}

Traffic::Traffic(const World& world)
    : world_(world),
      rig_(config_of(world), facts_of(config_of(world)), workers, flows_max),
      publication_(workers, newest_ = compile(false)) {
  for (std::size_t i = 0; i < workers; ++i) {
    wires_[i].connect(wires_[1 - i]);
    workers_.push_back(
        std::make_unique<Worker<Wire>>(rig_.core(static_cast<int>(i)), wires_[i], publication_));
  }
  for (std::size_t phase = 0; phase < phases; ++phase) write_script(phase, 3'000);
}

std::shared_ptr<const Snapshot> Traffic::compile(bool few_local_ports) {
  const auto made = config::compile(rig_.config, rig_.facts, newest_.get());
  if (!few_local_ports) return made;
  auto narrow = std::make_shared<Snapshot>(*made);
  for (LocalAddresses& locals : narrow->locals) {
    locals.port_last = static_cast<std::uint16_t>(locals.port_first + 7);
  }
  return narrow;
}

/// Control's part of captures of everything, one after the other.
void Traffic::watch() {
  constexpr std::uint64_t turns_each = 50;
  ++turns_;
  for (int worker = 0; worker < static_cast<int>(workers); ++worker) {
    Capture& capture = rig_.core(worker).capture;
    captured_ += capture.take_each(Capture::places, [](const CapturedPacket&) {});
    if (turns_ % turns_each == 0) capture.end();
    if (!capture.at_rest()) continue;
    const bool begun = capture.begin({.filter = {.verdicts = ~std::uint64_t{0}}});
    CHECK(begun);
  }
}

void Traffic::publish(bool few_local_ports) {
  ++rig_.facts.generation.number;
  newest_ = compile(few_local_ports);
  publication_.publish(newest_);
}

void Traffic::prepare(std::size_t phase) {
  using config::Availability;
  auto& facts = rig_.facts;
  rig_.config.flows.new_per_second = phase == 5 ? 1 : 0;
  if (phase == 1) {  // nobody knows where the last target is; the tools ask for flows
    std::erase_if(facts.neighbours, [last = facts.targets.back().address](const auto& neighbour) {
      return neighbour.address == last;
    });
    facts.targets[1].availability = Availability::Draining;
    for (int i = 0; i < static_cast<int>(workers); ++i) {
      CHECK(rig_.core(i).query.ask(100, {}));
    }
  } else if (phase == 2) {
    facts.targets[0].availability = Availability::Terminated;
    facts.targets[4].availability = Availability::Terminated;  // of the UDP group
  } else if (phase == 3) {
    facts.targets[0].availability = facts.targets[4].availability = Availability::Serving;
  }
  if (phase != 0) publish(phase == 4);
}

void Traffic::work() {
  Instant now{1'000'000'000};
  for (std::size_t phase = 0; phase < phases; ++phase) {
    while (released_.load(std::memory_order_acquire) <= phase) {  // pairs with control()
    }
    for (std::size_t i = 0; i < workers; ++i) wires_[i].play(script_[phase][i]);
    while (!wires_[0].idle() || !wires_[1].idle()) {
      now.nanoseconds += 1'000'000;
      for (auto& worker : workers_) worker->step(now);
    }
    for (int quiet = 0; quiet < 100; ++quiet) {  // from the flood on: until all flows are over
      now.nanoseconds += phase >= 3 ? 5'000'000'000 : 1'000'000;
      for (auto& worker : workers_) worker->step(now);
    }
    reached_.store(phase + 1, std::memory_order_release);  // pairs with control()
  }
  for (auto& worker : workers_) worker->stop();
}

// --- the script ---

std::string Traffic::address(const char* four, const char* six) const { return v4() ? four : six; }

std::string Traffic::client(std::uint64_t number) const {
  const std::uint64_t host = number % 200 + 1;
  return v4() ? fmt::format("198.18.{}.{}:{}", number / 200 % 200, host, 1024 + number % 50'000)
              : fmt::format("[2001:db8:c:{:x}::{:x}]:{}", number / 200, host,
                            1024 + number % 50'000);
}
std::string Traffic::ours(int port) const {
  return v4() ? fmt::format("203.0.113.10:{}", port) : fmt::format("[2001:db8::10]:{}", port);
}
std::string Traffic::target(std::uint64_t number, int port) const {
  return with_port(ip(target_ip(static_cast<int>(number), world_.family)),
                   static_cast<std::uint16_t>(port));
}

void Traffic::add(Bytes bytes, PortId port) {
  Slot slot;
  slot.assign(bytes.data(), bytes.size(), port);
  writing_->push_back(slot);
}
void Traffic::add(const Frame& frame, PortId port) {
  Frame addressed = frame;
  add(addressed.to_mac(port_mac(port)).bytes(), port);
}

void Traffic::write_script(std::size_t phase, std::size_t frames) {
  for (std::vector<Slot>& script : script_[phase]) {
    writing_ = &script;
    if (phase == 3) flood();
    while (script.size() < frames) {
      switch (below(10)) {
        case 0: add_answered(); break;
        case 1: add_dropped(); break;
        case 2: add_odd(); break;
        case 3: add_icmp_error(); break;
        case 4: add_too_big(); break;
        default: add_flow_packet();
      }
    }
  }
}

/// Few clients, so that their packets meet flows; any flags.
void Traffic::add_flow_packet() {
  static constexpr std::uint8_t usual[] = {syn, syn, ack, ack, psh | ack, ack, fin | ack, rst};
  const std::string from = client(below(60));
  if (below(4) == 0) return add(udp(from, ours(53)).payload("query"), front);
  if (below(8) == 0) {
    const std::string limited = ours(below(2) == 0 ? port_of_limited : port_of_silent);
    if (below(3) == 0) return add(udp(from, limited).payload("query"), front);
    return add(tcp(from, limited).flags(syn), front);
  }
  const int port = below(5) == 0 ? 81 + static_cast<int>(below(9)) : 80;
  add(tcp(from, ours(port)).flags(usual[below(std::size(usual))]).payload("data"), front);
}

/// What the path answers itself or gives to the kernel.
void Traffic::add_answered() {
  const std::string asker = address("198.51.100.1", "fd00:f::1");
  const std::string listener = address("203.0.113.10", "2001:db8::10");
  const char* const asked[] = {listener.c_str(), v4() ? "198.51.100.2" : "fd00:f::2",
                               v4() ? "203.0.113.99" : "2001:db8::99"};
  const std::string whom = asked[below(3)];
  switch (below(5)) {
    case 0: return add(echo(client(below(60)), whom), front);
    case 1: {
      if (v4()) return add(tests::arp(1, router_mac(), asker, {}, whom, port_mac(front)), front);
      return add(solicitation(asker, whom, whom, router_mac()), front);
    }
    case 2: return add(tcp(client(below(60)), ours(90)).flags(syn), front);
    case 3: return add(udp(client(below(60)), ours(63)), front);
    default: {
      Bytes lldp(60, 0x5a);
      lldp[12] = 0x88, lldp[13] = 0xcc;
      const MacAddress mac = port_mac(front);
      std::copy(mac.bytes.begin(), mac.bytes.end(), lldp.begin());
      return add(lldp, front);
    }
  }
}

void Traffic::add_dropped() {
  const std::string from = client(below(60));
  switch (below(11)) {
    case 9: return add(tcp(from, ours(port_of_nobody)).flags(syn), front);
    case 10: return add(tcp(from, ours(port_of_nowhere)).flags(syn), front);
    case 0: return add(udp(from, ours(53)).ttl(1), front);
    case 1: return add(udp(from, ours(53)).vlan(77), front);
    case 2: return add(udp(address("224.0.0.5:1", "[ff02::5]:1"), ours(53)), front);
    case 3: return add(udp(from, ours(53)).fragment(v4() ? 0x2000 : 1), front);
    case 4: return add(udp(from, ours(99)), front);
    case 5: return add(udp(target(1 + below(4), 5353), client(5'000)), back);
    case 6: return add(tcp(client(6'000), ours(80)).flags(rst), front);
    case 7: return add(udp(from, address("203.0.113.99:53", "[2001:db8::99]:53")), front);
    default: {
      Frame other = udp(from, ours(53));
      return add(with_protocol(other.to_mac(port_mac(front)).bytes(), 132, v4()), front);
    }
  }
}

/// Cut, longer than they say, changed anywhere, in several buffers, with options.
void Traffic::add_odd() {
  Frame frame = tcp(client(below(60)), ours(80)).flags(syn);
  Bytes bytes = frame.to_mac(port_mac(front)).bytes();
  switch (below(5)) {
    case 0: bytes.resize(below(bytes.size())); break;
    case 1: bytes.resize(bytes.size() + below(40)); break;
    case 2: bytes[below(bytes.size())] = static_cast<std::uint8_t>(random_()); break;
    case 3:
      add(bytes, front);
      writing_->back().segmented = true;
      return;
    default:
      frame.options(v4() ? Bytes{1, 1, 1, 0} : Bytes{60, 6, 0, 1, 4, 0, 0, 0, 0});
      return add(frame, front);
  }
  add(bytes, front);
}

/// From a router on the way to the client, or from a target that may have the flow.
void Traffic::add_icmp_error() {
  const std::string who = client(below(60));
  const std::string host = who.substr(v4() ? 0 : 1, who.rfind(':') - (v4() ? 0 : 2));
  if (below(2) == 0) {
    Frame error =
        echo(address("198.51.100.1", "2001:db8:9::1"), address("203.0.113.10", "2001:db8::10"));
    // Now and then longer than the next link takes: errors are not answered with errors.
    Frame quoted = tcp(ours(80), who).payload(std::string(below(4) == 0 ? 1'300 : 8, 'q'));
    return add(v4() ? error.icmp(3, 4, 1280).payload(quoted.ip_packet())
                    : error.icmp(2, 0, 1280).payload(quoted.ip_packet()),
               front);
  }
  const std::uint64_t number = 1 + below(4);
  Frame error = echo(target_ip(static_cast<int>(number), world_.family), host);
  error.icmp(v4() ? 3 : 1, v4() ? 3 : 4, 0).payload(tcp(who, target(number, 8080)).ip_packet());
  add(error, back);
}

void Traffic::add_too_big() {
  const std::string who = client(below(60));
  Frame large = tcp(who, ours(80)).payload(std::string(1'350, 'x'));
  if (v4() && below(2) == 0) large.fragment(0);  // a router may cut it: we do not
  add(tcp(who, ours(80)).flags(syn), front);
  add(large, front);
}

/// More connections than there is room for, by far.
void Traffic::flood() {
  for (std::uint64_t number = 10'000; number < 12'000; ++number) {
    add(below(2) == 0 ? udp(client(number), ours(53)) : tcp(client(number), ours(80)).flags(syn),
        front);
  }
}

}  // namespace tests
