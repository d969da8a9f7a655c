#include "client/cli/propagation_text.h"

#include <gtest/gtest.h>

#include <string>

#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

struct Case {
  v1::PropagationOutcome outcome;
  int acked;
  int expired;
  int pending;
  absl::Duration waited;
  absl::Duration safe_in;
  const char* want;
};

TEST(DescribePropagationTest, SaysWhatHappenedInWords) {
  const absl::Duration none;
  const Case cases[] = {
      {v1::PROPAGATION_OUTCOME_ALL_ACKED, 14, 0, 0, absl::Milliseconds(3), none,
       "14 verifiers confirmed in 3 ms"},
      {v1::PROPAGATION_OUTCOME_ALL_ACKED, 1, 0, 0, absl::Milliseconds(3), none,
       "1 verifier confirmed in 3 ms"},
      {v1::PROPAGATION_OUTCOME_ALL_ACKED, 0, 0, 0, none, none, "no verifier held it (0 sessions)"},
      {v1::PROPAGATION_OUTCOME_LEASES_EXPIRED, 12, 2, 0, absl::Seconds(2), none,
       "12 verifiers confirmed, 2 verifiers lost the right to answer from cache, all in 2 s "
       "(LEASES_EXPIRED)"},
      {v1::PROPAGATION_OUTCOME_LEASES_EXPIRED, 0, 1, 0, absl::Seconds(2), none,
       "1 verifier lost the right to answer from cache, all in 2 s (LEASES_EXPIRED)"},
      {v1::PROPAGATION_OUTCOME_LEASES_EXPIRED, 0, 0, 0, absl::Seconds(2), none,
       "what verifiers may have held since before the server's restart has ended, in 2 s "
       "(LEASES_EXPIRED)"},
      {v1::PROPAGATION_OUTCOME_PENDING, 0, 0, 0, none, absl::Milliseconds(2'100),
       "waiting verifiers stop accepting it within 2.1 s (PENDING)"},
      {v1::PROPAGATION_OUTCOME_PENDING, 11, 0, 3, none, absl::Milliseconds(2'100),
       "11 verifiers confirmed, 3 waiting verifiers stop accepting it within 2.1 s (PENDING)"},
      {v1::PROPAGATION_OUTCOME_PENDING, 0, 0, 1, none, absl::Seconds(1),
       "1 waiting verifier stops accepting it within 1 s (PENDING)"},
      {v1::PROPAGATION_OUTCOME_UNSPECIFIED, 0, 0, 0, none, absl::Seconds(2),
       "durable, verifiers stop accepting it within 2 s (COMMIT)"},
      {v1::PROPAGATION_OUTCOME_UNSPECIFIED, 0, 0, 0, none, none, "durable, nobody was waited for"},
  };
  for (const Case& c : cases) {
    v1::Propagation propagation;
    propagation.set_outcome(c.outcome);
    propagation.set_acked_sessions(c.acked);
    propagation.set_expired_sessions(c.expired);
    propagation.set_pending_sessions(c.pending);
    *propagation.mutable_waited() = ToProto(c.waited);
    *propagation.mutable_safe_in() = ToProto(c.safe_in);
    EXPECT_EQ(DescribePropagation(propagation), c.want);
    EXPECT_EQ(ExitCodeFor(propagation),
              c.outcome == v1::PROPAGATION_OUTCOME_PENDING ? ExitCode::kPending : ExitCode::kOk);
  }
}

}  // namespace
}  // namespace claviger::cli
