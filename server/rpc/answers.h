// What the authority holds, as callers see it.
#ifndef CLAVIGER_SERVER_RPC_ANSWERS_H_
#define CLAVIGER_SERVER_RPC_ANSWERS_H_

#include "absl/time/time.h"
#include "claviger/v1/key.pb.h"
#include "claviger/v1/project.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "core/decision.h"
#include "core/key_record.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace claviger {

void FillTime(absl::Time time, google::protobuf::Timestamp& out);
void FillDuration(absl::Duration duration, google::protobuf::Duration& out);

// `now` decides the state.
void FillKey(const KeyRecord& key, absl::Time now, v1::Key& out);
// When a deleted key goes for good, if it is not shown again before.
void FillPurgeTime(const KeyRecord& key, absl::Duration deleted_key_retention, v1::Key& out);
void FillProject(const ProjectRecord& project, v1::Project& out);
void FillGrant(const KeyRecord& key, v1::Grant& out);

v1::VerifyCode ToProto(VerifyCode code);
v1::KeyState ToProto(KeyState state);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_ANSWERS_H_
