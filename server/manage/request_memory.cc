#include "server/manage/request_memory.h"

#include <string_view>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"

namespace claviger {
namespace {

constexpr std::string_view kSealPurpose = "claviger.v1 request answer";

std::string RequestKey(const Caller& caller, const RequestIdentity& request) {
  return fmt::format("{}\n{}", caller.actor(), request.id);
}

absl::Status RequestIdReused(std::string accepted, std::string message) {
  return ErrorBuilder(absl::StatusCode::kAlreadyExists, Reason::kRequestIdReused)
      .Field("request_id", std::move(accepted))
      .Build(std::move(message));
}

}  // namespace

absl::StatusOr<std::optional<RememberedKey>> RequestMemory::Find(const StateReader& state,
                                                                 const Caller& caller,
                                                                 const RequestIdentity& request,
                                                                 bool is_trial,
                                                                 absl::Time now) const {
  const std::string request_key = RequestKey(caller, request);
  absl::StatusOr<std::shared_ptr<const RequestRecord>> found = state.FindRequest(request_key, now);
  if (!found.ok()) return found.status();
  if (*found == nullptr) return std::nullopt;
  const RequestRecord& record = **found;
  if (record.arguments_hash != request.arguments_hash) {
    return RequestIdReused("must be a new UUID for a request with other arguments",
                           "request_id: was used within 10 minutes with other arguments");
  }
  if (is_trial) {
    return RequestIdReused(
        "must be a new UUID, or empty, with validate_only",
        fmt::format("request_id: was used within 10 minutes and gave key {}, so nothing would be "
                    "issued; must be a new UUID, or empty, with validate_only",
                    record.key_id.text()));
  }
  absl::StatusOr<Secret> seal_key = peppers_.DeriveKey(record.pepper_id, kSealPurpose);
  if (!seal_key.ok()) return seal_key.status();
  absl::StatusOr<Secret> raw_key = Unseal(*seal_key, record.sealed_secret, request_key);
  if (!raw_key.ok()) return raw_key.status();
  absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey(record.key_id);
  if (!key.ok()) return key.status();
  if (*key == nullptr) return KeyNotFound(record.key_id);
  return RememberedKey{*std::move(raw_key), *std::move(key)};
}

absl::StatusOr<RequestRecord> RequestMemory::Seal(const Caller& caller,
                                                  const RequestIdentity& request,
                                                  const KeyRecord& key,
                                                  const Secret& raw_key) const {
  RequestRecord record;
  record.id = RequestKey(caller, request);
  record.arguments_hash = request.arguments_hash;
  record.key_id = key.id;
  record.pepper_id = peppers_.writing_id();
  record.expire_time = key.create_time + kRequestIdLifetime;
  absl::StatusOr<Secret> seal_key = peppers_.DeriveKey(record.pepper_id, kSealPurpose);
  if (!seal_key.ok()) return seal_key.status();
  absl::StatusOr<std::string> sealed = claviger::Seal(*seal_key, raw_key, record.id, random_);
  if (!sealed.ok()) return sealed.status();
  record.sealed_secret = *std::move(sealed);
  return record;
}

}  // namespace claviger
