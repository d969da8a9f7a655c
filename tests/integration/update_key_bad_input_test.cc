// UpdateKey and every bound of its fields.

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

using Request = v1::UpdateKeyRequest;

constexpr absl::Duration kHundredYears = absl::Hours(24 * 36525);

class UpdateKeyBadInputTest : public BadInputTest {
 protected:
  void SetUp() override { issued_ = Issue(); }

  // Changes that the server takes, of these paths.
  Request ChangeOf(const Strings& paths) {
    Request request;
    request.mutable_key()->set_key_id(issued_.info().key_id());
    request.mutable_key()->set_display_name("a key");
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return request;
  }

  IssuedKey issued_;
};

TEST_F(UpdateKeyBadInputTest, TheKeyMustBeNamedAndExist) {
  std::vector<BadInput<Request>> rows = BadKeyIds<Request>(
      "key.key_id", [](Request& r, const std::string& s) { r.mutable_key()->set_key_id(s); });
  rows.push_back({"unknown", [](Request& r) { r.mutable_key()->set_key_id("00nosuchkey00000"); },
                  "", "", "KEY_NOT_FOUND", StatusCode::NOT_FOUND});
  rows.push_back({"no key at all", [](Request& r) { r.clear_key(); }, "key.key_id", "16 base62",
                  "FIELD_REQUIRED"});
  ExpectRefused(ChangeOf({"display_name"}), rows);
}

TEST_F(UpdateKeyBadInputTest, TheMaskNamesWhatCanBeChangedHere) {
  const auto path = [](const std::string& text) {
    return [text](Request& r) { r.mutable_update_mask()->add_paths(text); };
  };
  const std::string at = "update_mask.paths[1]";
  ExpectRefused<Request>(
      ChangeOf({"display_name"}),
      {{"empty", [](Request& r) { r.clear_update_mask(); }, "update_mask", "display_name",
        "FIELD_REQUIRED"},
       {"no paths", [](Request& r) { r.mutable_update_mask()->clear_paths(); }, "update_mask",
        "expire_time", "FIELD_REQUIRED"},
       {"an empty path", path(""), at, "must be among display_name, description, labels"},
       {"unknown", path("colour"), at, "metadata, owner, allowed_cidrs, expire_time"},
       {"everything", path("*"), at, "must be among"},
       {"below labels", path("labels.team"), at, "must be among"},
       {"in another case", path("displayName"), at, "must be among"},
       {"scopes", path("scopes"), at, "UpdateScopes"},
       {"state", path("state"), at, "DisableKey, EnableKey, RevokeKey"},
       {"revoke_reason", path("revoke_reason"), at, "RevokeKey"},
       {"delete_time", path("delete_time"), at, "DeleteKey"},
       {"rotated_to", path("rotated_to"), at, "RotateKey"},
       {"pending_grace", path("pending_grace"), at, "RotateKey"},
       {"project_id", path("project_id"), at, "fixed when a key is issued"},
       {"bound_project_ids", path("bound_project_ids"), at, "fixed"}});
  ExpectTaken<Request>(ChangeOf({"display_name"}), {{"twice", path("display_name")}});
}

TEST_F(UpdateKeyBadInputTest, TextsAreBounded) {
  const SetText<Request> name = [](Request& r, const std::string& s) {
    r.mutable_key()->set_display_name(s);
  };
  const SetText<Request> text = [](Request& r, const std::string& s) {
    r.mutable_key()->set_description(s);
  };
  const SetText<Request> owner = [](Request& r, const std::string& s) {
    r.mutable_key()->set_owner(s);
  };
  const Request all = ChangeOf({"display_name", "description", "owner"});
  std::vector<BadInput<Request>> bad = {
      {"display_name: empty", [](Request& r) { r.mutable_key()->clear_display_name(); },
       "key.display_name", "1 to 128 characters", "FIELD_REQUIRED"}};
  Append(bad, BadNames("key.display_name", 128, name));
  Append(bad, BadTexts("key.description", 1024, text));
  Append(bad, BadTexts("key.owner", 128, owner));
  ExpectRefused(all, bad);

  std::vector<GoodInput<Request>> good = LongestTexts("key.display_name", 128, name);
  Append(good, LongestTexts("key.description", 1024, text));
  Append(good, LongestTexts("key.owner", 128, owner));
  ExpectTaken(all, good);
}

TEST_F(UpdateKeyBadInputTest, LabelsAndMetadataAreBounded) {
  const auto labels = [](int count) {
    return [count](Request& r) {
      for (int i = 0; i < count; ++i) {
        (*r.mutable_key()->mutable_labels())["l" + std::to_string(i)] = "v";
      }
    };
  };
  const auto metadata = [](size_t bytes) {
    return [bytes](Request& r) {
      auto& fields = *r.mutable_key()->mutable_metadata()->mutable_fields();
      std::string& text = *fields["k"].mutable_string_value();
      while (r.key().metadata().ByteSizeLong() < bytes) text.push_back('x');
    };
  };
  ExpectRefused<Request>(
      ChangeOf({"labels", "metadata"}),
      {{"33 labels", labels(33), "key.labels", "at most 32"},
       {"a label's name", [](Request& r) { (*r.mutable_key()->mutable_labels())["Team"] = "v"; },
        "key.labels", "[a-z][a-z0-9_.-]{0,62}"},
       {"a label's value",
        [](Request& r) { (*r.mutable_key()->mutable_labels())["t"] = std::string(129, 'x'); },
        "key.labels", "128 characters"},
       {"4097 bytes", metadata(4097), "key.metadata", "at most 4096 bytes"}});
  ExpectTaken<Request>(ChangeOf({"labels", "metadata"}),
                       {{"32 labels", labels(32)}, {"4096 bytes", metadata(4096)}});
}

TEST_F(UpdateKeyBadInputTest, AddressesAreBounded) {
  const auto cidrs = [](int count) {
    return [count](Request& r) {
      for (int i = 0; i < count; ++i) {
        r.mutable_key()->add_allowed_cidrs("10.0.0." + std::to_string(i));
      }
    };
  };
  const auto cidr = [](const std::string& text) {
    return [text](Request& r) { r.mutable_key()->add_allowed_cidrs(text); };
  };
  ExpectRefused<Request>(
      ChangeOf({"allowed_cidrs"}),
      {{"65", cidrs(65), "key.allowed_cidrs", "at most 64"},
       {"host bits", cidr("10.0.0.1/8"), "key.allowed_cidrs[0]", "without host bits"},
       {"a name", cidr("localhost"), "key.allowed_cidrs[0]", "IPv4 or IPv6"}});
  ExpectTaken<Request>(ChangeOf({"allowed_cidrs"}), {{"64", cidrs(64)}, {"none", cidrs(0)}});
}

TEST_F(UpdateKeyBadInputTest, AnEndIsInTheFutureAndWithinAHundredYears) {
  const auto end = [](absl::Time t) {
    return [t](Request& r) { SetTime(t, r.mutable_key()->mutable_expire_time()); };
  };
  const absl::Time now = server_.clock().Now();
  const std::string accepted = "in the future and within 100 years";
  ExpectRefused<Request>(
      ChangeOf({"expire_time"}),
      {{"past", end(now - absl::Seconds(1)), "key.expire_time", accepted},
       {"now", end(now), "key.expire_time", accepted},
       {"too far", end(now + kHundredYears + absl::Nanoseconds(1)), "key.expire_time", accepted},
       {"no time", [](Request& r) { r.mutable_key()->mutable_expire_time()->set_nanos(-1); },
        "key.expire_time", "0001-01-01"}});
  ExpectTaken<Request>(ChangeOf({"expire_time"}), {{"latest", end(now + kHundredYears)},
                                                   {"soonest", end(now + absl::Nanoseconds(1))}});
}

TEST_F(UpdateKeyBadInputTest, TheRestIsCheckedToo) {
  const uint64_t revision = issued_.info().revision();
  ExpectRefused<Request>(
      ChangeOf({"display_name"}),
      {{"unknown propagation",
        [](Request& r) { r.set_propagation(static_cast<v1::PropagationMode>(3)); }, "propagation",
        "PROPAGATION_MODE_STRICT"},
       {"an older revision", [=](Request& r) { r.set_if_revision(revision - 1); }, "", "",
        "STALE_REVISION", StatusCode::ABORTED},
       {"the largest revision", [](Request& r) { r.set_if_revision(~uint64_t{0}); }, "", "",
        "STALE_REVISION", StatusCode::ABORTED}});
  ExpectTaken<Request>(
      ChangeOf({"display_name"}),
      {{"the current revision", [=](Request& r) { r.set_if_revision(revision); }}});
}

}  // namespace
}  // namespace claviger
