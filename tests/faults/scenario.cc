#include "tests/faults/scenario.h"

#include <utility>

#include "fmt/format.h"

namespace claviger {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1893456000);

KeyRecord Key(int n, std::string_view project = "default") {
  KeyRecord key = TestKey(n, project, kBegin + absl::Seconds(n));
  key.labels = {{"team", n % 2 == 0 ? "web" : "db"}};
  key.owner = n % 3 == 0 ? "bob" : "alice";
  if (n % 2 == 1) key.expire_time = kBegin + absl::Hours(n);
  return key;
}

KeyRecord Imported(int n, uint8_t digest) {
  KeyRecord key = Key(n);
  key.imported = ImportAlgorithm::kSha256;
  key.digest.bytes.fill(digest);
  return key;
}

KeyRecord Revoked(KeyRecord key) {
  key.revocation = Revocation{
      .time = kBegin + absl::Minutes(1), .reason = RevokeReason::kCompromised, .note = "leaked"};
  return key;
}

KeyRecord Deleted(KeyRecord key) {
  key = Revoked(std::move(key));
  key.delete_time = kBegin + absl::Minutes(2);
  return key;
}

// Gives changes their request ids, in order.
class Story {
 public:
  Change Next(std::string action, ChangeSet changes) {
    Change change{.request_id = fmt::format("request-{:02}", ++made_), .changes = {}};
    changes.audit.actor = "system";
    changes.audit.action = std::move(action);
    RequestRecord request;
    request.id = change.request_id;
    request.key_id = TestKeyId(1);
    request.pepper_id = "p1";
    request.sealed_secret = "sealed";
    request.expire_time = kBegin + absl::Hours(1);
    changes.put_request = request;
    change.changes = std::move(changes);
    return change;
  }
  Change Put(std::string action, KeyRecord key) {
    ChangeSet changes;
    changes.audit.key_id = key.id.ToString();
    changes.put_keys.push_back(std::move(key));
    return Next(std::move(action), std::move(changes));
  }
  Change Remove(int n) {
    ChangeSet changes;
    changes.delete_keys = {TestKeyId(n)};
    return Next("PurgeKey", std::move(changes));
  }

  void Commit(Change change) { steps.push_back({.changes = {std::move(change)}}); }
  void Other(ScenarioStep::Kind kind) { steps.push_back({.kind = kind}); }

  std::vector<ScenarioStep> steps;

 private:
  int made_ = 0;
};

Story Tell() {
  using Kind = ScenarioStep::Kind;
  Story story;
  ChangeSet first;
  first.put_projects = {TestProject("default"), TestProject("gone")};
  first.put_canaries["p1"].bytes.fill(7);
  first.put_keys = {Key(1)};
  story.Commit(story.Next("Bootstrap", std::move(first)));
  story.Commit(story.Put("IssueKey", Key(2)));
  story.steps.push_back({.changes = {story.Put("IssueKey", Key(3)), story.Put("IssueKey", Key(4)),
                                     story.Put("RevokeKey", Revoked(Key(1)))}});
  story.Other(Kind::kUsage);
  story.Other(Kind::kFlush);
  story.Commit(story.Put("ImportKeys", Imported(5, 105)));
  ChangeSet lease;
  lease.put_longest_lease = absl::Seconds(10);
  story.Commit(story.Next("Lease", std::move(lease)));
  KeyRecord disabled = Key(2);
  disabled.disabled = true;
  story.Commit(story.Put("DisableKey", disabled));
  story.Other(Kind::kReopen);
  story.Commit(story.Put("DeleteKey", Deleted(Key(3))));
  story.Other(Kind::kUsage);
  story.Commit(story.Put("IssueKey", Key(6, "gone")));
  story.Other(Kind::kFlush);
  story.Commit(story.Remove(3));
  story.Commit(story.Put("RedigestKey", Imported(5, 106)));
  story.Other(Kind::kCompact);
  ChangeSet refusal;
  refusal.only_audit = true;
  refusal.audit.refusal = "PERMISSION_DENIED";
  story.Commit(story.Next("RevokeKey", std::move(refusal)));
  ProjectRecord gone = TestProject("gone");
  gone.delete_time = kBegin + absl::Minutes(3);
  ChangeSet project;
  project.put_projects = {gone};
  story.Commit(story.Next("DeleteProject", std::move(project)));
  story.Commit(story.Put("DeleteKey", Deleted(Key(6, "gone"))));
  story.Other(Kind::kReopen);
  story.Commit(story.Remove(6));
  story.Commit(story.Put("IssueKey", Key(7)));
  return story;
}

}  // namespace

Mutation Change::Make() const {
  return [change = *this](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const auto done = state.FindRequest(change.request_id, kBegin);
    if (!done.ok()) return done.status();
    if (*done != nullptr) return ChangeSet();
    return change.changes;
  };
}

std::vector<ScenarioStep> ShortScenario() { return Tell().steps; }

std::vector<Change> MoreChanges() {
  Story story = Tell();
  std::vector<Change> changes;
  for (int n = 8; n <= kScenarioKeys; ++n) changes.push_back(story.Put("IssueKey", Key(n)));
  return changes;
}

std::vector<std::string> ScenarioRequestIds() {
  std::vector<std::string> ids;
  for (const ScenarioStep& step : ShortScenario()) {
    for (const Change& change : step.changes) ids.push_back(change.request_id);
  }
  for (const Change& change : MoreChanges()) ids.push_back(change.request_id);
  return ids;
}

KeyDigest ImportedDigest(int n) {
  KeyDigest digest;
  digest.bytes.fill(static_cast<uint8_t>(100 + n));
  return digest;
}

}  // namespace claviger
