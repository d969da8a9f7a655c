// The calls that read and change keys, and every bound of their fields.

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

class KeyCallsBadInputTest : public BadInputTest {
 protected:
  void SetUp() override {
    issued_ = Issue("default", {"a:b", "c"});
    key_id_ = issued_.info().key_id();
  }

  template <typename Request>
  Request About() const {
    Request request;
    request.set_key_id(key_id_);
    return request;
  }

  // What holds for every call that names a key.
  template <typename Request>
  void ExpectKeyIdChecked(const Request& good) {
    std::vector<BadInput<Request>> rows =
        BadKeyIds<Request>("key_id", [](Request& r, const std::string& s) { r.set_key_id(s); });
    rows.push_back({"unknown", [](Request& r) { r.set_key_id("00nosuchkey00000"); }, "", "",
                    "KEY_NOT_FOUND", StatusCode::NOT_FOUND});
    // The raw key instead of its id is a likely mistake, and must not come back in the answer.
    const std::string raw_key = issued_.key();
    rows.push_back(
        {"the whole key", [raw_key](Request& r) { r.set_key_id(raw_key); }, "key_id", "16 base62"});
    ExpectRefused(good, rows);
    Request unknown = good;
    unknown.set_key_id("00nosuchkey00000");
    const RpcError error = ErrorOf(root().Call(unknown).status);
    EXPECT_EQ(error.resource_type, "key");
    EXPECT_EQ(error.resource_name, "00nosuchkey00000");
  }

  // What holds for every call that changes one.
  template <typename Request>
  void ExpectChangeChecked(const Request& good) {
    ExpectKeyIdChecked(good);
    const uint64_t revision = issued_.info().revision();
    ExpectRefused<Request>(
        good, {{"an older revision", [=](Request& r) { r.set_if_revision(revision - 1); }, "", "",
                "STALE_REVISION", StatusCode::ABORTED},
               {"a revision to come", [=](Request& r) { r.set_if_revision(revision + 1); }, "", "",
                "STALE_REVISION", StatusCode::ABORTED},
               {"the largest revision", [](Request& r) { r.set_if_revision(~uint64_t{0}); }, "", "",
                "STALE_REVISION", StatusCode::ABORTED}});
    if constexpr (requires(Request r) { r.set_propagation(v1::PROPAGATION_MODE_STRICT); }) {
      ExpectRefused<Request>(
          good, {{"unknown propagation",
                  [](Request& r) { r.set_propagation(static_cast<v1::PropagationMode>(3)); },
                  "propagation", "PROPAGATION_MODE_STRICT"},
                 {"negative propagation",
                  [](Request& r) { r.set_propagation(static_cast<v1::PropagationMode>(-1)); },
                  "propagation", "PROPAGATION_MODE_COMMIT"}});
    }
    ExpectTaken<Request>(
        good, {{"the current revision", [=](Request& r) { r.set_if_revision(revision); }}});
  }

  IssuedKey issued_;
  std::string key_id_;
};

TEST_F(KeyCallsBadInputTest, GetKey) { ExpectKeyIdChecked(About<v1::GetKeyRequest>()); }

TEST_F(KeyCallsBadInputTest, DisableKey) { ExpectChangeChecked(About<v1::DisableKeyRequest>()); }

TEST_F(KeyCallsBadInputTest, EnableKey) { ExpectChangeChecked(About<v1::EnableKeyRequest>()); }

TEST_F(KeyCallsBadInputTest, RevokeKey) {
  using Request = v1::RevokeKeyRequest;
  std::vector<BadInput<Request>> rows =
      BadTexts<Request>("note", 1024, [](Request& r, const std::string& s) { r.set_note(s); });
  rows.push_back({"unknown reason",
                  [](Request& r) { r.set_reason(static_cast<v1::RevokeReason>(7)); }, "reason",
                  "RevokeReason"});
  ExpectRefused(About<Request>(), rows);
  ExpectChangeChecked(About<Request>());
  ExpectTaken(
      About<Request>(),
      LongestTexts<Request>("note", 1024, [](Request& r, const std::string& s) { r.set_note(s); }));
}

TEST_F(KeyCallsBadInputTest, UpdateScopes) {
  using Request = v1::UpdateScopesRequest;
  Request good = About<Request>();
  good.add_add("a:b");  // is there already: accepted, changes nothing
  ExpectChangeChecked(good);

  ExpectRefused(About<Request>(),
                BadScopes<Request>("add", [](Request& r) { return r.mutable_add(); }));
  ExpectRefused(About<Request>(),
                BadScopes<Request>("remove", [](Request& r) { return r.mutable_remove(); }));
  ExpectRefused(About<Request>(), BadScopes<Request>("replace_with.scopes", [](Request& r) {
                  return r.mutable_replace_with()->mutable_scopes();
                }));
  ExpectRefused<Request>(About<Request>(),
                         {{"nothing", [](Request&) {}, "replace_with", "", "FIELD_REQUIRED"},
                          {"add and replace_with",
                           [](Request& r) {
                             r.add_add("x");
                             r.mutable_replace_with()->add_scopes("y");
                           },
                           "replace_with", "", "FIELD_CONFLICT"},
                          {"remove and replace_with",
                           [](Request& r) {
                             r.add_remove("a:b");
                             r.mutable_replace_with();
                           },
                           "replace_with", "", "FIELD_CONFLICT"},
                          {"the same in add and remove",
                           [](Request& r) {
                             r.add_add("x");
                             r.add_remove("x");
                           },
                           "remove", "must not name a scope that add names"},
                          {"257 together with those that are there",
                           [](Request& r) {
                             for (int i = 0; i < 255; ++i) r.add_add("s" + std::to_string(i));
                           },
                           "add", "at most 256"}});
  ExpectTaken<Request>(About<Request>(), {{"256 together with those that are there",
                                           [](Request& r) {
                                             for (int i = 0; i < 254; ++i) {
                                               r.add_add("s" + std::to_string(i));
                                             }
                                           }},
                                          {"removing what is not there",
                                           [](Request& r) { r.add_remove("nothing"); }}});
}

TEST_F(KeyCallsBadInputTest, WidenedScopesMustBeInTheCatalog) {
  using Request = v1::UpdateScopesRequest;
  MakeProject("shop", {"orders:*"});
  const IssuedKey key = Issue("shop", {"orders:read"});
  Request good;
  good.set_key_id(key.info().key_id());
  ExpectRefused<Request>(
      good,
      {{"add", [](Request& r) { r.add_add("money:take"); }, "add[0]", "orders:*",
        "SCOPE_NOT_IN_CATALOG"},
       {"replace_with", [](Request& r) { r.mutable_replace_with()->add_scopes("money:take"); },
        "replace_with.scopes[0]", "orders:*", "SCOPE_NOT_IN_CATALOG"}});
}

TEST_F(KeyCallsBadInputTest, ListKeysFilters) {
  using Request = v1::ListKeysRequest;
  std::vector<BadInput<Request>> rows = {
      {"65 projects",
       [](Request& r) {
         for (int i = 0; i < 65; ++i) r.add_project_ids("p" + std::to_string(i));
       },
       "project_ids", "at most 64"},
      {"malformed project", [](Request& r) { r.add_project_ids("NO"); }, "project_ids[0]",
       "[a-z][a-z0-9-]{1,62}"},
      {"state unspecified", [](Request& r) { r.add_states(v1::KEY_STATE_UNSPECIFIED); },
       "states[0]", "not UNSPECIFIED"},
      {"unknown state", [](Request& r) { r.add_states(static_cast<v1::KeyState>(6)); }, "states[0]",
       "KeyState"},
      {"unknown environment",
       [](Request& r) { r.set_environment(static_cast<v1::Environment>(3)); }, "environment",
       "ENVIRONMENT_TEST"},
      {"33 labels",
       [](Request& r) {
         for (int i = 0; i < 33; ++i) (*r.mutable_label_selector())["l" + std::to_string(i)] = "";
       },
       "label_selector", "at most 32"},
      {"malformed label", [](Request& r) { (*r.mutable_label_selector())["A"] = "v"; },
       "label_selector", "[a-z][a-z0-9_.-]{0,62}"},
      {"malformed scope", [](Request& r) { r.set_scope("a::b"); }, "scope", "segments"},
      {"created_before", [](Request& r) { r.mutable_created_before()->set_nanos(-1); },
       "created_before", "0001-01-01"},
      {"created_after", [](Request& r) { r.mutable_created_after()->set_nanos(1'000'000'000); },
       "created_after", "0001-01-01"},
      {"expire_before", [](Request& r) { r.mutable_expire_before()->set_seconds(1LL << 60); },
       "expire_before", "9999-12-31"},
      {"expire_after", [](Request& r) { r.mutable_expire_after()->set_seconds(-(1LL << 60)); },
       "expire_after", "0001-01-01"}};
  Append(rows,
         BadTexts<Request>("owner", 128, [](Request& r, const std::string& s) { r.set_owner(s); }));
  Append(rows, BadTexts<Request>("name_contains", 128,
                                 [](Request& r, const std::string& s) { r.set_name_contains(s); }));
  ExpectRefused(Request(), rows);
  ExpectTaken<Request>(
      Request(), {{"64 projects",
                   [](Request& r) {
                     for (int i = 0; i < 64; ++i) r.add_project_ids("p" + std::to_string(i));
                   }},
                  {"all states",
                   [](Request& r) {
                     for (int s = 1; s <= 5; ++s) r.add_states(static_cast<v1::KeyState>(s));
                   }},
                  {"first moment",
                   [](Request& r) { r.mutable_created_after()->set_seconds(-62'135'596'800); }},
                  {"last moment",
                   [](Request& r) { r.mutable_expire_before()->set_seconds(253'402'300'799); }}});
}

TEST_F(KeyCallsBadInputTest, ListKeysPages) {
  using Request = v1::ListKeysRequest;
  std::vector<BadInput<Request>> rows = {
      {"-1", [](Request& r) { r.set_page_size(-1); }, "page_size", "must not be negative"},
      {"smallest", [](Request& r) { r.set_page_size(INT32_MIN); }, "page_size", "negative"}};
  for (const std::string text : {"updated", "create_time  desc", "create_time up", " name", "name,",
                                 "NAME", "name desc, expire_time"}) {
    rows.push_back({"order_by " + text, [text](Request& r) { r.set_order_by(text); }, "order_by",
                    "create_time, name, expire_time or last_used_time"});
  }
  ExpectRefused(Request(), rows);
  ExpectTaken<Request>(Request(),
                       {{"more than the ceiling", [](Request& r) { r.set_page_size(5000); }},
                        {"largest", [](Request& r) { r.set_page_size(INT32_MAX); }}});
}

TEST_F(KeyCallsBadInputTest, PageTokensAreOursAndForTheSameArguments) {
  using Request = v1::ListKeysRequest;
  Issue();
  Request first;
  first.set_page_size(1);
  const auto page = root().Call(first);
  ASSERT_THAT(page, IsOk());
  const std::string token = page->next_page_token();
  ASSERT_FALSE(token.empty());
  v1::ListProjectsRequest projects;
  projects.set_page_size(1);
  const std::string foreign = root().Call(projects)->next_page_token();
  ASSERT_FALSE(foreign.empty());

  std::vector<BadInput<Request>> rows;
  const auto bad_token = [&](const std::string& name, const std::string& text) {
    rows.push_back({name, [text](Request& r) { r.set_page_token(text); }, "page_token",
                    "next_page_token of a page with the same arguments", "PAGE_TOKEN_INVALID"});
  };
  bad_token("garbage", "garbage");
  bad_token("no base64", "!!!");
  bad_token("of another list", foreign);
  bad_token("cut", token.substr(0, token.size() / 2));
  bad_token("too long", std::string(4000, 'A'));
  std::string changed = token;
  changed[5] = changed[5] == 'A' ? 'B' : 'A';
  bad_token("changed", changed);
  for (const auto& [name, change] : std::vector<GoodInput<Request>>{
           {"other owner", [](Request& r) { r.set_owner("x"); }},
           {"other order", [](Request& r) { r.set_order_by("name"); }},
           {"other projects", [](Request& r) { r.add_project_ids("default"); }}}) {
    rows.push_back({name,
                    [token, change = change](Request& r) {
                      r.set_page_token(token);
                      change(r);
                    },
                    "page_token", "the same arguments", "PAGE_TOKEN_INVALID"});
  }
  ExpectRefused(first, rows);
  ExpectTaken<Request>(first, {{"other page size",
                                [token](Request& r) {
                                  r.set_page_token(token);
                                  r.set_page_size(2);
                                }},
                               {"asks for the total", [token](Request& r) {
                                  r.set_page_token(token);
                                  r.set_include_total_size(true);
                                }}});
}

}  // namespace
}  // namespace claviger
