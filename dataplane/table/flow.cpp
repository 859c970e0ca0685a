#include "dataplane/table/flow.h"

namespace dataplane {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::SynSent: return "syn_sent";
    case Phase::SynReceived: return "syn_received";
    case Phase::Established: return "established";
    case Phase::ClientFin: return "client_fin";
    case Phase::TargetFin: return "target_fin";
    case Phase::Closing: return "closing";
    case Phase::ClientReset: return "client_reset";
    case Phase::TargetReset: return "target_reset";
    case Phase::Terminated: return "terminated";
  }
  return "unknown";
}

}  // namespace dataplane
