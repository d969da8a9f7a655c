#include "storage/rocksdb/codec.h"

#include <functional>

#include "claviger/storage/v1/record.pb.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/full_records.h"

namespace claviger {
namespace {

namespace pb = storage::v1;

std::string Wrapped(const google::protobuf::Message& message) {
  return std::string(1, kRecordVersion) + message.SerializeAsString();
}

pb::StoredKey StoredFullKey() {
  pb::StoredKey stored;
  EXPECT_TRUE(stored.ParseFromString(EncodeKey(FullKey()).substr(1)));
  return stored;
}

TEST(CodecTest, FullKeyComesBackAsItWas) {
  const auto decoded = DecodeKey(FullKey().id, EncodeKey(FullKey()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(SameKey(*decoded, FullKey()));
}

TEST(CodecTest, FullKeySetsEveryPersistedField) {
  const pb::StoredKey stored = StoredFullKey();
  const auto* descriptor = pb::StoredKey::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    const auto* reflection = stored.GetReflection();
    EXPECT_TRUE(field->is_repeated() ? reflection->FieldSize(stored, field) > 0
                                     : reflection->HasField(stored, field))
        << field->name() << " is not encoded";
  }
}

TEST(CodecTest, AnyKeyComesBackAsItWas) {
  RandomKeys keys(20240131);
  for (int i = 0; i < 2000; ++i) {
    const KeyRecord key = keys.Next();
    const auto decoded = DecodeKey(key.id, EncodeKey(key));
    ASSERT_TRUE(decoded.ok()) << "key " << i << ": " << decoded.status();
    ASSERT_TRUE(SameKey(*decoded, key)) << "key " << i;
  }
}

TEST(CodecTest, ProjectComesBackAsItWas) {
  for (const ProjectRecord& project : {FullProject(), TestProject("bare")}) {
    const auto decoded = DecodeProject(project.project_id, EncodeProject(project));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_TRUE(SameProject(*decoded, project)) << project.project_id;
  }
}

TEST(CodecTest, RequestComesBackAsItWas) {
  const auto decoded = DecodeRequest(FullRequest().id, EncodeRequest(FullRequest()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(SameRequest(*decoded, FullRequest()));
}

TEST(CodecTest, EventComesBackAsItWas) {
  const Event event{.revision = Revision{7},
                    .keys = {{TestKeyId(1), "a"}, {TestKeyId(2), "b"}},
                    .projects = {"c"}};
  const auto decoded = DecodeEvent(Revision{7}, EncodeEvent(event));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->revision, event.revision);
  EXPECT_EQ(decoded->keys, event.keys);
  EXPECT_EQ(decoded->projects, event.projects);
}

TEST(CodecTest, AuditEntryComesBackAsItWas) {
  AuditEntry entry = FullAuditEntry();
  entry.previous_hash.fill(9);
  const auto decoded = DecodeAuditEntry(Revision{7}, EncodeAuditEntry(entry));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->time, entry.time);
  EXPECT_EQ(decoded->draft.actor, "key:00AA");
  EXPECT_EQ(decoded->draft.peer, "10.0.0.1");
  EXPECT_EQ(decoded->draft.action, "RevokeKey");
  EXPECT_EQ(decoded->draft.project_id, "a");
  EXPECT_EQ(decoded->draft.key_id, "00BB");
  EXPECT_EQ(decoded->draft.detail, "reason COMPROMISED");
  EXPECT_EQ(decoded->previous_hash, entry.previous_hash);
}

TEST(CodecTest, MovedAuditEntryIsDamaged) {
  const AuditEntry entry{
      .revision = Revision{7}, .time = absl::UnixEpoch(), .draft = {}, .previous_hash = {}};
  EXPECT_EQ(DecodeAuditEntry(Revision{8}, EncodeAuditEntry(entry)).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(CodecTest, StateComesBackAsItWas) {
  PersistedState state{.epoch = {},
                       .revision = Revision{5},
                       .highest_time = absl::FromUnixNanos(1893456000000000001),
                       .counts = {.enabled = 1, .disabled = 2, .revoked = 3, .deleted = 4},
                       .audit_head = {},
                       .first_event = Revision{3}};
  state.epoch.bytes.fill(0xab);
  state.audit_head.fill(0xcd);
  EXPECT_EQ(DecodeState(EncodeState(state)).value(), state);
  EXPECT_EQ(DecodeState(EncodeState(PersistedState{})).value(), PersistedState{});
}

TEST(CodecTest, NewerVersionIsRefusedAndNotGuessed) {
  std::string value = EncodeKey(FullKey());
  value[0] = kRecordVersion + 1;
  const absl::Status status = DecodeKey(FullKey().id, value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("newer version"));
}

TEST(CodecTest, UnknownFieldIsRefusedAndNotDropped) {
  pb::StoredKey top = StoredFullKey();
  top.GetReflection()->MutableUnknownFields(&top)->AddVarint(1000, 1);
  pb::StoredKey nested = StoredFullKey();
  auto* revocation = nested.mutable_revocation();
  revocation->GetReflection()->MutableUnknownFields(revocation)->AddVarint(1000, 1);
  pb::StoredKey repeated = StoredFullKey();
  auto* label = repeated.mutable_labels(1);
  label->GetReflection()->MutableUnknownFields(label)->AddVarint(1000, 1);
  for (const pb::StoredKey& stored : {top, nested, repeated}) {
    EXPECT_EQ(DecodeKey(FullKey().id, Wrapped(stored)).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST(CodecTest, ImpossibleFieldOfAKeyIsDamage) {
  const std::pair<const char*, std::function<void(pb::StoredKey&)>> cases[] = {
      {"environment", [](pb::StoredKey& key) { key.clear_environment(); }},
      {"environment",
       [](pb::StoredKey& key) { key.set_environment(static_cast<pb::StoredEnvironment>(9)); }},
      {"digest", [](pb::StoredKey& key) { key.set_digest("short"); }},
      {"allowed_cidrs", [](pb::StoredKey& key) { key.set_allowed_cidrs(0, "10.0.0.0/99"); }},
      {"revocation.reason",
       [](pb::StoredKey& key) {
         key.mutable_revocation()->set_reason(static_cast<pb::StoredRevokeReason>(77));
       }},
      {"rotated_from", [](pb::StoredKey& key) { key.set_rotated_from("no id"); }},
      {"rotated_to", [](pb::StoredKey& key) { key.set_rotated_to("no id"); }},
  };
  for (const auto& [field, spoil] : cases) {
    SCOPED_TRACE(field);
    pb::StoredKey stored = StoredFullKey();
    spoil(stored);
    const absl::Status status = DecodeKey(FullKey().id, Wrapped(stored)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(field));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(FullKey().id.ToString()));
  }
}

TEST(CodecTest, BytesThatAreNoRecordAreDamage) {
  const std::string full = EncodeKey(FullKey());
  for (const std::string& value :
       {std::string(), std::string(1, '\0') + full.substr(1), full.substr(0, full.size() / 2),
        std::string("\x01\xff\xff\xff\xff\xff", 6)}) {
    EXPECT_EQ(DecodeKey(FullKey().id, value).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(CodecTest, MessagesDoNotShowWhatIsStored) {
  pb::StoredKey stored = StoredFullKey();
  stored.set_digest("short-and-private");
  const std::string message(DecodeKey(FullKey().id, Wrapped(stored)).status().message());
  EXPECT_THAT(message, testing::Not(testing::HasSubstr("private")));
  EXPECT_THAT(message, testing::Not(testing::HasSubstr("customer 7")));
}

}  // namespace
}  // namespace claviger
