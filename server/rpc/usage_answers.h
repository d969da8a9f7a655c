// What is known of keys' use, in answers about keys and in those about usage.
#ifndef CLAVIGER_SERVER_RPC_USAGE_ANSWERS_H_
#define CLAVIGER_SERVER_RPC_USAGE_ANSWERS_H_

#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "claviger/v1/key.pb.h"
#include "claviger/v1/usage.pb.h"
#include "core/key_record.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "server/manage/usage_reader.h"
#include "storage/key_store.h"

namespace claviger {

// Fills `last_used_*` and `used_since_rotation` of an answer about `key`. A point read. Errors are
// the store's.
absl::Status FillLastUse(const KeyStore& store, const KeyRecord& key, v1::Key& out);

// The same for several; `out` are the answers about `keys`, in the same order.
absl::Status FillLastUses(const KeyStore& store, std::span<const KeyRecord> keys,
                          google::protobuf::RepeatedPtrField<v1::Key>& out);

// Fills `recent_*_count` with the checks of the 24 hours before `now`. Blocks on I/O: not for gRPC
// threads.
absl::Status FillRecentCounts(const KeyStore& store, std::span<const KeyRecord> keys,
                              absl::Time now, google::protobuf::RepeatedPtrField<v1::Key>& out);

void FillTimeline(const UsageTimeline& timeline, v1::GetUsageResponse& out);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_USAGE_ANSWERS_H_
