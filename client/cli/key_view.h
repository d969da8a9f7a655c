// Keys for people to look at.
#ifndef CLAVIGER_CLIENT_CLI_KEY_VIEW_H_
#define CLAVIGER_CLIENT_CLI_KEY_VIEW_H_

#include <claviger/v1/key.pb.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/time/time.h"
#include "client/cli/table.h"

namespace claviger::cli {

// What a list of keys was asked to show.
struct KeyColumns {
  bool usage = false;  // the checks of the last 24 hours
  // These stay where there is no room for all.
  bool keep_owner = false;
  bool keep_last_used = false;
};

// A line for each key; times relative to `now`.
Table KeyTable(const google::protobuf::RepeatedPtrField<v1::Key>& keys, absl::Time now,
               const KeyColumns& wanted = {});

// Everything about a key; times as RFC 3339 and relative to `now`.
FieldList KeyFields(const v1::Key& key, absl::Time now);

// What becomes of a key that was replaced: `00Yx… works until 2030-01-31T12:00:00Z (in 7 days)`.
std::string RemainingLife(const v1::Key& key, absl::Time now);

// As JSON; empty where there is none.
std::string MetadataText(const google::protobuf::Struct& metadata);

// The blocks that a key is limited to, or `any`.
std::string AddressesText(const v1::Key& key);

// Good for active, bad for what never comes back.
Tone ToneOf(v1::KeyState state);

// `a, b, c`; `none` where there are none.
std::string JoinOrNone(const google::protobuf::RepeatedPtrField<std::string>& texts);

// `a=1, b=2`, sorted.
std::string JoinLabels(const google::protobuf::Map<std::string, std::string>& labels);

// `2030-01-31T12:00:00Z (in 89 days)`.
std::string FormatMoment(const google::protobuf::Timestamp& time, absl::Time now);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_VIEW_H_
