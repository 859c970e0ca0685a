// Own addresses: what this machine's kernel has on given interfaces, whoever put it there.
#pragma once

#include <set>
#include <string>

#include "dataplane/packet/address.h"

namespace control {

/// Asks the kernel: about 30 µs where there are few. Empty if it does not answer.
[[nodiscard]] std::set<dataplane::IpAddress> addresses_on(const std::set<std::string>& interfaces);

}  // namespace control
