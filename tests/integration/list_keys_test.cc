// ListKeys: each filter by itself and each order.

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Request = v1::ListKeysRequest;

class ListKeysTest : public ServerTest {
 protected:
  // Six keys, a minute apart. Their names tell them apart.
  void SetUp() override {
    MakeProject("shop");
    MakeProject("bank");
    start_ = server_.clock().Now();
    Make("Alpha", [](auto& r) {
      r.set_owner("ann");
      r.add_scopes("orders:read");
      (*r.mutable_labels())["team"] = "blue";
    });
    Make("beta", [](auto& r) {
      r.set_environment(v1::ENVIRONMENT_TEST);
      r.add_scopes("orders:*");
      (*r.mutable_labels())["team"] = "blue";
      (*r.mutable_labels())["tier"] = "1";
    });
    Make("Gamma", [](auto& r) {
      r.set_owner("ann");
      SetDuration(absl::Hours(1), r.mutable_ttl());
    });
    Make("delta", [](auto& r) {
      r.set_project_id("bank");
      SetDuration(absl::Hours(2), r.mutable_ttl());
    });
    disabled_ = Make("epsilon", [](auto& r) { r.set_owner("Ann"); });
    revoked_ = Make("zeta", [](auto& r) { r.add_scopes("*"); });
    Disable(disabled_);
    Revoke(revoked_);
  }

  std::string Make(const std::string& name, const std::function<void(v1::IssueKeyRequest&)>& with) {
    v1::IssueKeyRequest request = NewKey("shop");
    request.set_display_name(name);
    with(request);
    const std::string id = Issue(request).info().key_id();
    server_.clock().Advance(absl::Minutes(1));
    return id;
  }

  absl::Time MinutesIn(int minutes) const { return start_ + absl::Minutes(minutes); }

  // Names of the keys of `shop` and `bank` that pass, in the order of the answer.
  Strings Names(const std::function<void(Request&)>& filter) {
    Request request;
    request.add_project_ids("shop");
    request.add_project_ids("bank");
    request.set_include_total_size(true);
    filter(request);
    const auto page = root().Call(request);
    EXPECT_THAT(page, IsOk());
    EXPECT_EQ(page->total_size(), page->keys_size());
    Strings names;
    for (const v1::Key& key : page->keys()) names.push_back(key.display_name());
    return names;
  }

  absl::Time start_;
  std::string disabled_;
  std::string revoked_;
};

TEST_F(ListKeysTest, WithoutFilterEveryKeyNewestFirst) {
  EXPECT_THAT(Names([](Request&) {}),
              ElementsAre("zeta", "epsilon", "delta", "Gamma", "beta", "Alpha"));
}

TEST_F(ListKeysTest, WithoutProjectsAllThatTheCallerMayRead) {
  const auto page = root().Call(Request());
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->keys_size(), 7);
  // As old as the first key by the test's clock, so it may stand on either side of it.
  EXPECT_THAT((Strings{page->keys(5).display_name(), page->keys(6).display_name()}),
              testing::Contains("root"));
}

TEST_F(ListKeysTest, ByProject) {
  EXPECT_THAT(Names([](Request& r) { r.mutable_project_ids()->RemoveLast(); }),
              ElementsAre("zeta", "epsilon", "Gamma", "beta", "Alpha"));
  EXPECT_THAT(Names([](Request& r) {
                r.clear_project_ids();
                r.add_project_ids("bank");
                r.add_project_ids("bank");
                r.add_project_ids("nowhere");
              }),
              ElementsAre("delta"));
}

TEST_F(ListKeysTest, ByState) {
  const auto in = [](std::initializer_list<v1::KeyState> states) {
    return [states](Request& r) {
      for (const v1::KeyState state : states) r.add_states(state);
    };
  };
  EXPECT_THAT(Names(in({v1::KEY_STATE_DISABLED})), ElementsAre("epsilon"));
  EXPECT_THAT(Names(in({v1::KEY_STATE_REVOKED})), ElementsAre("zeta"));
  EXPECT_THAT(Names(in({v1::KEY_STATE_EXPIRED})), IsEmpty());
  EXPECT_THAT(Names(in({v1::KEY_STATE_DELETED})), IsEmpty());
  EXPECT_THAT(Names(in({v1::KEY_STATE_ACTIVE, v1::KEY_STATE_REVOKED})),
              ElementsAre("zeta", "delta", "Gamma", "beta", "Alpha"));
  server_.clock().Advance(absl::Hours(1));
  EXPECT_THAT(Names(in({v1::KEY_STATE_EXPIRED})), ElementsAre("Gamma"));
}

TEST_F(ListKeysTest, WithRevokedOnesHidden) {
  EXPECT_THAT(Names([](Request& r) { r.set_hide_revoked(true); }),
              ElementsAre("epsilon", "delta", "Gamma", "beta", "Alpha"));
  EXPECT_THAT(Names([](Request& r) {
                r.set_hide_revoked(true);
                r.add_states(v1::KEY_STATE_REVOKED);
              }),
              IsEmpty());
}

TEST_F(ListKeysTest, ByOwnerExactly) {
  EXPECT_THAT(Names([](Request& r) { r.set_owner("ann"); }), ElementsAre("Gamma", "Alpha"));
  EXPECT_THAT(Names([](Request& r) { r.set_owner("an"); }), IsEmpty());
}

TEST_F(ListKeysTest, ByAllLabels) {
  const auto label = [](Request& r, const char* key, const char* value) {
    (*r.mutable_label_selector())[key] = value;
  };
  EXPECT_THAT(Names([&](Request& r) { label(r, "team", "blue"); }), ElementsAre("beta", "Alpha"));
  EXPECT_THAT(Names([&](Request& r) {
                label(r, "team", "blue");
                label(r, "tier", "1");
              }),
              ElementsAre("beta"));
  EXPECT_THAT(Names([&](Request& r) { label(r, "team", "red"); }), IsEmpty());
  EXPECT_THAT(Names([&](Request& r) { label(r, "tier", ""); }), IsEmpty());
}

TEST_F(ListKeysTest, ByScopeCovered) {
  const auto scope = [](const char* text) { return [=](Request& r) { r.set_scope(text); }; };
  EXPECT_THAT(Names(scope("orders:read")), ElementsAre("zeta", "beta", "Alpha"));
  EXPECT_THAT(Names(scope("orders:write")), ElementsAre("zeta", "beta"));
  EXPECT_THAT(Names(scope("orders:*")), ElementsAre("zeta", "beta"));
  EXPECT_THAT(Names(scope("*")), ElementsAre("zeta"));
}

TEST_F(ListKeysTest, ByEnvironment) {
  EXPECT_THAT(Names([](Request& r) { r.set_environment(v1::ENVIRONMENT_TEST); }),
              ElementsAre("beta"));
  EXPECT_THAT(Names([](Request& r) { r.set_environment(v1::ENVIRONMENT_LIVE); }),
              ElementsAre("zeta", "epsilon", "delta", "Gamma", "Alpha"));
}

TEST_F(ListKeysTest, ByPartOfTheNameInAnyCase) {
  EXPECT_THAT(Names([](Request& r) { r.set_name_contains("ETA"); }), ElementsAre("zeta", "beta"));
  EXPECT_THAT(Names([](Request& r) { r.set_name_contains("gam"); }), ElementsAre("Gamma"));
}

TEST_F(ListKeysTest, ByCreateTime) {
  EXPECT_THAT(Names([&](Request& r) { SetTime(MinutesIn(2), r.mutable_created_before()); }),
              ElementsAre("beta", "Alpha"));
  EXPECT_THAT(Names([&](Request& r) { SetTime(MinutesIn(4), r.mutable_created_after()); }),
              ElementsAre("zeta", "epsilon"));
  EXPECT_THAT(Names([&](Request& r) {
                SetTime(MinutesIn(2), r.mutable_created_after());
                SetTime(MinutesIn(3), r.mutable_created_before());
              }),
              ElementsAre("Gamma"));
}

TEST_F(ListKeysTest, ByExpireTime) {
  // Gamma: at minute 62. delta: at minute 123. The others: never.
  EXPECT_THAT(Names([&](Request& r) { SetTime(MinutesIn(123), r.mutable_expire_before()); }),
              ElementsAre("Gamma"));
  EXPECT_THAT(Names([&](Request& r) { SetTime(MinutesIn(124), r.mutable_expire_before()); }),
              ElementsAre("delta", "Gamma"));
  EXPECT_THAT(Names([&](Request& r) { SetTime(MinutesIn(63), r.mutable_expire_after()); }),
              ElementsAre("zeta", "epsilon", "delta", "beta", "Alpha"));
  EXPECT_THAT(Names([&](Request& r) {
                SetTime(MinutesIn(62), r.mutable_expire_after());
                SetTime(MinutesIn(123), r.mutable_expire_before());
              }),
              ElementsAre("Gamma"));
}

TEST_F(ListKeysTest, FiltersAreJoinedByAnd) {
  EXPECT_THAT(Names([](Request& r) {
                r.set_owner("ann");
                r.set_scope("orders:read");
              }),
              ElementsAre("Alpha"));
}

TEST_F(ListKeysTest, InEachOrder) {
  const auto order = [](const char* text) { return [=](Request& r) { r.set_order_by(text); }; };
  const auto newest_first = ElementsAre("zeta", "epsilon", "delta", "Gamma", "beta", "Alpha");
  EXPECT_THAT(Names(order("create_time")), newest_first);
  EXPECT_THAT(Names(order("create_time desc")), newest_first);
  EXPECT_THAT(Names(order("create_time asc")),
              ElementsAre("Alpha", "beta", "Gamma", "delta", "epsilon", "zeta"));
  const auto by_name = ElementsAre("Alpha", "beta", "delta", "epsilon", "Gamma", "zeta");
  EXPECT_THAT(Names(order("name")), by_name);
  EXPECT_THAT(Names(order("name asc")), by_name);
  EXPECT_THAT(Names(order("name desc")),
              ElementsAre("zeta", "Gamma", "epsilon", "delta", "beta", "Alpha"));
  // Those that never expire stand last, the newest of them first.
  const auto by_expiry = ElementsAre("Gamma", "delta", "zeta", "epsilon", "beta", "Alpha");
  EXPECT_THAT(Names(order("expire_time")), by_expiry);
  EXPECT_THAT(Names(order("expire_time asc")), by_expiry);
  EXPECT_THAT(Names(order("expire_time desc")),
              ElementsAre("zeta", "epsilon", "beta", "Alpha", "delta", "Gamma"));
}

TEST_F(ListKeysTest, TheTotalCountsAllMatchesAndOnlyWhenAskedFor) {
  Request request;
  request.add_project_ids("shop");
  request.set_page_size(2);
  EXPECT_EQ(root().Call(request)->total_size(), 0);
  request.set_include_total_size(true);
  const auto page = root().Call(request);
  EXPECT_EQ(page->keys_size(), 2);
  EXPECT_EQ(page->total_size(), 5);
  request.set_page_token(page->next_page_token());
  EXPECT_EQ(root().Call(request)->total_size(), 5);
}

}  // namespace
}  // namespace claviger
