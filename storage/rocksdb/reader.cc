#include "storage/rocksdb/reader.h"

#include <utility>

#include "core/status.h"
#include "storage/rocksdb/codec.h"

namespace claviger {

absl::StatusOr<std::shared_ptr<const KeyRecord>> RocksDbReader::FindKey(const KeyId& id) const {
  rocksdb::PinnableSlice value;
  const auto found = database_.Get(Family::kKeys, id.text(), value);
  if (!found.ok()) return found.status();
  if (!*found) return nullptr;
  auto key = DecodeKey(id, AsView(value));
  if (!key.ok()) return key.status();
  return std::make_shared<const KeyRecord>(*std::move(key));
}

absl::StatusOr<std::shared_ptr<const ProjectRecord>> RocksDbReader::FindProject(
    const std::string& project_id) const {
  rocksdb::PinnableSlice value;
  const auto found = database_.Get(Family::kProjects, project_id, value);
  if (!found.ok()) return found.status();
  if (!*found) return nullptr;
  auto project = DecodeProject(project_id, AsView(value));
  if (!project.ok()) return project.status();
  return std::make_shared<const ProjectRecord>(*std::move(project));
}

absl::StatusOr<std::optional<KeyId>> RocksDbReader::FindImported(const KeyDigest& digest) const {
  rocksdb::PinnableSlice value;
  const auto found = database_.Get(Family::kImported, AsBytes(digest.bytes), value);
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  const std::optional<KeyId> id = KeyId::Parse(AsView(value));
  if (!id.has_value()) {
    return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
        .Build("a row of family imported has no key id; restore a backup");
  }
  return id;
}

absl::StatusOr<bool> RocksDbReader::ProjectHasKeys(const std::string& project_id) const {
  const std::string begin = ProjectRowsBegin(project_id);
  const std::string end = ProjectRowsEnd(project_id);
  const rocksdb::Slice upper_bound = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const auto it = database_.NewIterator(Family::kByProject, options);
  it->Seek(begin);
  if (!it->status().ok()) return FromRocksDb(it->status(), "read from the store");
  return it->Valid();
}

absl::StatusOr<std::shared_ptr<const RequestRecord>> RocksDbReader::FindRequest(
    const std::string& id, absl::Time now) const {
  rocksdb::PinnableSlice value;
  const auto found = database_.Get(Family::kRequests, id, value);
  if (!found.ok()) return found.status();
  if (!*found) return nullptr;
  auto request = DecodeRequest(id, AsView(value));
  if (!request.ok()) return request.status();
  if (request->expire_time <= now) return nullptr;
  return std::make_shared<const RequestRecord>(*std::move(request));
}

absl::StatusOr<std::map<std::string, KeyDigest>> RocksDbReader::Canaries() const {
  std::map<std::string, KeyDigest> canaries;
  const auto it = database_.NewIterator(Family::kMeta, rocksdb::ReadOptions());
  const rocksdb::Slice prefix = AsSlice(kCanaryRowPrefix);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const std::string pepper_id(AsView(it->key()).substr(kCanaryRowPrefix.size()));
    const auto digest = DecodeCanary(pepper_id, AsView(it->value()));
    if (!digest.ok()) return digest.status();
    canaries.emplace(pepper_id, *digest);
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read from the store");
  return canaries;
}

absl::StatusOr<absl::Duration> RocksDbReader::LongestLease() const {
  rocksdb::PinnableSlice value;
  const auto found = database_.Get(Family::kMeta, kLongestLeaseRow, value);
  if (!found.ok()) return found.status();
  if (!*found) return absl::ZeroDuration();
  return DecodeLongestLease(AsView(value));
}

}  // namespace claviger
