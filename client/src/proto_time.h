// Times on the wire.
#ifndef CLAVIGER_CLIENT_SRC_PROTO_TIME_H_
#define CLAVIGER_CLIENT_SRC_PROTO_TIME_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>

#include "absl/time/time.h"

namespace claviger::client {

inline absl::Duration ReadDuration(const google::protobuf::Duration& from) {
  return absl::Seconds(from.seconds()) + absl::Nanoseconds(from.nanos());
}

inline absl::Time ReadTime(const google::protobuf::Timestamp& from) {
  return absl::FromUnixSeconds(from.seconds()) + absl::Nanoseconds(from.nanos());
}

// REQUIRES: `from` is finite.
inline void FillDuration(absl::Duration from, google::protobuf::Duration& to) {
  absl::Duration rest;
  to.set_seconds(absl::IDivDuration(from, absl::Seconds(1), &rest));
  to.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_PROTO_TIME_H_
