// Failure: what kept nic/ from starting something, as a value, in words for an operator: which
// thing, which need is missing, what to do. Made where the cause is known, shown by main. Nothing
// throws.
#pragma once

#include <string>
#include <variant>

namespace nic {

struct Failure {
  std::string message;
};

/// A T, or why there is none. Ask with std::get_if.
template <class T>
using Result = std::variant<T, Failure>;

}  // namespace nic
