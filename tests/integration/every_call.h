// One good request for every method, to ask the same question of each.
#ifndef CLAVIGER_TESTS_INTEGRATION_EVERY_CALL_H_
#define CLAVIGER_TESTS_INTEGRATION_EVERY_CALL_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/server_test.h"

namespace claviger {

struct AnyCall {
  std::string permission;
  std::shared_ptr<google::protobuf::Message> request;
  // About one key or one project, which may be out of the caller's sight.
  bool about_one_thing = true;

  const std::string& name() const { return request->GetDescriptor()->name(); }
};

template <typename Request>
AnyCall MakeCall(std::string permission, Request request, bool about_one_thing = true) {
  return {std::move(permission), std::make_shared<Request>(std::move(request)), about_one_thing};
}

// About this key and this project. None of them writes: those that could only validate.
inline std::vector<AnyCall> EveryCallAbout(const std::string& key_id, const std::string& project_id,
                                           const std::string& raw_key) {
  v1::IssueKeyRequest issue;
  issue.set_project_id(project_id);
  issue.set_display_name("a key");
  issue.set_validate_only(true);
  v1::GetKeyRequest get;
  get.set_key_id(key_id);
  v1::ListKeysRequest list;
  list.add_project_ids(project_id);
  v1::UpdateScopesRequest scopes;
  scopes.set_key_id(key_id);
  scopes.mutable_replace_with();
  scopes.set_validate_only(true);
  v1::DisableKeyRequest disable;
  disable.set_key_id(key_id);
  disable.set_validate_only(true);
  v1::EnableKeyRequest enable;
  enable.set_key_id(key_id);
  enable.set_validate_only(true);
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(key_id);
  revoke.set_validate_only(true);
  v1::RotateKeyRequest rotate;
  rotate.set_key_id(key_id);
  rotate.set_validate_only(true);
  v1::UpdateKeyRequest update_key;
  update_key.mutable_key()->set_key_id(key_id);
  update_key.mutable_key()->set_display_name("a key");
  update_key.mutable_update_mask()->add_paths("display_name");
  update_key.set_validate_only(true);
  v1::DeleteKeyRequest remove_key;
  remove_key.set_key_id(key_id);
  remove_key.set_validate_only(true);
  v1::UndeleteKeyRequest undelete;
  undelete.set_key_id(key_id);
  undelete.set_validate_only(true);
  v1::RevokeKeysRequest revoke_many;
  revoke_many.add_key_ids(key_id);
  revoke_many.set_validate_only(true);
  v1::CreateProjectRequest create;
  create.mutable_project()->set_project_id("created");
  create.set_validate_only(true);
  v1::GetProjectRequest get_project;
  get_project.set_project_id(project_id);
  v1::UpdateProjectRequest update;
  update.mutable_project()->set_project_id(project_id);
  update.mutable_update_mask()->add_paths("display_name");
  update.set_validate_only(true);
  v1::DeleteProjectRequest remove;
  remove.set_project_id(project_id);
  remove.set_validate_only(true);
  v1::ListAuditEventsRequest audit;
  audit.mutable_filter()->add_project_ids(project_id);
  v1::GetUsageRequest key_usage;
  key_usage.set_key_id(key_id);
  v1::GetUsageRequest project_usage;
  project_usage.set_project_id(project_id);
  v1::VerifyRequest verify;
  verify.set_key(raw_key);
  v1::BatchVerifyRequest batch;
  *batch.add_checks() = verify;
  v1::LookupKeyRequest lookup;
  lookup.set_key(raw_key);
  v1::ImportKeysRequest import;
  import.set_project_id(project_id);
  import.set_validate_only(true);
  import.add_keys()->set_sha256(std::string(64, 'a'));
  import.mutable_keys(0)->set_display_name("an old key");
  return {MakeCall("keys.issue", issue),
          MakeCall("keys.lookup", lookup),
          MakeCall("keys.import", import),
          MakeCall("keys.read", get),
          MakeCall("keys.read", list, false),
          MakeCall("keys.update", scopes),
          MakeCall("keys.update", disable),
          MakeCall("keys.update", enable),
          MakeCall("keys.revoke", revoke),
          MakeCall("keys.issue", rotate),
          MakeCall("keys.update", update_key),
          MakeCall("keys.revoke", remove_key),
          MakeCall("keys.revoke", undelete),
          MakeCall("keys.revoke", revoke_many, false),
          MakeCall("projects.manage", create, false),
          MakeCall("projects.read", get_project),
          MakeCall("projects.read", v1::ListProjectsRequest(), false),
          MakeCall("projects.manage", update),
          MakeCall("projects.manage", remove),
          MakeCall("audit.read", audit, false),
          MakeCall("usage.read", key_usage),
          MakeCall("usage.read", project_usage),
          MakeCall("keys.verify", verify, false),
          MakeCall("keys.verify", batch, false)};
}

// All that a management key can be given, but for `settings.manage`, which is all of it.
inline const Strings& Permissions() {
  static const Strings& all = *new Strings{
      "audit.read",  "keys.import", "keys.issue",      "keys.lookup",   "keys.read", "keys.revoke",
      "keys.update", "keys.verify", "projects.manage", "projects.read", "usage.read"};
  return all;
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_EVERY_CALL_H_
