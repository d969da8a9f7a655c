#include "server/manage/key_reading.h"

#include <algorithm>
#include <optional>
#include <queue>
#include <utility>

#include "core/lifecycle.h"

namespace claviger {
namespace {

// Enough that the cost of beginning to read is spread thin, few enough to stay small in memory.
constexpr size_t kMostRead = 512;

// One list of several, with what was read of it and not visited yet.
class Head {
 public:
  Head(const KeyReader& reader, size_t first_read) : reader_(reader), next_read_(first_read) {}

  // The next key; null at the end of the list.
  absl::StatusOr<const KeyRecord*> Next() {
    if (++at_ >= keys_.size()) {
      if (absl::Status s = Read(); !s.ok()) return s;
      if (keys_.empty()) return nullptr;
    }
    return &keys_[at_];
  }
  const KeyRecord& current() const { return keys_[at_]; }

 private:
  absl::Status Read() {
    const std::optional<KeyRecord> last =
        keys_.empty() ? std::nullopt : std::optional<KeyRecord>(std::move(keys_.back()));
    keys_.clear();
    at_ = 0;
    if (ended_) return absl::OkStatus();
    const size_t wanted = std::exchange(next_read_, std::min(next_read_ * 4, kMostRead));
    absl::Status read =
        reader_(last.has_value() ? &*last : nullptr, [this, wanted](const KeyRecord& key) {
          keys_.push_back(key);
          return keys_.size() < wanted;
        });
    ended_ = keys_.size() < wanted;
    return read;
  }

  const KeyReader& reader_;
  size_t next_read_;
  bool ended_ = false;
  std::vector<KeyRecord> keys_;
  size_t at_ = 0;
};

// The place of a list's current key, and which list it is.
using Place = std::pair<std::string, size_t>;

// Lets `scan` visit keys as they are at present.
absl::Status VisitPresent(const KeyStore& store, const KeyVisitor& visit,
                          const std::function<absl::Status(const KeyVisitor&)>& scan) {
  PresentKeys present(store);
  absl::Status failed;
  absl::Status scanned = scan([&](const KeyRecord& key) {
    const absl::StatusOr<const KeyRecord*> shown = present.Of(key);
    failed = shown.status();
    return failed.ok() && visit(**shown);
  });
  return failed.ok() ? scanned : failed;
}

}  // namespace

absl::StatusOr<const KeyRecord*> PresentKeys::Of(const KeyRecord& key) {
  if (key.project_id != project_id_) {
    const auto project = store_.FindProject(key.project_id);
    if (!project.ok()) return project.status();
    project_id_ = key.project_id;
    project_deleted_ = *project == nullptr ? std::nullopt : (*project)->delete_time;
  }
  if (!project_deleted_.has_value()) return &key;
  revoked_ = key;
  RevokeWithProject(revoked_, *project_deleted_);
  return &revoked_;
}

KeyReader ReadScan(const KeyStore& store, KeyScan scan) {
  return [&store, scan = std::move(scan)](const KeyRecord* after, const KeyVisitor& visit) {
    KeyScan rest = scan;
    if (after != nullptr) rest.after = KeyCursor{after->create_time, after->id};
    return VisitPresent(store, visit, [&](const KeyVisitor& v) { return store.ScanKeys(rest, v); });
  };
}

KeyReader ReadExpiring(const KeyStore& store, ExpiryScan scan) {
  return [&store, scan](const KeyRecord* after, const KeyVisitor& visit) {
    ExpiryScan rest = scan;
    if (after != nullptr) rest.after = ExpiryCursor{*after->expire_time, after->id};
    return VisitPresent(store, visit,
                        [&](const KeyVisitor& v) { return store.ScanExpiring(rest, v); });
  };
}

absl::Status VisitMerged(const std::vector<KeyReader>& readers,
                         const std::function<std::string(const KeyRecord&)>& place,
                         size_t first_read, const KeyVisitor& visit) {
  if (readers.size() == 1) return readers.front()(nullptr, visit);
  std::vector<Head> heads;
  heads.reserve(readers.size());
  std::priority_queue<Place, std::vector<Place>, std::greater<>> places;
  const auto advance = [&](size_t i) -> absl::Status {
    absl::StatusOr<const KeyRecord*> key = heads[i].Next();
    if (!key.ok()) return key.status();
    if (*key != nullptr) places.emplace(place(**key), i);
    return absl::OkStatus();
  };
  for (const KeyReader& reader : readers) {
    heads.emplace_back(reader, std::clamp<size_t>(first_read, 1, kMostRead));
    if (absl::Status s = advance(heads.size() - 1); !s.ok()) return s;
  }
  while (!places.empty()) {
    const size_t first = places.top().second;
    places.pop();
    if (!visit(heads[first].current())) return absl::OkStatus();
    if (absl::Status s = advance(first); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace claviger
