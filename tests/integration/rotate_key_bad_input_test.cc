// RotateKey and every bound of its fields.

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

using Request = v1::RotateKeyRequest;

constexpr absl::Duration kThirtyDays = absl::Hours(24 * 30);
constexpr absl::Duration kHundredYears = absl::Hours(24 * 36525);

class RotateKeyBadInputTest : public BadInputTest {
 protected:
  void SetUp() override { good_ = NewRotation(); }

  Request NewRotation() {
    Request request;
    request.set_key_id(Issue().info().key_id());
    return request;
  }
  // Each against a key of its own: a key is rotated once.
  void ExpectEachTaken(const std::vector<GoodInput<Request>>& rows) {
    for (const GoodInput<Request>& row : rows) ExpectTaken(NewRotation(), {row});
  }

  Request good_;
};

TEST_F(RotateKeyBadInputTest, TheKeyMustBeNamedAndExist) {
  std::vector<BadInput<Request>> rows =
      BadKeyIds<Request>("key_id", [](Request& r, const std::string& s) { r.set_key_id(s); });
  rows.push_back({"unknown", [](Request& r) { r.set_key_id("00nosuchkey00000"); }, "", "",
                  "KEY_NOT_FOUND", StatusCode::NOT_FOUND});
  ExpectRefused(good_, rows);
}

TEST_F(RotateKeyBadInputTest, AGraceIsBetweenNothingAndThirtyDays) {
  const auto grace = [](int64_t seconds, int32_t nanos) {
    return [=](Request& r) {
      r.mutable_grace_period()->set_seconds(seconds);
      r.mutable_grace_period()->set_nanos(nanos);
    };
  };
  ExpectRefused<Request>(
      good_,
      {{"negative", grace(0, -1), "grace_period", "at least 0 and at most 30 days"},
       {"one over", grace(30 * 86'400, 1), "grace_period", "at most 30 days"},
       {"no duration", grace(1, -1), "grace_period", "same sign"},
       {"endless", grace(400'000'000'000, 0), "grace_period", "10,000 years"},
       {"an unknown start", [](Request& r) { r.set_grace_starts(static_cast<v1::GraceStart>(3)); },
        "grace_starts", "GRACE_START_NOW or GRACE_START_FIRST_USE"},
       {"a negative start", [](Request& r) { r.set_grace_starts(static_cast<v1::GraceStart>(-1)); },
        "grace_starts", "GRACE_START_NOW"}});
  ExpectEachTaken(
      {{"none", grace(0, 0)},
       {"shortest", grace(0, 1)},
       {"longest", [](Request& r) { SetDuration(kThirtyDays, r.mutable_grace_period()); }},
       {"said to be now", [](Request& r) { r.set_grace_starts(v1::GRACE_START_NOW); }},
       {"at the first use, none",
        [](Request& r) { r.set_grace_starts(v1::GRACE_START_FIRST_USE); }}});
}

TEST_F(RotateKeyBadInputTest, TheNewEndIsBoundedAsForANewKey) {
  const absl::Time now = server_.clock().Now();
  const auto ttl = [](absl::Duration d) {
    return [d](Request& r) { SetDuration(d, r.mutable_ttl()); };
  };
  const auto end = [](absl::Time t) {
    return [t](Request& r) { SetTime(t, r.mutable_expire_time()); };
  };
  ExpectRefused<Request>(
      good_,
      {{"no life", ttl(absl::ZeroDuration()), "ttl", "more than 0 and at most 100 years"},
       {"too long a life", ttl(kHundredYears + absl::Nanoseconds(1)), "ttl", "100 years"},
       {"now", end(now), "expire_time", "in the future and within 100 years"},
       {"too far", end(now + kHundredYears + absl::Nanoseconds(1)), "expire_time", "100 years"},
       {"no time", [](Request& r) { r.mutable_expire_time()->set_nanos(-1); }, "expire_time",
        "0001-01-01"}});
  ExpectEachTaken({{"shortest", ttl(absl::Nanoseconds(1))},
                   {"longest", ttl(kHundredYears)},
                   {"latest", end(now + kHundredYears)}});
}

TEST_F(RotateKeyBadInputTest, TheRestIsCheckedToo) {
  const uint64_t revision = Get(good_.key_id()).revision();
  ExpectRefused<Request>(
      good_, {{"no UUID", [](Request& r) { r.set_request_id("once"); }, "request_id", "UUID"},
              {"unknown propagation",
               [](Request& r) { r.set_propagation(static_cast<v1::PropagationMode>(3)); },
               "propagation", "PROPAGATION_MODE_STRICT"},
              {"an older revision", [=](Request& r) { r.set_if_revision(revision - 1); }, "", "",
               "STALE_REVISION", StatusCode::ABORTED},
              {"the largest revision", [](Request& r) { r.set_if_revision(~uint64_t{0}); }, "", "",
               "STALE_REVISION", StatusCode::ABORTED}});
  ExpectTaken<Request>(
      good_, {{"the current revision", [=](Request& r) { r.set_if_revision(revision); }}});
}

TEST_F(RotateKeyBadInputTest, AllThatIsWrongIsNamedAtOnce) {
  Request request;
  request.set_key_id("x");
  request.mutable_grace_period()->set_seconds(-1);
  request.set_request_id("y");
  const RpcError error = ErrorOf(root().Call(request).status);
  EXPECT_EQ(error.fields.size(), 3u) << error;
}

}  // namespace
}  // namespace claviger
