#include "control/flow_log/names.h"

#include <gtest/gtest.h>

namespace control {
namespace {

using dataplane::ListenerId;
using dataplane::TargetId;

Records records_of(std::uint16_t incarnation, const std::string& name) {
  Records records;
  dataplane::TargetRecord target{};
  target.id = {5, incarnation};
  target.state = dataplane::TargetState::Healthy;
  target.target_group.assign(name);
  target.zone.assign("a");
  records.targets.push_back(target);
  ListenerEntry listener{ListenerId{3}, {}};
  listener.record.incarnation = incarnation;
  listener.record.name.assign(name);
  records.listeners.push_back(listener);
  return records;
}

std::string group_of(const FlowNames& names, TargetId id) {
  const FlowNames::Target* found = names.find(id);
  return found == nullptr ? "" : std::string(found->target_group.view());
}
std::string name_of(const FlowNames& names, ListenerId id, std::uint16_t incarnation) {
  const FlowNames::Listener* found = names.find(id, incarnation);
  return found == nullptr ? "" : std::string(found->name.view());
}

TEST(FlowNames, AreByIdAndIncarnation) {
  const FlowNames names(records_of(1, "web"), {}, 0);
  EXPECT_EQ(group_of(names, {5, 1}), "web");
  EXPECT_EQ(name_of(names, ListenerId{3}, 1), "web");
  EXPECT_EQ(names.find(TargetId{5, 2}), nullptr);
  EXPECT_EQ(names.find(TargetId{9, 1}), nullptr);
  EXPECT_EQ(names.find(ListenerId{3}, 2), nullptr);
  EXPECT_EQ(names.find(dataplane::no_listener, 0), nullptr);
}

TEST(FlowNames, ThoseOfASlotsFormerUserStayUntilTheRingsWereEmpty) {
  const FlowNames first(records_of(1, "old"), {}, 10);
  const FlowNames second(records_of(2, "new"), first, 10);
  EXPECT_EQ(group_of(second, {5, 1}), "old");
  EXPECT_EQ(group_of(second, {5, 2}), "new");
  EXPECT_EQ(name_of(second, ListenerId{3}, 1), "old");
  EXPECT_EQ(name_of(second, ListenerId{3}, 2), "new");
  EXPECT_EQ(second.gone(), 2u);
  const FlowNames during(records_of(2, "new"), second, 11);
  EXPECT_EQ(group_of(during, {5, 1}), "old") << "that round may have begun before it was gone";
  const FlowNames after(records_of(2, "new"), during, 12);
  EXPECT_EQ(group_of(after, {5, 1}), "");
  EXPECT_EQ(after.gone(), 0u);
}

TEST(FlowNames, OfARecordThatIsThereAgainIsTheNewest) {
  const FlowNames first(records_of(1, "web"), {}, 0);
  const FlowNames none(Records{}, first, 0);
  const FlowNames again(records_of(1, "renamed"), none, 0);
  EXPECT_EQ(group_of(none, {5, 1}), "web");
  EXPECT_EQ(group_of(again, {5, 1}), "renamed");
}

}  // namespace
}  // namespace control
