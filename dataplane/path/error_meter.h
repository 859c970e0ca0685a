// ErrorMeter: how many ICMP errors one worker may send, whoever they are for. Each costs more than
// the packet it is about, and both RFCs ask for a limit (RFC 4443, 2.4 (f): a token bucket; RFC
// 1812, 4.3.2.8).
#pragma once

#include "dataplane/packet/clock.h"
#include "dataplane/table/snapshot.h"
#include "dataplane/table/token_bucket.h"

namespace dataplane {

class ErrorMeter {
 public:
  /// Whether one more may be sent now; it then counts.
  [[nodiscard]] bool take(Instant now, const Snapshot& snapshot) {
    return bucket_.take(now, snapshot.icmp_errors_per_second);
  }

 private:
  TokenBucket bucket_;
};

}  // namespace dataplane
