// IssueKey and every bound of its fields.

#include <limits>

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

using Request = v1::IssueKeyRequest;

constexpr absl::Duration kHundredYears = absl::Hours(24 * 36525);

class IssueBadInputTest : public BadInputTest {};

void AddCidrs(Request& r, int count) {
  for (int i = 0; i < count; ++i) r.add_allowed_cidrs("10.0.0." + std::to_string(i));
}

// Metadata of exactly this size when serialized.
void SetMetadata(Request& r, size_t bytes) {
  std::string& text = *(*r.mutable_metadata()->mutable_fields())["k"].mutable_string_value();
  while (r.metadata().ByteSizeLong() < bytes) text.push_back('x');
  ASSERT_EQ(r.metadata().ByteSizeLong(), bytes);
}

void AddLabels(Request& r, int count) {
  for (int i = 0; i < count; ++i) (*r.mutable_labels())["l" + std::to_string(i)] = "v";
}

TEST_F(IssueBadInputTest, TextsAreBounded) {
  const SetText<Request> name = [](Request& r, const std::string& s) { r.set_display_name(s); };
  const SetText<Request> text = [](Request& r, const std::string& s) { r.set_description(s); };
  const SetText<Request> owner = [](Request& r, const std::string& s) { r.set_owner(s); };
  std::vector<BadInput<Request>> bad = {{"display_name: empty",
                                         [](Request& r) { r.clear_display_name(); }, "display_name",
                                         "1 to 128 characters", "FIELD_REQUIRED"}};
  Append(bad, BadNames("display_name", 128, name));
  Append(bad, BadTexts("description", 1024, text));
  Append(bad, BadTexts("owner", 128, owner));
  ExpectRefused(NewKey(), bad);

  std::vector<GoodInput<Request>> good = LongestTexts("display_name", 128, name);
  Append(good, LongestTexts("description", 1024, text));
  Append(good, LongestTexts("owner", 128, owner));
  ExpectTaken(NewKey(), good);
}

TEST_F(IssueBadInputTest, TheProjectMustBeNamedAndExist) {
  std::vector<BadInput<Request>> rows = BadProjectIds<Request>(
      "project_id", [](Request& r, const std::string& s) { r.set_project_id(s); });
  rows.push_back({"unknown project", [](Request& r) { r.set_project_id("nowhere"); }, "", "",
                  "PROJECT_NOT_FOUND", StatusCode::NOT_FOUND});
  ExpectRefused(NewKey(), rows);
  const RpcError error = ErrorOf(root().Call(NewKey("nowhere")).status);
  EXPECT_EQ(error.resource_type, "project");
  EXPECT_EQ(error.resource_name, "nowhere");
}

TEST_F(IssueBadInputTest, ScopesAreBounded) {
  ExpectRefused(NewKey(),
                BadScopes<Request>("scopes", [](Request& r) { return r.mutable_scopes(); }));
  ExpectTaken<Request>(
      NewKey(),
      {{"256 scopes",
        [](Request& r) {
          for (int i = 0; i < 256; ++i) r.add_scopes("s" + std::to_string(i));
        }},
       {"64 characters a segment", [](Request& r) { r.add_scopes(std::string(64, 'a')); }},
       {"512 characters", [](Request& r) { r.add_scopes(ScopeOfLength(512)); }},
       {"wildcards", [](Request& r) {
          r.add_scopes("*");
          r.add_scopes("a:b:*");
        }}});
}

TEST_F(IssueBadInputTest, ScopesMustBeInTheCatalog) {
  MakeProject("shop", {"orders:*", "stock:read"});
  ExpectRefused<Request>(NewKey("shop", {"orders:read"}),
                         {{"outside", [](Request& r) { r.add_scopes("money:take"); }, "scopes[0]",
                           "orders:*", "SCOPE_NOT_IN_CATALOG"},
                          {"wider than the catalog", [](Request& r) { r.add_scopes("stock:*"); },
                           "scopes[1]", "stock:read", "SCOPE_NOT_IN_CATALOG"},
                          {"everything", [](Request& r) { r.add_scopes("*"); }, "scopes[0]",
                           "stock:read", "SCOPE_NOT_IN_CATALOG"}});
  ExpectTaken<Request>(NewKey("shop"), {{"all of it", [](Request& r) {
                                           r.add_scopes("orders:*");
                                           r.add_scopes("stock:read");
                                         }}});
}

TEST_F(IssueBadInputTest, ALifeIsMoreThanNothingAndAtMostAHundredYears) {
  const auto ttl = [](absl::Duration d) {
    return [d](Request& r) { SetDuration(d, r.mutable_ttl()); };
  };
  const auto raw = [](int64_t seconds, int32_t nanos) {
    return [=](Request& r) {
      r.mutable_ttl()->set_seconds(seconds);
      r.mutable_ttl()->set_nanos(nanos);
    };
  };
  ExpectRefused<Request>(
      NewKey(),
      {{"zero", ttl(absl::ZeroDuration()), "ttl", "more than 0 and at most 100 years"},
       {"negative", ttl(-absl::Seconds(1)), "ttl", "more than 0"},
       {"one over", ttl(kHundredYears + absl::Nanoseconds(1)), "ttl", "at most 100 years"},
       {"far future", raw(315'576'000'000, 0), "ttl", "at most 100 years"},
       {"not a duration: seconds", raw(315'576'000'001, 0), "ttl", "10,000 years"},
       {"not a duration: nanos", raw(1, 1'000'000'000), "ttl", "seconds and nanos"},
       {"not a duration: signs", raw(1, -1), "ttl", "same sign"}});
  ExpectTaken<Request>(NewKey(),
                       {{"shortest", ttl(absl::Nanoseconds(1))}, {"longest", ttl(kHundredYears)}});
}

TEST_F(IssueBadInputTest, AnEndIsInTheFutureAndWithinAHundredYears) {
  const auto end = [](absl::Time t) {
    return [t](Request& r) { SetTime(t, r.mutable_expire_time()); };
  };
  const auto raw = [](int64_t seconds, int32_t nanos) {
    return [=](Request& r) {
      r.mutable_expire_time()->set_seconds(seconds);
      r.mutable_expire_time()->set_nanos(nanos);
    };
  };
  const absl::Time now = server_.clock().Now();
  ExpectRefused<Request>(
      NewKey(),
      {{"past", end(now - absl::Seconds(1)), "expire_time", "in the future and within 100 years"},
       {"now", end(now), "expire_time", "in the future"},
       {"1970", raw(0, 0), "expire_time", "in the future"},
       {"one over", end(now + kHundredYears + absl::Nanoseconds(1)), "expire_time", "100 years"},
       {"far future", raw(253'402'300'799, 0), "expire_time", "100 years"},
       {"no such year", raw(253'402'300'800, 0), "expire_time", "9999-12-31"},
       {"before year 1", raw(-62'135'596'801, 0), "expire_time", "0001-01-01"},
       {"negative nanos", raw(2'000'000'000, -1), "expire_time", "between"}});
  ExpectTaken<Request>(NewKey(), {{"soonest", end(now + absl::Nanoseconds(1))},
                                  {"latest", end(now + kHundredYears)}});
}

TEST_F(IssueBadInputTest, LabelsAreBounded) {
  const auto label = [](const std::string& key, const std::string& value) {
    return [=](Request& r) { (*r.mutable_labels())[key] = value; };
  };
  std::vector<BadInput<Request>> bad = {
      {"33", [](Request& r) { AddLabels(r, 33); }, "labels", "at most 32"}};
  for (const std::string& key :
       {std::string(), std::string("A"), std::string("1a"), std::string("a b"),
        std::string("a\0", 2), std::string(64, 'a'), std::string("ä")}) {
    bad.push_back({"key " + key, label(key, "v"), "labels", "[a-z][a-z0-9_.-]{0,62}"});
  }
  Append(bad, BadTexts<Request>("labels", 128, [](Request& r, const std::string& value) {
           (*r.mutable_labels())["k"] = value;
         }));
  ExpectRefused(NewKey(), bad);
  ExpectTaken<Request>(NewKey(), {{"32", [](Request& r) { AddLabels(r, 32); }},
                                  {"longest key", label(std::string(63, 'a'), "")},
                                  {"longest value", label("a", std::string(128, 'v'))}});
}

TEST_F(IssueBadInputTest, NumbersInMetadataAreFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto field = [](Request& r, const char* name) -> google::protobuf::Value& {
    return (*r.mutable_metadata()->mutable_fields())[name];
  };
  ExpectRefused<Request>(
      NewKey(),
      {{"NaN", [&](Request& r) { field(r, "a").set_number_value(nan); }, "metadata.a", "finite"},
       {"infinity", [&](Request& r) { field(r, "a").set_number_value(-infinity); }, "metadata.a",
        "finite"},
       {"in a list",
        [&](Request& r) {
          auto& list = *field(r, "a").mutable_list_value();
          list.add_values()->set_number_value(1);
          list.add_values()->set_number_value(nan);
        },
        "metadata.a[1]", "finite"},
       {"deep inside",
        [&](Request& r) {
          (*field(r, "a").mutable_struct_value()->mutable_fields())["b"].set_number_value(infinity);
        },
        "metadata.a.b", "finite"}});
}

TEST_F(IssueBadInputTest, MetadataHasAtMost4KiB) {
  ExpectRefused<Request>(NewKey(), {{"one over", [](Request& r) { SetMetadata(r, 4097); },
                                     "metadata", "at most 4096 bytes"}});
  ExpectTaken<Request>(NewKey(), {{"largest", [](Request& r) { SetMetadata(r, 4096); }}});
}

TEST_F(IssueBadInputTest, CidrsAreBlocksWithoutHostBits) {
  std::vector<BadInput<Request>> bad = {
      {"65", [](Request& r) { AddCidrs(r, 65); }, "allowed_cidrs", "at most 64"}};
  for (const std::string& text :
       {std::string(), std::string("10.0.0.1/8"), std::string("10.0.0.0/33"), std::string("10.0.0"),
        std::string("010.0.0.0/8"), std::string("10.0.0.0/"), std::string("10.0.0.0/08"),
        std::string("10.0.0.0/-1"), std::string("2001:db8::1/32"), std::string("2001:db8::/129"),
        std::string("fe80::1%eth0"), std::string("[::1]"), std::string("localhost"),
        std::string("10.0.0.0\n"), std::string("10.0.0.0\0", 9)}) {
    bad.push_back({text,
                   [text](Request& r) {
                     r.add_allowed_cidrs("10.0.0.0/8");
                     r.add_allowed_cidrs(text);
                   },
                   "allowed_cidrs[1]", "without host bits"});
  }
  ExpectRefused(NewKey(), bad);
  ExpectTaken<Request>(NewKey(),
                       {{"64", [](Request& r) { AddCidrs(r, 64); }},
                        {"whole of v4", [](Request& r) { r.add_allowed_cidrs("0.0.0.0/0"); }},
                        {"one of v6", [](Request& r) { r.add_allowed_cidrs("2001:db8::1/128"); }}});
}

TEST_F(IssueBadInputTest, OddsAndEnds) {
  const auto id = [](const std::string& text) {
    return [text](Request& r) { r.set_request_id(text); };
  };
  ExpectRefused<Request>(
      NewKey(),
      {{"unknown environment",
        [](Request& r) { r.set_environment(static_cast<v1::Environment>(9)); }, "environment",
        "ENVIRONMENT_LIVE"},
       {"request id of words", id("my request"), "request_id", "must be a UUID"},
       {"request id without dashes", id("123e4567e89b42d3a456426614174000"), "request_id", "UUID"},
       {"request id too long", id("123e4567-e89b-42d3-a456-4266141740000"), "request_id", "UUID"},
       {"request id of no digits", id("123e4567-e89b-42d3-a456-42661417400g"), "request_id",
        "UUID"},
       {"binding outside of claviger", [](Request& r) { r.add_bound_project_ids("default"); },
        "bound_project_ids", "project claviger only"}});
}

TEST_F(IssueBadInputTest, BoundProjectsMustExistAndAreAtMost64) {
  std::vector<BadInput<Request>> rows = {
      {"65",
       [](Request& r) {
         for (int i = 0; i < 65; ++i) r.add_bound_project_ids("p" + std::to_string(i));
       },
       "bound_project_ids", "at most 64"},
      {"unknown", [](Request& r) { r.add_bound_project_ids("nowhere"); }, "bound_project_ids",
       "projects that exist"},
      {"malformed", [](Request& r) { r.add_bound_project_ids("No"); }, "bound_project_ids[0]",
       "[a-z][a-z0-9-]{1,62}"},
      {"empty", [](Request& r) { r.add_bound_project_ids(""); }, "bound_project_ids[0]",
       "[a-z][a-z0-9-]{1,62}", "FIELD_REQUIRED"}};
  ExpectRefused(NewKey("claviger", {"keys.read"}), rows);
  ExpectRefused<Request>(NewKey("claviger"), {{"a permission that does not exist",
                                               [](Request& r) { r.add_scopes("keys.fly"); },
                                               "scopes[0]", "keys.issue", "SCOPE_NOT_IN_CATALOG"}});
}

TEST_F(IssueBadInputTest, OneAnswerNamesAllThatIsWrong) {
  Request request = NewKey("NO");
  request.clear_display_name();
  request.add_scopes("NO");
  request.add_allowed_cidrs("10.0.0.1/8");
  request.set_request_id("7");
  const RpcError error = ErrorOf(root().Call(request).status);
  Strings fields;
  for (const auto& [field, accepted] : error.fields) {
    fields.push_back(field);
    EXPECT_THAT(error.message, testing::HasSubstr(field));
  }
  EXPECT_THAT(fields, testing::ElementsAre("allowed_cidrs[0]", "display_name", "project_id",
                                           "request_id", "scopes[0]"));
}

}  // namespace
}  // namespace claviger
