// Lists keys: filters, order, pages.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_LIST_H_
#define CLAVIGER_SERVER_MANAGE_KEY_LIST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "server/manage/key_order.h"
#include "server/manage/key_use_filter.h"
#include "storage/key_store.h"

namespace claviger {

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
  size_t page_size = 50;  // at least 1
  std::string page_token;
  Sha256Bytes
      arguments_hash{};  // of what decides which keys come in which order: a token is bound to it
  bool include_total_size = false;
};

// How much work one call may be.
struct ListLimits {
  // Records looked at for a page in an order that the store has an index for. A page that is not
  // full by then ends there: a tenth of a second or so from a warm cache, a few seconds at worst
  // from a slow disk, so that a search never holds a thread that other lists wait for.
  size_t scanned = 20'000;
  // Records looked at where they have to be sorted: about a second. There is no way to go on later
  // with a part of it, so a list of more is refused.
  size_t sorted = 200'000;
  // Asked now and then; true: nobody waits for the answer any more. Empty: never.
  std::function<bool()> out_of_time;
};

struct KeyPage {
  std::vector<KeyRecord> keys;
  std::string next_page_token;  // empty: this is the last page, also where it has no keys
  int64_t total_size = 0;       // only with include_total_size
};

// Whether `key` passes all but the project filter and those by use, which KeyMatcher asks for.
bool Matches(const KeyFilter& filter, const KeyRecord& key, absl::Time now);

// A page of keys, in an order that is total (key_order.h), so that a key which is there throughout
// and does not change its place is neither skipped nor shown twice, whatever else is written
// meanwhile. It may have fewer keys than asked for and yet not be the last: see
// ListLimits::scanned.
//
// What is read: the keys of the owner, else of the first label, else, by expire time or with
// `expire_before`, those that expire then, else all of the projects; of one project, of several
// merged, or of all at once. By name, by last use, and by expire time within less than all, they
// are sorted. `include_total_size` looks at every key of that kind, each time.
//
// Errors: PERMISSION_DENIED without keys.read; INVALID_ARGUMENT `PAGE_TOKEN_INVALID` for a token
// that is not ours or was made with other arguments; FAILED_PRECONDITION `LIST_TOO_LARGE` where
// more than `limits.sorted` would have to be sorted; DEADLINE_EXCEEDED; the store's. Blocks on I/O:
// not for gRPC threads.
absl::StatusOr<KeyPage> ListKeys(const KeyStore& store, const Caller& caller,
                                 const ListParams& params, absl::Time now,
                                 const ListLimits& limits = {});

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_LIST_H_
