#include "claviger/testing/fake_checker.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "client/src/cached_grant.h"
#include "client/src/decision_builder.h"

namespace claviger::client_testing {
namespace {

// A test that asks for what cannot be is wrong.
void Require(bool holds, const char* field, const std::string& value) {
  if (holds) return;
  std::fprintf(stderr, "GrantFields.%s: no authority would say '%s'\n", field, value.c_str());
  std::abort();
}

std::string ToMetadata(const std::string& json) {
  google::protobuf::Struct metadata;
  if (json.empty()) return {};
  Require(google::protobuf::util::JsonStringToMessage(json, &metadata).ok(), "metadata_json", json);
  return metadata.SerializeAsString();
}

}  // namespace

Grant MakeGrant(const GrantFields& fields) {
  auto grant = std::make_shared<client::CachedGrant>();
  const std::optional<KeyId> id = KeyId::Parse(fields.key_id);
  Require(id.has_value(), "key_id", fields.key_id);
  grant->id = *id;
  grant->project_id = fields.project_id;
  grant->owner = fields.owner;
  grant->environment = static_cast<Environment>(fields.environment);
  for (const std::string& scope : fields.scopes) {
    Require(IsValidGrantedScope(scope), "scopes", scope);
  }
  grant->scopes = ScopeSet::FromTrusted(fields.scopes);
  grant->labels.assign(fields.labels.begin(), fields.labels.end());
  grant->metadata = ToMetadata(fields.metadata_json);
  grant->expire_time = fields.expire_time;
  for (const std::string& text : fields.allowed_cidrs) {
    const std::optional<Cidr> cidr = Cidr::Parse(text);
    Require(cidr.has_value(), "allowed_cidrs", text);
    grant->allowed_cidrs.push_back(*cidr);
  }
  return client::GrantAccess::Make(std::move(grant));
}

Decision DecideOn(const Grant& grant, const CheckRequirements& requirements) {
  if (!grant) return MakeDenial(DecisionCode::kNotFound);
  return client::DecisionBuilder::FromGrant(client::GrantAccess::Of(grant), requirements,
                                            client::AnswerSource::kAuthority, absl::ZeroDuration());
}

Decision MakeDenial(DecisionCode code) {
  if (code == DecisionCode::kUnavailable) return client::DecisionBuilder::Unavailable("a test");
  return client::DecisionBuilder::Denied(static_cast<VerifyCode>(code),
                                         client::AnswerSource::kAuthority);
}

void FakeChecker::Accept(std::string_view key, const GrantFields& fields) {
  Grant grant = MakeGrant(fields);
  absl::MutexLock lock(&mutex_);
  keys_.insert_or_assign(std::string(key), Entry{.grant = std::move(grant), .denial = {}});
}

void FakeChecker::Deny(std::string_view key, DecisionCode code) {
  absl::MutexLock lock(&mutex_);
  keys_.insert_or_assign(std::string(key), Entry{.grant = {}, .denial = code});
}

void FakeChecker::SetUnavailable(bool unavailable) {
  absl::MutexLock lock(&mutex_);
  unavailable_ = unavailable;
}

Decision FakeChecker::Check(std::string_view key, const CheckRequirements& requirements) {
  absl::MutexLock lock(&mutex_);
  ++checks_;
  if (unavailable_) return MakeDenial(DecisionCode::kUnavailable);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return MakeDenial(DecisionCode::kNotFound);
  if (found->second.denial.has_value()) return MakeDenial(*found->second.denial);
  return DecideOn(found->second.grant, requirements);
}

void FakeChecker::CheckAsync(std::string_view key, const CheckRequirements& requirements,
                             CheckCallback callback) {
  callback(Check(key, requirements));
}

size_t FakeChecker::checks() const {
  absl::MutexLock lock(&mutex_);
  return checks_;
}

}  // namespace claviger::client_testing
