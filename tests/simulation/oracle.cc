#include "tests/simulation/oracle.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/scope.h"
#include "fmt/format.h"

namespace claviger::simulation {
namespace {

SimKey MakeKey(size_t number, Dice& dice) {
  SimKey key;
  key.id = *KeyId::Parse(fmt::format("00{:014}", number));
  key.text = GenerateKey(kDefaultKeyPrefix, Environment::kLive, key.id, dice)->ExposeSecret();
  key.project = number % kProjects;
  client::CachedGrant grant;
  grant.id = key.id;
  grant.project_id = ProjectIds()[key.project];
  grant.scopes = ScopeSet::FromTrusted({"read"});
  key.reader = std::make_shared<const client::CachedGrant>(grant);
  grant.scopes = ScopeSet::FromTrusted({"read", "write"});
  key.writer = std::make_shared<const client::CachedGrant>(std::move(grant));
  return key;
}

std::string NameOf(size_t right) {
  return fmt::format("key {} ({})", KeyOf(right), IsWrite(right) ? "write" : "read");
}

}  // namespace

const std::array<SimKey, kKeys>& Keys() {
  static const auto& keys = *[] {
    auto* made = new std::array<SimKey, kKeys>();
    Dice dice(1);
    for (size_t i = 0; i < kKeys; ++i) (*made)[i] = MakeKey(i, dice);
    return made;
  }();
  return keys;
}

const std::array<std::string, kProjects>& ProjectIds() {
  static const auto& ids = *new std::array<std::string, kProjects>{"alpha", "beta", "gamma"};
  return ids;
}

std::string_view PropertyName(Property property) {
  switch (property) {
    case Property::kStrict:
      return "accepted after a strict call had returned";
    case Property::kSafeIn:
      return "accepted after safe_in";
    case Property::kOneLease:
      return "accepted after one lease";
    case Property::kExpiry:
      return "accepted after the key's end";
    case Property::kWait:
      return "a strict call was held up";
    case Property::kLeaseEnds:
      return "a lease outlives what the authority waits for";
    case Property::kPosition:
      return "the position went back";
    case Property::kNoGap:
      return "an invalidation does not follow the position";
    case Property::kIssued:
      return "a new key is unknown to whom it was told";
  }
  return "";
}

std::string_view CountName(Count count) {
  static constexpr std::array<std::string_view, static_cast<size_t>(Count::kEnd)> kNames = {
      "checks",
      "answered from the cache",
      "asked, with a lease",
      "asked, without a lease",
      "accepted stale, as announced",
      "not found, from the cache",
      "begun after a promise",
      "joined a call on its way",
      "joined, and refused its answer",
      "kept out of the cache as too old",
      "kept out of the cache for its project",
      "expired",
      "strict: all acknowledged",
      "strict: leases expired",
      "strict: pending",
      "strict: waited for unknown leases",
      "leases granted",
      "connections resumed",
      "connections reset",
      "resets of the slow",
      "key items",
      "project items",
      "items for all",
      "goodbyes",
      "leases lost",
      "connections cut",
      "authority killed",
      "authority stopped",
      "authority restored",
      "verifiers restarted",
      "permissions changed",
  };
  return kNames[static_cast<size_t>(count)];
}

void Oracle::Violated(Property property, std::string text) {
  if (world_.traced()) world_.Trace("VIOLATION", text);
  violations_.push_back({property, world_.now(), std::move(text)});
}

void Oracle::OnState(const Epoch& epoch, Revision revision,
                     const std::array<bool, kRights>& allowed,
                     const std::array<bool, kKeys>& there) {
  for (size_t i = 0; i < kRights; ++i) {
    if (allowed[i] && !rights_[i].allowed) {
      ++rights_[i].generation;
      rights_[i].forbidden = false;
    }
    rights_[i].allowed = allowed[i];
  }
  for (size_t i = 0; i < kKeys; ++i) {
    if (!there[i]) {
      there_since_[i] = kNotThere;
    } else if (there_since_[i] == kNotThere || epoch != epoch_) {
      there_since_[i] = revision;
      issues_[i] = ++last_issue_;
    }
  }
  epoch_ = epoch;
}

Claim Oracle::Claims(const std::vector<size_t>& rights, Revision revision) const {
  Claim claim{.parts = {}, .revision = revision};
  for (const size_t right : rights) {
    if (!rights_[right].allowed) claim.parts.push_back({right, rights_[right].generation});
  }
  return claim;
}

void Oracle::Promise(const Claim& claim, Property property) {
  for (const auto& [right, generation] : claim.parts) {
    Right& state = rights_[right];
    if (state.allowed || state.generation != generation) continue;
    if (state.forbidden && property >= state.promised) continue;
    state.forbidden = true;
    state.promised = property;
    on_promise_(right);
  }
}

Oracle::Check Oracle::OnCheckBegun(size_t right) {
  Add(Count::kChecks);
  const Right& state = rights_[right];
  if (state.forbidden) Add(Count::kChecksAfterAPromise);
  return {.right = right,
          .begun = world_.now(),
          .forbidden = state.forbidden,
          .promised = state.promised,
          .generation = state.generation};
}

void Oracle::OnAccepted(const Check& check, std::string_view where) {
  const bool broken = check.forbidden && check.generation == rights_[check.right].generation;
  const bool too_late = check.begun > expired_[KeyOf(check.right)];
  if (!broken && !too_late) return;
  Violated(broken ? check.promised : Property::kExpiry,
           fmt::format("{} accepted {} by a check that began at {:.6f}", where, NameOf(check.right),
                       absl::ToDoubleSeconds(check.begun - absl::UnixEpoch())));
}

void Oracle::OnSent(const sync::FromAuthority& message) {
  if (const auto* const welcome = std::get_if<sync::Welcome>(&message)) {
    Add(welcome->resumed ? Count::kResumed : Count::kResetAtHello);
  } else if (const auto* const invalidation = std::get_if<sync::Invalidation>(&message)) {
    for (const sync::Item& item : invalidation->items) {
      Add(std::holds_alternative<sync::KeyItem>(item)       ? Count::kKeyItems
          : std::holds_alternative<sync::ProjectItem>(item) ? Count::kProjectItems
                                                            : Count::kAllItems);
    }
  } else if (std::holds_alternative<sync::Grant>(message)) {
    Add(Count::kGrants);
  } else if (std::holds_alternative<sync::Reset>(message)) {
    Add(Count::kResetTooSlow);
  } else {
    Add(Count::kGoAways);
  }
}

void Oracle::OnLeaseGiven(const sync::SessionId& session, absl::Time end) {
  const auto [place, is_new] = given_.try_emplace(session, end);
  if (!is_new) place->second = std::max(place->second, end);
}

void Oracle::OnLeaseTaken(const sync::SessionId& session, absl::Time end) {
  const auto given = given_.find(session);
  if (given != given_.end() && end < given->second) return;
  Violated(Property::kLeaseEnds, "a verifier trusts its cache for longer than the authority waits");
}

void Oracle::OnAuthorityStarted(absl::Time end) {
  for (const auto& [session, given] : given_) {
    if (given <= std::max(end, world_.now())) continue;
    Violated(Property::kLeaseEnds, "the authority started without knowing how long leases last");
    return;
  }
}

}  // namespace claviger::simulation
