#include "dataplane/packet/contract.h"

#include <gtest/gtest.h>

namespace dataplane {
namespace {

TEST(ContractDeathTest, CheckNamesConditionFileAndLine) {
  const int flows = 3;
  CHECK(flows == 3);
  EXPECT_DEATH(CHECK(flows == 4), "contract_test\\.cpp:[0-9]+: CHECK failed: flows == 4");
}

TEST(ContractDeathTest, DcheckIsOnInTests) {
  const bool proven = false;
  EXPECT_DEATH(DCHECK(proven), "CHECK failed: proven");
}

TEST(Contract, CheckIsOneExpression) {
  // Usable without braces, in front of an else.
  bool taken = false;
  if (taken)
    CHECK(true);
  else
    taken = true;
  EXPECT_TRUE(taken);
}

}  // namespace
}  // namespace dataplane
