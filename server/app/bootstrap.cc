#include "server/app/bootstrap.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/key_format.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/config/private_file.h"
#include "server/manage/permissions.h"
#include "server/manage/project_manager.h"

namespace claviger {
namespace {

constexpr std::string_view kFirstPepperId = "p1";
constexpr std::string_view kSystemActor = "system";

absl::Status ConfigError(std::string message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(std::move(message));
}

// Only for the start, before any call is taken.
absl::StatusOr<Committed> CommitAndWait(KeyStore& store, Mutation mutation) {
  absl::StatusOr<Committed> result;
  absl::Notification done;
  store.Commit(std::move(mutation), [&](absl::StatusOr<Committed> committed) {
    result = std::move(committed);
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

absl::Status AddCanaries(const PepperSet& peppers, const std::map<std::string, KeyDigest>& known,
                         ChangeSet& changes) {
  for (const std::string& id : peppers.ids()) {
    if (known.contains(id)) continue;
    absl::StatusOr<KeyDigest> canary = peppers.Canary(id);
    if (!canary.ok()) return canary.status();
    changes.put_canaries.emplace(id, *canary);
  }
  return absl::OkStatus();
}

AuditDraft SystemAudit(std::string action, std::string key_id) {
  return {.actor = std::string(kSystemActor),
          .peer = "",
          .action = std::move(action),
          .project_id = std::string(kManagementProject),
          .key_id = std::move(key_id),
          .detail = ""};
}

// The audit entry of peppers that came or went.
void DescribeChange(ChangeSet& changes) {
  std::vector<std::string> added;
  for (const auto& [id, digest] : changes.put_canaries) added.push_back(id);
  changes.audit = SystemAudit(changes.delete_canaries.empty() ? "AddPepper" : "RemovePepper", "");
  changes.audit.detail = fmt::format("added [{}], removed [{}]", fmt::join(added, " "),
                                     fmt::join(changes.delete_canaries, " "));
}

// Those of the store's peppers that `peppers` lacks and something needs, each with what that is.
absl::StatusOr<std::vector<std::string>> DescribeMissing(
    const KeyStore& store, const PepperSet& peppers,
    const std::map<std::string, KeyDigest>& canaries, absl::Time now) {
  absl::StatusOr<StoreStats> stats = store.Stats(now);
  if (!stats.ok()) return stats.status();
  std::map<std::string, uint64_t>& keys = stats->keys_by_pepper;
  for (const auto& [id, digest] : canaries) keys.try_emplace(id, 0);
  std::erase_if(keys, [&](const auto& entry) { return peppers.Contains(entry.first); });
  std::vector<std::string> missing;
  if (keys.empty()) return missing;
  // A scan, so only where a pepper is gone.
  absl::StatusOr<std::map<std::string, uint64_t>> requests = store.RequestsByPepper(now);
  if (!requests.ok()) return requests.status();
  for (const auto& [id, count] : keys) {
    const uint64_t answers = (*requests)[id];
    if (count == 0 && answers == 0) continue;
    missing.push_back(
        answers == 0 ? fmt::format("{} ({} keys need it)", id, count)
                     : fmt::format("{} ({} keys need it, and, for 10 minutes at most, {} answers "
                                   "kept for retries)",
                                   id, count, answers));
  }
  return missing;
}

absl::Status RecordAlone(KeyStore& store, std::string action, std::string detail) {
  return CommitAndWait(store,
                       [&](const StateReader&) -> absl::StatusOr<ChangeSet> {
                         ChangeSet changes;
                         changes.only_audit = true;
                         changes.audit = SystemAudit(std::move(action), "");
                         changes.audit.detail = std::move(detail);
                         return changes;
                       })
      .status();
}

struct RootKey {
  Secret raw_key;
  KeyRecord record;
};

absl::StatusOr<RootKey> MakeRootKey(const PepperSet& peppers, RandomSource& random, absl::Time now,
                                    std::string description) {
  absl::StatusOr<KeyId> id = KeyId::Generate(random);
  if (!id.ok()) return id.status();
  absl::StatusOr<Secret> raw_key = GenerateKey(kDefaultKeyPrefix, Environment::kLive, *id, random);
  if (!raw_key.ok()) return raw_key.status();
  absl::StatusOr<KeyDigest> digest =
      peppers.Digest(peppers.writing_id(), *id, HashKey(raw_key->ExposeSecret()));
  if (!digest.ok()) return digest.status();
  RootKey root;
  root.record.id = *id;
  root.record.project_id = kManagementProject;
  root.record.display_name = "root";
  root.record.description = std::move(description);
  root.record.prefix = kDefaultKeyPrefix;
  root.record.masked_key = MaskKey(*raw_key);
  root.record.digest = *digest;
  root.record.pepper_id = peppers.writing_id();
  root.record.scopes = ScopeSet::FromTrusted({std::string(permission::kSettingsManage)});
  root.record.create_time = now;
  root.record.created_by = kSystemActor;
  root.record.update_time = now;
  root.raw_key = *std::move(raw_key);
  return root;
}

}  // namespace

absl::StatusOr<PepperSet> LoadPeppers(const std::filesystem::path& file, bool make_missing,
                                      RandomSource& random) {
  absl::StatusOr<Secret> text = ReadPrivateFile(file);
  if (absl::IsNotFound(text.status()) && make_missing) {
    absl::StatusOr<Secret> line = PepperSet::GenerateLine(kFirstPepperId, random);
    if (!line.ok()) return line.status();
    if (absl::Status s = CreatePrivateFile(file, line->ExposeSecret()); !s.ok()) return s;
    text = ReadPrivateFile(file);
  }
  if (!text.ok()) return text.status();
  absl::StatusOr<PepperSet> peppers = PepperSet::Parse(*text);
  if (peppers.ok()) return peppers;
  return ConfigError(
      fmt::format("pepper file {}: {}", file.string(), std::string(peppers.status().message())));
}

absl::Status CheckPeppers(KeyStore& store, const PepperSet& peppers, absl::Time now) {
  const absl::StatusOr<std::map<std::string, KeyDigest>> known = store.Canaries();
  if (!known.ok()) return known.status();
  std::vector<std::string> different;
  for (const auto& [id, digest] : *known) {
    if (!peppers.Contains(id)) continue;
    const absl::StatusOr<KeyDigest> canary = peppers.Canary(id);
    if (!canary.ok()) return canary.status();
    if (!Equal(*canary, digest)) different.push_back(id);
  }
  const absl::StatusOr<std::vector<std::string>> missing =
      DescribeMissing(store, peppers, *known, now);
  if (!missing.ok()) return missing.status();
  if (!missing->empty() || !different.empty()) {
    std::string wrong;
    if (!missing->empty()) wrong = fmt::format(" missing [{}],", fmt::join(*missing, ", "));
    if (!different.empty()) {
      wrong += fmt::format(" other bytes than before [{}],", fmt::join(different, " "));
    }
    return ConfigError(
        fmt::format("the pepper file does not fit the store:{} and without them keys cannot be "
                    "recognised; put the right pepper file back",
                    wrong));
  }
  return CommitAndWait(store,
                       [&](const StateReader&) -> absl::StatusOr<ChangeSet> {
                         ChangeSet changes;
                         if (absl::Status s = AddCanaries(peppers, *known, changes); !s.ok())
                           return s;
                         for (const auto& [id, digest] : *known) {
                           if (!peppers.Contains(id)) changes.delete_canaries.push_back(id);
                         }
                         DescribeChange(changes);
                         return changes;
                       })
      .status();
}

absl::StatusOr<bool> BootstrapIfNew(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                                    const Clock& clock,
                                    const std::filesystem::path& root_key_file) {
  const absl::StatusOr<std::shared_ptr<const ProjectRecord>> existing =
      store.FindProject(std::string(kManagementProject));
  if (!existing.ok()) return existing.status();
  if (*existing != nullptr) return false;

  const absl::Time now = clock.Now();
  absl::StatusOr<RootKey> root = MakeRootKey(peppers, random, now, "Made at the first start.");
  if (!root.ok()) return root.status();
  if (absl::Status s = ReplacePrivateFile(root_key_file, root->raw_key.ExposeSecret()); !s.ok()) {
    return s;
  }
  const absl::StatusOr<Committed> committed =
      CommitAndWait(store, [&](const StateReader&) -> absl::StatusOr<ChangeSet> {
        ChangeSet changes;
        if (absl::Status s = AddCanaries(peppers, {}, changes); !s.ok()) return s;
        changes.put_projects = {BuiltInProject(kManagementProject, now),
                                BuiltInProject(kDefaultProject, now)};
        changes.put_keys = {root->record};
        changes.audit = SystemAudit("Bootstrap", root->record.id.ToString());
        return changes;
      });
  if (!committed.ok()) return committed.status();
  return true;
}

absl::StatusOr<KeyId> AddRootKey(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                                 const Clock& clock, const std::filesystem::path& root_key_file,
                                 std::string why) {
  absl::StatusOr<RootKey> root =
      MakeRootKey(peppers, random, clock.Now(), "Made because " + why + ".");
  if (!root.ok()) return root.status();
  if (absl::Status s = ReplacePrivateFile(root_key_file, root->raw_key.ExposeSecret()); !s.ok()) {
    return s;
  }
  const absl::StatusOr<Committed> committed =
      CommitAndWait(store, [&](const StateReader&) -> absl::StatusOr<ChangeSet> {
        ChangeSet changes;
        changes.put_keys = {root->record};
        changes.audit = SystemAudit("MakeRootKey", root->record.id.ToString());
        changes.audit.detail = std::move(why);
        return changes;
      });
  if (!committed.ok()) return committed.status();
  return root->record.id;
}

absl::Status RecordOlderState(KeyStore& store) {
  return RecordAlone(store, "AcceptOlderState",
                     fmt::format("new history {}", store.epoch().ToHex()));
}

absl::Status RecordRestore(KeyStore& store, std::string detail) {
  return RecordAlone(store, "RestoreBackup", std::move(detail));
}

}  // namespace claviger
