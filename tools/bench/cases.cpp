#include "tools/bench/cases.h"

#include "tools/bench/family.h"

namespace tools::bench {
namespace {

template <class Family>
void add_family(std::vector<Group>& groups, bool quick) {
  add_established<Family>(groups, quick);
  add_turns<Family>(groups, quick);
  add_connections<Family>(groups, quick);
  add_lookups<Family>(groups, quick);
  add_floods<Family>(groups, quick);
  add_expiry<Family>(groups, quick);
  add_publication<Family>(groups, quick);
  add_scale<Family>(groups, quick);
  add_maglev<Family>(groups, quick);
}

}  // namespace

std::vector<Group> all_groups(bool quick) {
  std::vector<Group> groups;
  add_references(groups, quick);
  add_family<Ipv4>(groups, quick);
  add_family<Ipv6>(groups, quick);
  return groups;
}

}  // namespace tools::bench
