// What the control socket can ask of zones and target groups.
#include "control/daemon.h"
#include "tools/report/group_documents.h"

namespace control {

void Daemon::add_zone_commands(Commands& commands) {
  const auto answer = [this](const std::optional<Outcome>& refusal) {
    if (refusal) return *refusal;
    publish();  // now, so that the answer is what it has come to
    return Outcome{200, report::zones_document(segment_.view(), Segment::alive())};
  };
  commands.target_groups = [this] {
    return report::target_groups_document(segment_.view(), Segment::alive());
  };
  commands.zones = [this] { return report::zones_document(segment_.view(), Segment::alive()); };
  commands.shift = [this, answer](const ShiftWanted& wanted, const Done& done) {
    done(answer(live_->shift(wanted)));
  };
  commands.unshift = [this, answer](const std::string& zone, const Done& done) {
    done(answer(live_->unshift(zone)));
  };
}

}  // namespace control
