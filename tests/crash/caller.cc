#include "tests/crash/caller.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fmt/format.h"

namespace claviger::crash {
namespace {

// Keys that a load works with beside those that it makes.
constexpr size_t kKeysChosen = 24;
// An expiry is later than any run, and than a grace.
constexpr uint64_t kShortestLifeDays = 30;
constexpr uint64_t kLongestLifeDays = 330;
constexpr int64_t kDay = 24 * 3600;

}  // namespace

Caller::Caller(Options options, TestCaller server, Ledger& ledger, Load& load)
    : options_(std::move(options)),
      server_(std::move(server)),
      ledger_(ledger),
      load_(load),
      random_(options_.seed) {}

void Caller::Run() {
  AskAgain();
  keys_ = ledger_.Choose(options_.number, kKeysChosen, random_);
  projects_ = ledger_.ProjectsOf(options_.number);
  while (Step()) {
  }
}

void Caller::AskAgain() {
  // What is left when the server goes stays open, and so comes back.
  for (const Call& call : ledger_.TakeRetries(options_.number)) AskAgain(call);
}

bool Caller::Step() {
  const uint64_t kind = Draw(100);
  if (kind < 28 || keys_.empty()) return Issue(kDefaultProject);
  if (kind < 30) return Import();
  if (kind < 32) return RevokeMany(/*by_owner=*/true);
  if (kind < 35) return RevokeMany(/*by_owner=*/false);
  if (kind < 38 || (kind < 44 && projects_.empty())) return MakeProject();
  if (kind < 40) return Issue(projects_[Draw(projects_.size())].project_id());
  if (kind < 42) return RenameProject();
  if (kind < 44) return DeleteProject();
  if (kind < 47) return RepeatAnswered();
  return ChangeKey();
}

bool Caller::ChangeKey() {
  v1::Key& key = keys_[Draw(keys_.size())];
  switch (key.state()) {
    case v1::KEY_STATE_ACTIVE:
      return ChangeActive(key);
    case v1::KEY_STATE_DISABLED:
      switch (Draw(4)) {
        case 0:
          return Revoke(key);
        case 1:
          return Delete(key);
        default:
          return Enable(key);
      }
    case v1::KEY_STATE_REVOKED:
      return Delete(key);
    default:
      return Undelete(key);
  }
}

bool Caller::ChangeActive(v1::Key& key) {
  const bool is_replaced = !key.rotated_to().empty();
  switch (Draw(is_replaced ? 4 : 10)) {
    case 0:
      return Revoke(key);
    case 1:
      return Disable(key);
    case 2:
      return UpdateScopes(key);
    case 3:
      return Delete(key);
    case 4:
      return Rotate(key, /*has_grace=*/false);
    case 5:
      return Rotate(key, /*has_grace=*/true);
    case 6:
      return Revoke(key);
    case 7:
      return UpdateScopes(key);
    default:
      return UpdateKey(key);
  }
}

Call Caller::NewCall(std::string_view action, const std::string& project_id) const {
  Call call;
  call.caller = options_.number;
  call.action = action;
  call.project_id = project_id;
  return call;
}

std::string Caller::NewName() {
  return fmt::format("key {}.{}.{}", options_.cycle, options_.number, ++names_);
}

std::string Caller::NewUuid() {
  const uint64_t a = random_();
  const uint64_t b = random_();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff,
                     a & 0xfff, b >> 52, b & 0xffffffffffff);
}

v1::ScopeList Caller::DrawOtherScopes(const v1::Key& key) {
  const std::string one = fmt::format("part{}:read", Draw(4));
  v1::ScopeList scopes;
  *scopes.mutable_scopes() = key.scopes();
  const auto it = std::find(scopes.scopes().begin(), scopes.scopes().end(), one);
  if (it == scopes.scopes().end()) {
    scopes.add_scopes(one);
  } else {
    scopes.mutable_scopes()->erase(it);
  }
  return scopes;
}

google::protobuf::Timestamp Caller::DrawExpiry() {
  const uint64_t days = kShortestLifeDays + Draw(kLongestLifeDays - kShortestLifeDays);
  google::protobuf::Timestamp time;
  time.set_seconds(absl::ToUnixSeconds(absl::Now()) + static_cast<int64_t>(days) * kDay);
  time.set_nanos(static_cast<int32_t>(Draw(1'000'000'000)));
  return time;
}

}  // namespace claviger::crash
