#include "server/manage/key_lookup.h"

#include "core/status.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// The same words for all: they must tell nothing apart, and a secret must not stand in them.
absl::Status NoSuchKey() {
  return ErrorBuilder(absl::StatusCode::kNotFound, Reason::kKeyNotFound)
      .Resource("key", "")
      .Build("credential: there is no such key");
}

bool IsHeadOf(const KeyHead& head, const KeyRecord& key) {
  return !key.imported.has_value() && key.prefix == head.prefix &&
         key.environment == head.environment;
}

}  // namespace

std::optional<KeyHead> KeyHead::Parse(std::string_view text) {
  constexpr size_t kEnvironmentLength = 4;
  constexpr size_t kTailLength = 1 + kEnvironmentLength + 1 + kKeyIdLength;
  if (text.size() <= kTailLength) return std::nullopt;
  KeyHead head;
  head.prefix = text.substr(0, text.size() - kTailLength);
  text.remove_prefix(head.prefix.size());
  const std::string_view environment = text.substr(1, kEnvironmentLength);
  const std::optional<KeyId> id = KeyId::Parse(text.substr(kTailLength - kKeyIdLength));
  const bool is_test = environment == EnvironmentName(Environment::kTest);
  if (!IsValidKeyPrefix(head.prefix) || text.front() != '_' ||
      text[1 + kEnvironmentLength] != '_' || !id.has_value() ||
      (!is_test && environment != EnvironmentName(Environment::kLive))) {
    return std::nullopt;
  }
  head.environment = is_test ? Environment::kTest : Environment::kLive;
  head.id = *id;
  return head;
}

absl::StatusOr<std::shared_ptr<const KeyRecord>> KeyLookup::Find(const Caller& caller,
                                                                 const LookedUp& what) const {
  if (absl::Status s = caller.Require(permission::kKeysLookup); !s.ok()) return s;
  absl::StatusOr<std::shared_ptr<const CachedKey>> key = nullptr;
  if (const auto* head = std::get_if<KeyHead>(&what)) {
    key = verifier_.Find(head->id);
    if (key.ok() && *key != nullptr && !IsHeadOf(*head, (*key)->record())) key = nullptr;
  } else {
    key = verifier_.Match(std::get<ShownCredential>(what));
  }
  if (!key.ok()) return key.status();
  if (*key == nullptr || !caller.IsBoundTo((*key)->record().project_id)) return NoSuchKey();
  return (*key)->shared_record();
}

}  // namespace claviger
