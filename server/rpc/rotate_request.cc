#include "server/rpc/rotate_request.h"

#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/request_identity.h"

namespace claviger {
namespace {

absl::Duration ReadGracePeriod(const v1::RotateKeyRequest& request, FieldErrors& errors) {
  const absl::Duration grace = field::ReadDuration("grace_period", request.grace_period(), errors);
  if (grace < absl::ZeroDuration() || grace > kMaxGracePeriod) {
    errors.Add("grace_period", "must be at least 0 and at most 30 days");
  }
  return grace;
}

GraceStart ReadGraceStart(const v1::RotateKeyRequest& request, FieldErrors& errors) {
  if (!v1::GraceStart_IsValid(request.grace_starts())) {
    errors.Add("grace_starts", "must be GRACE_START_NOW or GRACE_START_FIRST_USE");
  }
  return request.grace_starts() == v1::GRACE_START_FIRST_USE ? GraceStart::kFirstUse
                                                             : GraceStart::kNow;
}

}  // namespace

absl::StatusOr<RotateParams> ToRotateParams(const v1::RotateKeyRequest& request) {
  FieldErrors errors;
  RotateParams params;
  params.key_id = field::ReadKeyId("key_id", request.key_id(), errors);
  params.grace_period = ReadGracePeriod(request, errors);
  params.grace_start = ReadGraceStart(request, errors);
  if (request.has_ttl()) {
    params.expiration = field::ReadDuration("ttl", request.ttl(), errors);
  } else if (request.has_expire_time()) {
    params.expiration = field::ReadTime("expire_time", request.expire_time(), errors);
  }
  params.request = field::ReadRequestIdentity(request, errors);
  params.if_revision = Revision{request.if_revision()};
  field::CheckPropagation("propagation", request.propagation(), errors);
  params.validate_only = request.validate_only();
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

}  // namespace claviger
