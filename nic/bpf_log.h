// libbpf and libxdp, which net_af_xdp brings along, write to stderr by themselves. This sends their
// lines through DPDK's log instead, and so to the sink that EalLog was given.
#pragma once

namespace nic {

/// After EAL has loaded its drivers. Does nothing where those libraries are not loaded.
void redirect_bpf_logs();

}  // namespace nic
