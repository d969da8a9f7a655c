// Nobody gives a management key more than they have: the rule, and many random attempts at it.

#include <algorithm>
#include <random>

#include "tests/integration/every_call.h"

namespace claviger {
namespace {

// Sets of permissions and of projects, from a seed that never changes.
class Sets {
 public:
  explicit Sets(uint32_t seed) : random_(seed) {}

  // Each element of `from` with a probability of `part` in 8.
  Strings Some(const Strings& from, uint32_t part) {
    Strings some;
    for (const std::string& element : from) {
      if (random_() % 8 < part) some.push_back(element);
    }
    return some;
  }

 private:
  std::mt19937 random_;
};

bool Contains(const Strings& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool IsSubset(const Strings& part, const Strings& whole) {
  return std::all_of(part.begin(), part.end(),
                     [&](const std::string& one) { return Contains(whole, one); });
}

// What a caller has, or wants to give.
struct Powers {
  Strings permissions;
  Strings projects;  // empty: all
};

bool CoversPermissions(const Powers& has, const Strings& permissions) {
  return Contains(has.permissions, "settings.manage") || IsSubset(permissions, has.permissions);
}

bool CoversProjects(const Powers& has, const Strings& projects) {
  return has.projects.empty() || (!projects.empty() && IsSubset(projects, has.projects));
}

class EscalationTest : public ServerTest {
 protected:
  void SetUp() override {
    for (const std::string project : {"aaa", "bbb", "ccc"}) MakeProject(project);
  }

  // A caller that may issue and change management keys, with random powers beside.
  Powers RandomCaller(Sets& sets) {
    Powers powers{sets.Some(Permissions(), 4), sets.Some({"aaa", "bbb", "ccc"}, 3)};
    for (const std::string permission : {"keys.issue", "keys.update"}) {
      if (!Contains(powers.permissions, permission)) powers.permissions.push_back(permission);
    }
    for (std::string& all : sets.Some({"settings.manage"}, 1)) {
      powers.permissions.push_back(std::move(all));
    }
    if (!powers.projects.empty()) powers.projects.push_back("claviger");
    return powers;
  }

  // What somebody tries to give: mostly little, so that some of it is allowed.
  static Powers RandomWish(Sets& sets) {
    Powers wish{sets.Some(Permissions(), 2), sets.Some({"aaa", "bbb", "ccc", "claviger"}, 3)};
    for (std::string& all : sets.Some({"settings.manage"}, 1)) {
      wish.permissions.push_back(std::move(all));
    }
    return wish;
  }

  static v1::IssueKeyRequest RequestFor(const Powers& wish) {
    v1::IssueKeyRequest request = NewKey("claviger", wish.permissions);
    for (const std::string& project : wish.projects) request.add_bound_project_ids(project);
    return request;
  }

  // Whether an attempt, before which `before` was written, ended as it had to.
  template <typename Outcome>
  void Judge(const Outcome& outcome, bool is_allowed, const std::pair<uint64_t, int64_t>& before) {
    if (is_allowed) {
      EXPECT_THAT(outcome, IsOk());
      ++allowed_;
      return;
    }
    EXPECT_THAT(outcome, IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
    EXPECT_EQ(Written(), before);
    ++refused_;
  }
  // Else the attempts would show little.
  void ExpectBothMoreOftenThan(int times) const {
    EXPECT_GT(allowed_, times);
    EXPECT_GT(refused_, times);
  }

 private:
  int allowed_ = 0;
  int refused_ = 0;
};

TEST_F(EscalationTest, AnIssuedManagementKeyHasAtMostWhatItsIssuerHas) {
  Sets sets(20300101);
  for (int caller = 0; caller < 16; ++caller) {
    const Powers has = RandomCaller(sets);
    const TestCaller issuer = Manager(has.permissions, has.projects);
    for (int attempt = 0; attempt < 24; ++attempt) {
      const Powers wish = RandomWish(sets);
      const auto before = Written();
      const auto outcome = issuer.Call(RequestFor(wish));
      SCOPED_TRACE(testing::PrintToString(has.permissions) + testing::PrintToString(has.projects) +
                   " wants " + testing::PrintToString(wish.permissions) +
                   testing::PrintToString(wish.projects));
      Judge(outcome, CoversPermissions(has, wish.permissions) && CoversProjects(has, wish.projects),
            before);
    }
  }
  ExpectBothMoreOftenThan(20);
}

TEST_F(EscalationTest, AWidenedManagementKeyGetsAtMostWhatItsWidenerHas) {
  Sets sets(20300102);
  for (int caller = 0; caller < 16; ++caller) {
    const Powers has = RandomCaller(sets);
    const TestCaller widener = Manager(has.permissions, has.projects);
    for (int attempt = 0; attempt < 12; ++attempt) {
      const Powers target = RandomWish(sets);
      const std::string target_id = Issue(RequestFor(target)).info().key_id();
      v1::UpdateScopesRequest request;
      request.set_key_id(target_id);
      Strings added;
      for (const std::string& permission : sets.Some(Permissions(), 2)) {
        request.add_add(permission);
        if (!Contains(target.permissions, permission)) added.push_back(permission);
      }
      if (request.add_size() == 0) continue;
      const auto before = Written();
      const auto outcome = widener.Call(request);
      SCOPED_TRACE(testing::PrintToString(has.permissions) + testing::PrintToString(has.projects) +
                   " adds " + testing::PrintToString(added) + " to a key of " +
                   testing::PrintToString(target.projects));
      Judge(
          outcome,
          added.empty() || (CoversPermissions(has, added) && CoversProjects(has, target.projects)),
          before);
    }
  }
  ExpectBothMoreOftenThan(10);
}

TEST_F(EscalationTest, ARotatedManagementKeyHadAtMostWhatItsRotatorHas) {
  Sets sets(20300103);
  for (int caller = 0; caller < 16; ++caller) {
    const Powers has = RandomCaller(sets);
    const TestCaller rotator = Manager(has.permissions, has.projects);
    for (int attempt = 0; attempt < 12; ++attempt) {
      const Powers target = RandomWish(sets);
      v1::RotateKeyRequest request;
      request.set_key_id(Issue(RequestFor(target)).info().key_id());
      const auto before = Written();
      const auto outcome = rotator.Call(request);
      SCOPED_TRACE(testing::PrintToString(has.permissions) + testing::PrintToString(has.projects) +
                   " rotates " + testing::PrintToString(target.permissions) +
                   testing::PrintToString(target.projects));
      Judge(outcome,
            CoversPermissions(has, target.permissions) && CoversProjects(has, target.projects),
            before);
    }
  }
  ExpectBothMoreOftenThan(10);
}

TEST_F(EscalationTest, ReplacingAllScopesIsHeldToTheSameRule) {
  const TestCaller updater = Manager({"keys.update", "keys.read"});
  v1::UpdateScopesRequest request;
  request.set_key_id(IssueManagementKey({"keys.verify"}).info().key_id());
  request.mutable_replace_with()->add_scopes("keys.verify");
  request.mutable_replace_with()->add_scopes("keys.read");
  EXPECT_THAT(updater.Call(request), IsOk());
  request.mutable_replace_with()->add_scopes("keys.issue");
  EXPECT_THAT(updater.Call(request),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
}

TEST_F(EscalationTest, NobodyWidensTheirOwnKey) {
  const IssuedKey key = IssueManagementKey({"keys.update"});
  v1::UpdateScopesRequest request;
  request.set_key_id(key.info().key_id());
  request.add_add("settings.manage");
  EXPECT_THAT(server_.As(key.key()).Call(request),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
}

TEST_F(EscalationTest, AKeyOfAnotherProjectMayHaveAnyScopes) {
  // They are that project's own words, and give nothing here.
  const TestCaller issuer = Manager({"keys.issue"});
  EXPECT_THAT(issuer.Call(NewKey("aaa", {"settings.manage", "*"})), IsOk());
}

}  // namespace
}  // namespace claviger
