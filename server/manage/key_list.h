// Lists keys: filters, order, pages.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_LIST_H_
#define CLAVIGER_SERVER_MANAGE_KEY_LIST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/lifecycle.h"
#include "server/manage/caller.h"
#include "server/manage/key_use_filter.h"
#include "storage/key_store.h"

namespace claviger {

enum class KeyOrder : uint8_t { kCreateTime, kName, kExpireTime, kLastUsedTime };

// What a key must be to be listed: all of it; an unset filter lets everything through.
struct KeyFilter {
  std::vector<std::string> project_ids;  // empty: all that the caller may read
  std::vector<KeyState> states;          // empty: all but deleted
  bool hide_revoked = false;
  std::string owner;
  std::map<std::string, std::string> labels;
  std::string scope;  // covered by the key's
  std::optional<Environment> environment;
  std::string name_contains;  // ASCII case does not matter
  std::optional<absl::Time> created_before;
  std::optional<absl::Time> created_after;
  std::optional<absl::Time> expire_before;
  std::optional<absl::Time> expire_after;
  KeyUseFilter use;
};

struct ListParams {
  KeyFilter filter;
  KeyOrder order = KeyOrder::kCreateTime;
  bool descending = true;
  size_t page_size = 50;
  std::string page_token;
  Sha256Bytes
      arguments_hash{};  // of everything but page_token and page_size: what a token is bound to
  bool include_total_size = false;
};

struct KeyPage {
  std::vector<KeyRecord> keys;
  std::string next_page_token;  // empty: this is the last page
  int64_t total_size = 0;       // only with include_total_size
};

// Whether `key` passes all but the project filter and those by use.
bool Matches(const KeyFilter& filter, const KeyRecord& key, absl::Time now);

// A page of keys, in an order that is total (ties: newest first, then by id), so that a key which
// is there throughout is neither skipped nor shown twice, whatever else is written meanwhile; but
// in the order of use one that is used meanwhile moves. Keys that were not used are the oldest.
// Ordered by create time it stops as soon as the page is full; any other order and
// `include_total_size` cost a scan of the projects, with memory for one page.
//
// Errors: PERMISSION_DENIED without keys.read; INVALID_ARGUMENT `PAGE_TOKEN_INVALID` for a token
// that is not ours or was made with other arguments; the store's. Blocks on I/O: not for gRPC
// threads.
absl::StatusOr<KeyPage> ListKeys(const KeyStore& store, const Caller& caller,
                                 const ListParams& params, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_LIST_H_
