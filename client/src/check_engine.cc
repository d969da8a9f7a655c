#include "client/src/check_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/synchronization/notification.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

constexpr std::string_view kClosed = "the client is closed";

// Of the part of a key that follows its prefix: "_live_" + id + "_" + secret + checksum.
constexpr size_t kIdOffset = 6;
constexpr size_t kTailLength = kIdOffset + kKeyIdLength + 1 + kSecretLength + kChecksumLength;
constexpr size_t kMinPrefixLength = 2;
constexpr size_t kMaxPrefixLength = 16;

// A wait ends this much after the answer is due, so that it is the answer that ends it.
constexpr absl::Duration kGrace = absl::Milliseconds(100);
// After so many answers from before the check began it asks alone.
constexpr int kMaxJoins = 2;

// The key id where a key has it. The rest is not looked at: whether it is that key is shown by its
// hash, and reading the checksum takes longer than the whole look into the cache.
std::optional<KeyId> FindKeyId(std::string_view key) {
  if (key.size() < kMinPrefixLength + kTailLength || key.size() > kMaxPrefixLength + kTailLength) {
    return std::nullopt;
  }
  return KeyId::Parse(key.substr(key.size() - kTailLength + kIdOffset, kKeyIdLength));
}

// What may be a key at all.
constexpr size_t kMaxTextBytes = 1024;

// A name for a text that names no key itself: for what is kept by key id. That a key has it is as
// likely as that two keys have one id, and then it is the hash that tells them apart.
KeyId NameOfText(const KeyHash& hash) {
  constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::array<char, kKeyIdLength> name;
  for (size_t i = 0; i < name.size(); ++i) name[i] = kDigits[hash.bytes[i] % kDigits.size()];
  return KeyId::Parse({name.data(), name.size()}).value_or(KeyId());
}

// The entry's grant, if it is live and of that key; else null.
std::shared_ptr<const CachedGrant> LiveGrant(const GrantEntry* entry, const KeyHash& hash,
                                             absl::Duration now) {
  if (entry == nullptr || !entry->LiveAt(now) || !Equal(entry->hash(), hash)) return {};
  return entry->grant();
}

// Whether the authority, as opposed to the caller or the network, said no.
bool IsUnreachable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

// A check that waits for the authority, with all that it needs after its caller has returned.
struct CheckEngine::PendingCheck {
  PendingCheck(const Question& asked, const CheckRequirements& from, absl::Duration until,
               CheckCallback then)
      : question(asked),
        project_id(from.project_id),
        client_ip(from.client_ip),
        required_scopes(from.required_scopes.begin(), from.required_scopes.end()),
        any_scopes(from.any_scopes.begin(), from.any_scopes.end()),
        required_views(required_scopes.begin(), required_scopes.end()),
        any_views(any_scopes.begin(), any_scopes.end()),
        deadline(until),
        callback(std::move(then)) {}
  PendingCheck(const PendingCheck&) = delete;
  PendingCheck& operator=(const PendingCheck&) = delete;

  CheckRequirements wanted() const {
    return {.project_id = project_id,
            .required_scopes = required_views,
            .any_scopes = any_views,
            .client_ip = client_ip};
  }

  const Question question;
  const std::string project_id;
  const std::string client_ip;
  const std::vector<std::string> required_scopes;
  const std::vector<std::string> any_scopes;
  const std::vector<std::string_view> required_views;  // into the above
  const std::vector<std::string_view> any_views;
  const absl::Duration deadline;
  int joins = 0;
  CheckCallback callback;
};

CheckEngine::CheckEngine(Options options, const Surroundings& surroundings)
    : options_(std::move(options)), env_(surroundings) {}

Decision CheckEngine::Check(std::string_view key, const CheckRequirements& wanted, bool may_wait) {
  Question question;
  std::optional<Decision> local = DecideLocally(key, wanted, question);
  if (local.has_value()) return Observed(*std::move(local));
  if (!may_wait) {
    return Observed(DecisionBuilder::Unavailable(
        "Check was called from the callback of a CheckAsync, where it cannot wait"));
  }

  // Shared with the callback, which comes late when its thread is blocked.
  struct Answer {
    absl::Notification done;
    Decision decision;
  };
  auto answer = std::make_shared<Answer>();
  auto check = std::make_shared<PendingCheck>(question, wanted,
                                              env_.clock.SinceBoot() + options_.check_timeout,
                                              [answer](Decision decision) {
                                                answer->decision = std::move(decision);
                                                answer->done.Notify();
                                              });
  Ask(check);
  if (answer->done.WaitForNotificationWithTimeout(options_.check_timeout + kGrace)) {
    return answer->decision;
  }
  return Observed(DecideWithoutAnswer(
      *check, absl::DeadlineExceededError("the client's thread did not answer in time")));
}

void CheckEngine::CheckAsync(std::string_view key, const CheckRequirements& wanted,
                             CheckCallback callback) {
  Question question;
  std::optional<Decision> local = DecideLocally(key, wanted, question);
  if (local.has_value()) return callback(Observed(*std::move(local)));
  Ask(std::make_shared<PendingCheck>(
      question, wanted, env_.clock.SinceBoot() + options_.check_timeout, std::move(callback)));
}

std::optional<Decision> CheckEngine::DecideLocally(std::string_view key,
                                                   const CheckRequirements& wanted,
                                                   Question& question) const {
  // The end is the hash's to read, but a key that lies across two lines of memory needs both.
  if (!key.empty()) __builtin_prefetch(&key.back());
  const std::optional<KeyId> id = FindKeyId(key);
  if (!id.has_value()) {
    const absl::Duration now = env_.clock.SinceBoot();
    return DecideForeign(key, wanted, now, env_.view.LeaseLive(now), /*hashed=*/false, question);
  }
  question.id = *id;
  const GrantCache::Place place = env_.grants.Locate(*id);
  // The clock, then the lease, then the cache: VerifierView says why (I5).
  const absl::Duration now = env_.clock.SinceBoot();
  const bool lease_live = env_.view.LeaseLive(now);
  if (lease_live) {
    std::shared_ptr<const CachedGrant> grant = FindGrant(place, key, now, question.hash);
    if (grant != nullptr) return HitBy(std::move(grant), wanted, now);
  } else {
    question.hash = HashKey(key);
  }
  if (!ParseKey(key).has_value()) {
    return DecideForeign(key, wanted, now, lease_live, /*hashed=*/true, question);
  }
  if (env_.negatives.Contains(*id, question.hash, now)) return NotFoundLocally();
  CountAsking(lease_live);
  return std::nullopt;
}

std::optional<Decision> CheckEngine::DecideForeign(std::string_view key,
                                                   const CheckRequirements& wanted,
                                                   absl::Duration now, bool lease_live, bool hashed,
                                                   Question& question) const {
  if (key.empty() || key.size() > kMaxTextBytes) return NotFoundLocally();
  if (lease_live && !env_.view.imported_keys()) return NotFoundLocally();
  if (!hashed) question.hash = HashKey(key);
  question.id = NameOfText(question.hash);
  if (lease_live) {
    const std::optional<KeyId> id = env_.foreign.Find(question.hash);
    std::shared_ptr<const CachedGrant> grant;
    if (id.has_value()) grant = FindGrant({.id = *id, .hash = question.hash, .sha512 = {}}, now);
    if (grant != nullptr) return HitBy(std::move(grant), wanted, now);
  }
  if (env_.negatives.Contains(question.id, question.hash, now)) return NotFoundLocally();
  question.sha512 = Sha512(key);
  CountAsking(lease_live);
  return std::nullopt;
}

Decision CheckEngine::HitBy(std::shared_ptr<const CachedGrant> grant,
                            const CheckRequirements& wanted, absl::Duration now) const {
  if (env_.observer != nullptr) env_.observer->OnHit();
  return DecisionBuilder::FromGrant(std::move(grant), wanted, AnswerSource::kCache, now);
}

void CheckEngine::CountAsking(bool lease_live) const {
  if (env_.observer != nullptr) lease_live ? env_.observer->OnMiss() : env_.observer->OnFallback();
}

Decision CheckEngine::NotFoundLocally() const {
  if (env_.observer != nullptr) env_.observer->OnHit();
  return DecisionBuilder::Denied(VerifyCode::kNotFound, AnswerSource::kCache);
}

std::shared_ptr<const CachedGrant> CheckEngine::FindGrant(const Question& question,
                                                          absl::Duration now) const {
  const GrantCache::Reader reader(env_.grants);
  return LiveGrant(reader.Find(question.id), question.hash, now);
}

std::shared_ptr<const CachedGrant> CheckEngine::FindGrant(const GrantCache::Place& place,
                                                          std::string_view key, absl::Duration now,
                                                          KeyHash& hash) const {
  const GrantCache::Reader reader(env_.grants);
  std::optional<KeyHasher> hasher;
  const GrantEntry* entry = reader.Find(
      place, [&] { hasher.emplace(key); }, [&] { hash = hasher->Finish(); });
  return LiveGrant(entry, hash, now);
}

void CheckEngine::Ask(std::shared_ptr<PendingCheck> check) {
  if (closed_.load(std::memory_order_relaxed)) {
    return Finish(*check, {.status = absl::CancelledError(std::string(kClosed))});
  }
  const absl::Duration now = env_.clock.SinceBoot();
  if (now >= check->deadline) {
    return Finish(*check, {.status = absl::DeadlineExceededError("no answer in time")});
  }
  const JoinPoint here = check->joins < kMaxJoins ? env_.fence.Here(now) : JoinPoint{};
  std::optional<FlightTable::Lead> lead = env_.flights.JoinOrLead(
      check->question.id, check->question.hash, here, [this, check](const FlightAnswer* answer) {
        if (answer != nullptr) return Finish(*check, *answer, /*joined=*/true);
        ++check->joins;
        Ask(check);
      });
  if (!lead.has_value()) return;
  const Question question = check->question;
  const absl::Duration deadline = check->deadline;
  env_.authority.Ask(question, deadline,
                     [this, check = std::move(check),
                      lead = *std::move(lead)](const AuthorityAnswer& answer) mutable {
                       // First into the cache: whoever comes once the flight is over finds it.
                       Insert(check->question, answer);
                       lead.Complete(answer.answer);
                       Finish(*check, answer.answer);
                     });
}

void CheckEngine::Insert(const Question& question, const AuthorityAnswer& answer) {
  const FlightAnswer& got = answer.answer;
  if (!got.status.ok()) return;
  if (got.grant != nullptr) {
    // Of other projects' changes we are not told.
    const std::vector<std::string>& ours = options_.project_ids;
    if (!ours.empty() && std::find(ours.begin(), ours.end(), got.grant->project_id) == ours.end()) {
      return;
    }
    // The hint first: a grant that nobody finds would only take room.
    if (question.sha512.has_value()) env_.foreign.Put(question.hash, got.grant->id);
    env_.fence.Insert({.hash = question.hash,
                       .grant = got.grant,
                       .end_of_life = got.end_of_life,
                       .revision = got.reflects.revision},
                      got.reflects.epoch);
  } else if (got.code == VerifyCode::kNotFound) {
    env_.fence.InsertNotFound(question.id, question.hash, got.reflects, answer.asked_at);
  }
}

void CheckEngine::Finish(PendingCheck& check, const FlightAnswer& answer, bool joined) const {
  const absl::Duration now = env_.clock.SinceBoot();
  Decision decision;
  if (!answer.status.ok()) {
    decision = DecideWithoutAnswer(check, answer.status);
  } else if (answer.grant == nullptr) {
    decision = DecisionBuilder::Denied(answer.code, AnswerSource::kAuthority);
  } else if (now >= answer.end_of_life) {
    decision = DecisionBuilder::Denied(VerifyCode::kExpired, AnswerSource::kAuthority);
  } else {
    decision =
        DecisionBuilder::FromGrant(answer.grant, check.wanted(), AnswerSource::kAuthority, now);
  }
  // The authority has counted the one check that asked.
  if (joined && answer.grant != nullptr && decision.code() != DecisionCode::kUnavailable) {
    CountUse(*answer.grant, static_cast<VerifyCode>(decision.code()), check.client_ip, now);
  }
  CheckCallback callback = std::move(check.callback);
  callback(Observed(std::move(decision)));
}

Decision CheckEngine::DecideWithoutAnswer(const PendingCheck& check,
                                          const absl::Status& why) const {
  const absl::Duration now = env_.clock.SinceBoot();
  if (IsUnreachable(why) && env_.view.StaleUsable(now)) {
    Question question = check.question;
    if (question.sha512.has_value()) {
      question.id = env_.foreign.Find(question.hash).value_or(question.id);
    }
    std::shared_ptr<const CachedGrant> grant = FindGrant(question, now);
    if (grant != nullptr) {
      if (env_.observer != nullptr) env_.observer->OnStale();
      return DecisionBuilder::FromGrant(std::move(grant), check.wanted(), AnswerSource::kStaleCache,
                                        now);
    }
  }
  return DecisionBuilder::Unavailable(
      fmt::format("{}: {}", absl::StatusCodeToString(why.code()), std::string(why.message())));
}

Decision CheckEngine::Observed(Decision decision) const {
  if (!decision.valid() && env_.observer != nullptr) env_.observer->OnDenial(decision.code());
  return decision;
}

}  // namespace claviger::client
