// Projects and every bound of their fields.

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

constexpr absl::Duration kHundredYears = absl::Hours(24 * 36525);

class ProjectBadInputTest : public BadInputTest {
 protected:
  static v1::CreateProjectRequest NewProject(const std::string& id) {
    v1::CreateProjectRequest request;
    request.mutable_project()->set_project_id(id);
    request.set_validate_only(true);
    return request;
  }

  static v1::UpdateProjectRequest UpdateOf(const std::string& id) {
    v1::UpdateProjectRequest request;
    request.mutable_project()->set_project_id(id);
    request.mutable_update_mask()->add_paths("policy");
    request.set_validate_only(true);
    return request;
  }

  // What holds for a project's values in both calls that carry them.
  template <typename Request>
  void ExpectValuesChecked(const Request& good) {
    const SetText<Request> name = [](Request& r, const std::string& s) {
      r.mutable_project()->set_display_name(s);
    };
    std::vector<BadInput<Request>> rows = BadProjectIds<Request>(
        "project.project_id",
        [](Request& r, const std::string& s) { r.mutable_project()->set_project_id(s); });
    Append(rows, BadNames("project.display_name", 128, name));
    Append(rows, BadScopes<Request>("project.scope_catalog", [](Request& r) {
             return r.mutable_project()->mutable_scope_catalog();
           }));
    for (const std::string& prefix :
         {std::string("a"), std::string(17, 'a'), std::string("Clv"), std::string("1lv"),
          std::string("c_v"), std::string("clv\n"), std::string("čl")}) {
      rows.push_back({"prefix " + prefix,
                      [prefix](Request& r) { r.mutable_project()->set_key_prefix(prefix); },
                      "project.key_prefix", "[a-z][a-z0-9]{1,15}"});
    }
    const auto max_ttl = [](absl::Duration d) {
      return [d](Request& r) {
        SetDuration(d, r.mutable_project()->mutable_policy()->mutable_max_key_ttl());
      };
    };
    const auto default_ttl = [](absl::Duration d) {
      return [d](Request& r) {
        SetDuration(d, r.mutable_project()->mutable_policy()->mutable_default_key_ttl());
      };
    };
    const std::string bounds = "at least 1 s and at most 100 years";
    Append<BadInput<Request>>(
        rows,
        {{"no time", max_ttl(absl::ZeroDuration()), "project.policy.max_key_ttl", bounds},
         {"less than a second", max_ttl(absl::Seconds(1) - absl::Nanoseconds(1)),
          "project.policy.max_key_ttl", bounds},
         {"too long", max_ttl(kHundredYears + absl::Nanoseconds(1)), "project.policy.max_key_ttl",
          bounds},
         {"negative", default_ttl(-absl::Hours(1)), "project.policy.default_key_ttl", bounds},
         {"default too long", default_ttl(kHundredYears + absl::Nanoseconds(1)),
          "project.policy.default_key_ttl", bounds},
         {"not a duration",
          [](Request& r) {
            r.mutable_project()->mutable_policy()->mutable_max_key_ttl()->set_nanos(2'000'000'000);
          },
          "project.policy.max_key_ttl", "seconds and nanos"},
         {"default above the maximum",
          [=](Request& r) {
            max_ttl(absl::Hours(1))(r);
            default_ttl(absl::Hours(2))(r);
          },
          "project.policy.default_key_ttl", "must not be above max_key_ttl"}});
    ExpectRefused(good, rows);

    std::vector<GoodInput<Request>> taken = LongestTexts("project.display_name", 128, name);
    Append<GoodInput<Request>>(
        taken, {{"longest prefix",
                 [](Request& r) { r.mutable_project()->set_key_prefix(std::string(16, 'a')); }},
                {"shortest prefix", [](Request& r) { r.mutable_project()->set_key_prefix("a1"); }},
                {"shortest life", max_ttl(absl::Seconds(1))},
                {"longest life", max_ttl(kHundredYears)},
                {"256 scopes", [](Request& r) {
                   for (int i = 0; i < 256; ++i) {
                     r.mutable_project()->add_scope_catalog("s" + std::to_string(i));
                   }
                 }}});
    ExpectTaken(good, taken);
  }
};

TEST_F(ProjectBadInputTest, CreateProject) {
  using Request = v1::CreateProjectRequest;
  ExpectValuesChecked(NewProject("shop"));
  ExpectRefused<Request>(
      NewProject("shop"),
      {{"no project", [](Request& r) { r.clear_project(); }, "project.project_id", "",
        "FIELD_REQUIRED"},
       {"there already", [](Request& r) { r.mutable_project()->set_project_id("default"); }, "", "",
        "PROJECT_EXISTS", StatusCode::ALREADY_EXISTS}});
  ExpectTaken<Request>(
      NewProject("shop"),
      {{"longest id",
        [](Request& r) { r.mutable_project()->set_project_id(std::string(63, 'a')); }},
       {"shortest id", [](Request& r) { r.mutable_project()->set_project_id("a-"); }}});
}

TEST_F(ProjectBadInputTest, UpdateProject) {
  using Request = v1::UpdateProjectRequest;
  const uint64_t revision = MakeProject("shop").revision();
  ExpectValuesChecked(UpdateOf("shop"));
  std::vector<BadInput<Request>> rows = {
      {"no mask", [](Request& r) { r.clear_update_mask(); }, "update_mask", "display_name",
       "FIELD_REQUIRED"},
      {"unknown", [](Request& r) { r.mutable_project()->set_project_id("nowhere"); }, "", "",
       "PROJECT_NOT_FOUND", StatusCode::NOT_FOUND},
      {"stale", [=](Request& r) { r.set_if_revision(revision - 1); }, "", "", "STALE_REVISION",
       StatusCode::ABORTED}};
  for (const std::string path : {"", "project_id", "revision", "create_time", "name", "*",
                                 "policy.nothing", "project.display_name", "Policy", "policy."}) {
    rows.push_back({"path " + path,
                    [path](Request& r) { r.mutable_update_mask()->add_paths(path); },
                    "update_mask.paths[1]", "must be among display_name"});
  }
  ExpectRefused(UpdateOf("shop"), rows);
}

TEST_F(ProjectBadInputTest, GetProject) {
  using Request = v1::GetProjectRequest;
  Request good;
  good.set_project_id("default");
  std::vector<BadInput<Request>> rows = BadProjectIds<Request>(
      "project_id", [](Request& r, const std::string& s) { r.set_project_id(s); });
  rows.push_back({"unknown", [](Request& r) { r.set_project_id("nowhere"); }, "", "",
                  "PROJECT_NOT_FOUND", StatusCode::NOT_FOUND});
  ExpectRefused(good, rows);
}

TEST_F(ProjectBadInputTest, DeleteProject) {
  using Request = v1::DeleteProjectRequest;
  const uint64_t revision = MakeProject("shop").revision();
  Request good;
  good.set_project_id("shop");
  std::vector<BadInput<Request>> rows = BadProjectIds<Request>(
      "project_id", [](Request& r, const std::string& s) { r.set_project_id(s); });
  Append<BadInput<Request>>(rows, {{"unknown", [](Request& r) { r.set_project_id("nowhere"); }, "",
                                    "", "PROJECT_NOT_FOUND", StatusCode::NOT_FOUND},
                                   {"stale", [=](Request& r) { r.set_if_revision(revision + 1); },
                                    "", "", "STALE_REVISION", StatusCode::ABORTED}});
  ExpectRefused(good, rows);
}

TEST_F(ProjectBadInputTest, ListProjects) {
  using Request = v1::ListProjectsRequest;
  v1::ListKeysRequest keys;
  keys.set_page_size(1);
  Issue();
  const std::string foreign = root().Call(keys)->next_page_token();
  ASSERT_FALSE(foreign.empty());
  ExpectRefused<Request>(
      Request(),
      {{"-1", [](Request& r) { r.set_page_size(-1); }, "page_size", "must not be negative"},
       {"garbage", [](Request& r) { r.set_page_token("x"); }, "page_token", "next_page_token",
        "PAGE_TOKEN_INVALID"},
       {"of another list", [&](Request& r) { r.set_page_token(foreign); }, "page_token",
        "next_page_token", "PAGE_TOKEN_INVALID"}});
  ExpectTaken<Request>(Request(),
                       {{"more than the ceiling", [](Request& r) { r.set_page_size(5000); }}});
}

}  // namespace
}  // namespace claviger
