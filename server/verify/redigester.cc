#include "server/verify/redigester.h"

#include <utility>

#include "fmt/format.h"

namespace claviger {
namespace {

// A hash that is overwritten when it is not needed any more.
class HeldHash {
 public:
  explicit HeldHash(const KeyHash& hash) : hash_(hash) {}
  HeldHash(const HeldHash&) = delete;
  HeldHash& operator=(const HeldHash&) = delete;
  ~HeldHash() { Cleanse(hash_); }

  const KeyHash& get() const { return hash_; }

 private:
  KeyHash hash_;
};

absl::StatusOr<ChangeSet> ReplaceDigest(const StateReader& state, const KeyRecord& seen,
                                        const std::string& pepper_id,
                                        Redigester::NewDigest& new_digest) {
  const absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(seen.id);
  if (!current.ok()) return current.status();
  // Gone, or no longer what the secret was compared with.
  if (*current == nullptr || (*current)->pepper_id != seen.pepper_id ||
      !Equal((*current)->digest, seen.digest)) {
    return ChangeSet{};
  }
  // The store refuses to put keys of a deleted project that are not revoked yet, and a refusal
  // would have all other keys wait. None of them verifies again: they need no pepper.
  const auto project = state.FindProject((*current)->project_id);
  if (!project.ok()) return project.status();
  if (*project != nullptr && (*project)->delete_time.has_value()) return ChangeSet{};
  absl::StatusOr<KeyDigest> digest = new_digest();
  if (!digest.ok()) return digest.status();
  KeyRecord key = **current;
  key.digest = *digest;
  key.pepper_id = pepper_id;
  ChangeSet changes;
  changes.audit = {.actor = "system",
                   .peer = "",
                   .action = "RedigestKey",
                   .project_id = key.project_id,
                   .key_id = key.id.ToString(),
                   .detail = fmt::format("from pepper {} to {}", seen.pepper_id, pepper_id)};
  changes.unseen_by_verifiers = true;
  changes.put_keys.push_back(std::move(key));
  return changes;
}

}  // namespace

Redigester::Redigester(KeyStore& store, const PepperSet& peppers, const Clock& clock)
    : store_(store), peppers_(peppers), clock_(clock) {}

void Redigester::Take(const std::shared_ptr<const CachedKey>& key, const KeyHash& hash) {
  // Shared, so that a change that is moved about leaves no copy of the hash behind.
  auto held = std::make_shared<const HeldHash>(hash);
  Take(key, [&peppers = peppers_, id = key->record().id, held = std::move(held)] {
    return peppers.Digest(peppers.writing_id(), id, held->get());
  });
}

void Redigester::Take(const std::shared_ptr<const CachedKey>& key, NewDigest new_digest) {
  const int64_t now = absl::ToInt64Nanoseconds(clock_.SinceBoot());
  if (now < shared_->paused_until_ns.load(std::memory_order_relaxed)) return;
  if (!key->TakeRedigest()) return;  // another check was first
  if (shared_->waiting.fetch_add(1, std::memory_order_relaxed) >= kMaxWaiting) {
    shared_->waiting.fetch_sub(1, std::memory_order_relaxed);
    key->GiveRedigestBack();
    return;
  }
  store_.Commit(
      [key, pepper_id = peppers_.writing_id(),
       new_digest = std::move(new_digest)](const StateReader& state) mutable {
        return ReplaceDigest(state, key->record(), pepper_id, new_digest);
      },
      [key, now, shared = shared_](const absl::StatusOr<Committed>& committed) {
        shared->waiting.fetch_sub(1, std::memory_order_relaxed);
        if (committed.ok()) return;
        shared->paused_until_ns.store(now + absl::ToInt64Nanoseconds(kPauseAfterRefusal),
                                      std::memory_order_relaxed);
        key->GiveRedigestBack();
      });
}

}  // namespace claviger
