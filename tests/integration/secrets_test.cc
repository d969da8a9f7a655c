// No secret in logs, metrics, replies or on the disk.

#include <filesystem>
#include <memory>

#include "claviger/v1/audit.grpc.pb.h"
#include "core/key_format.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "tests/integration/every_call.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The texts that must not be found: the whole key, its secret, and the secret's halves.
Strings Needles(const std::string& key) {
  const std::string secret =
      key.substr(key.size() - kSecretLength - kChecksumLength, kSecretLength);
  return {key, secret, secret.substr(0, kSecretLength / 2), secret.substr(kSecretLength / 2)};
}

void ExpectNone(const Strings& needles, const std::string& text, const std::string& where) {
  for (const std::string& needle : needles) {
    EXPECT_EQ(text.find(needle), std::string::npos) << where;
  }
}

// Puts `text` into every string and bytes field, at any depth.
void FillTexts(const std::string& text, Message& message) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_message && field->message_type()->full_name().starts_with("google.protobuf.")) continue;
    if (is_message) {
      FillTexts(text, field->is_repeated() ? *reflection->AddMessage(&message, field)
                                           : *reflection->MutableMessage(&message, field));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (field->is_repeated()) {
        reflection->AddString(&message, field, text);
      } else {
        reflection->SetString(&message, field, text);
      }
    }
  }
}

class SecretsTest : public ServerTest {
 protected:
  void ExpectNoneInLogs(const Strings& needles) {
    for (const std::string& line : TestServer::LogLines()) ExpectNone(needles, line, line);
  }

  void ExpectNoneOnDisk(const Strings& needles) {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.data_dir())) {
      if (!entry.is_regular_file() || entry.path().filename() == "root.key") continue;
      ExpectNone(needles, ReadFile(entry.path().string()), entry.path().string());
      ++files;
    }
    EXPECT_GT(files, 3);
  }
};

TEST_F(SecretsTest, TheStoryOfManyKeysLeavesNoSecretBehind) {
  Strings needles = Needles(server_.root_key());
  for (int i = 0; i < 100; ++i) {
    v1::IssueKeyRequest request = NewKey("default", {"a", "b"});
    if (i % 2 == 0) {
      // The answer is kept for a retry: sealed.
      request.set_request_id(fmt::format("00000000-0000-4000-8000-{:012}", i));
    }
    const IssuedKey key = Issue(request);
    for (const std::string& needle : Needles(key.key())) needles.push_back(needle);
    const std::string id = key.info().key_id();
    EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
    EXPECT_EQ(Verify(CheckOf(key.key(), {"c"})).code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
    ExpectNone(needles, Get(id).SerializeAsString(), "GetKey");
    if (i % 5 == 0) {
      v1::RotateKeyRequest rotate;
      rotate.set_key_id(id);
      if (i % 2 == 0) rotate.set_request_id(fmt::format("00000000-0000-4000-8001-{:012}", i));
      const auto rotated = root().Call(rotate);
      ASSERT_THAT(rotated, IsOk());
      for (const std::string& needle : Needles(rotated->key())) needles.push_back(needle);
      EXPECT_EQ(CodeOf(rotated->key()), v1::VERIFY_CODE_VALID);
      continue;
    }
    if (i % 3 == 0) Disable(id);
    if (i % 3 == 1) Revoke(id);
    server_.As(key.key()).Call(v1::ListKeysRequest());
  }
  ExpectNone(needles, root().Call(v1::ListKeysRequest())->SerializeAsString(), "ListKeys");
  const std::string metrics = server_.HttpGet("/metrics");
  EXPECT_THAT(metrics, testing::HasSubstr("grpc_server_handled_total"));
  ExpectNone(needles, metrics, "/metrics");
  server_.Stop();
  ExpectNoneOnDisk(needles);
  ExpectNoneInLogs(needles);
}

TEST_F(SecretsTest, AKeyInAFieldThatIsNotForItIsNeitherRepeatedNorLogged) {
  const std::string key = Issue().key();
  const Strings needles = Needles(key);
  for (const AnyCall& call : EveryCallAbout("00nosuchkey00000", "default", "x")) {
    const std::unique_ptr<Message> request(call.request->New());
    FillTexts(key, *request);
    ExpectNone(needles, BytesOf(root().Send(*request)), call.name());
    // Field by field: the first that is wrong must not hide another.
    for (int i = 0; i < request->GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = request->GetDescriptor()->field(i);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
      const std::unique_ptr<Message> one(call.request->New());
      one->CopyFrom(*call.request);
      const auto* reflection = one->GetReflection();
      if (field->is_repeated()) {
        reflection->AddString(one.get(), field, key);
      } else {
        reflection->SetString(one.get(), field, key);
      }
      ExpectNone(needles, BytesOf(root().Send(*one)), call.name() + "." + field->name());
    }
  }
  ExpectNoneInLogs(needles);
}

// Of the same calls: what can be asked for afterwards, and what a service behind the server
// scrapes.
TEST_F(SecretsTest, AKeyInAFieldThatIsNotForItIsNeitherAuditedNorCounted) {
  const std::string key = Issue().key();
  const TestCaller nobody = server_.As(key);
  const TestCaller bound = Manager(Permissions(), {"default"});
  for (const AnyCall& call : EveryCallAbout("00nosuchkey00000", "default", "x")) {
    const std::unique_ptr<Message> request(call.request->New());
    FillTexts(key, *request);
    // Refused calls are recorded, with the ids that they are about.
    for (const TestCaller& caller : {root(), nobody, bound, server_.Anonymous()}) {
      ExpectNone(Needles(key), BytesOf(caller.Send(*request)), call.name());
    }
  }
  // Refusals are written without anybody waiting for them; this stands behind them in the queue.
  Issue();
  v1::ListAuditEventsRequest list;
  list.set_page_size(1000);
  const auto events = root().Call(list);
  ASSERT_THAT(events, IsOk());
  EXPECT_GT(events->events_size(), 20) << "refused calls are recorded";
  for (const v1::AuditEvent& event : events->events()) {
    ExpectNone(Needles(key), event.SerializeAsString(), event.ShortDebugString());
  }
  ExpectNone(Needles(key), server_.HttpGet("/metrics"), "/metrics");
  ExpectNoneInLogs(Needles(key));
}

// Beside those of EveryCallAbout, which answer once.
TEST_F(SecretsTest, AKeyInAStreamsMessagesIsNeitherRepeatedNorLogged) {
  const std::string key = Issue().key();
  const auto channel = server_.NewChannel(grpc::InsecureChannelCredentials());
  for (const bool says_hello : {true, false}) {
    v1::SyncRequest request;
    if (says_hello) {
      FillTexts(key, *request.mutable_hello());
    } else {
      FillTexts(key, *request.mutable_beat());
    }
    TestVerifier verifier(channel, server_.root_key());
    verifier.Send(request);
    ExpectNone(Needles(key), BytesOf(verifier.End()), "Sync");
  }
  // A report of usage that names a key where it should name an id, behind a good beginning.
  {
    TestVerifier verifier(channel, server_.root_key());
    const auto welcome = verifier.SayHello();
    ASSERT_TRUE(welcome.has_value());
    v1::KeyUsage usage;
    FillTexts(key, usage);
    usage.set_valid_count(1);
    verifier.Report(welcome->head_revision(), {usage});
    ExpectNone(Needles(key), BytesOf(verifier.Leave()), "Sync with a report");
  }
  v1::WatchAuditEventsRequest watch;
  FillTexts(key, watch);
  const auto stub = v1::AuditLog::NewStub(channel);
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + server_.root_key());
  const auto stream = stub->WatchAuditEvents(&context, watch);
  v1::WatchAuditEventsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  ExpectNone(Needles(key), BytesOf(stream->Finish()), "WatchAuditEvents");
  ExpectNoneInLogs(Needles(key));
}

// A key that is answered for in good faith, beside one in each free text that an answer may repeat.
TEST_F(SecretsTest, NoAnswerHasAKeyThatWasNotAskedToShowOne) {
  const IssuedKey key = Issue();
  const Strings needles = Needles(key.key());
  for (const AnyCall& call : EveryCallAbout(key.info().key_id(), "default", key.key())) {
    const auto answer = root().CallBytes(TestCaller::MethodOf(*call.request->GetDescriptor()),
                                         call.request->SerializeAsString());
    ExpectNone(needles, answer.answer, call.name());
    ExpectNone(needles, BytesOf(answer.status), call.name());
  }
}

TEST_F(SecretsTest, AKeyInTheNoteOfARevocationIsNotLogged) {
  const IssuedKey key = Issue();
  v1::RevokeKeyRequest request;
  request.set_key_id(key.info().key_id());
  request.set_note("leaked: " + key.key());
  ASSERT_THAT(root().Call(request), IsOk());
  ExpectNoneInLogs(Needles(key.key()));
}

TEST_F(SecretsTest, AKeyInTheWrongHeaderIsNotLogged) {
  const std::string key = IssueManagementKey({"keys.read"}).key();
  for (const std::string& header : {key, "Basic " + key, "Bearer  " + key, "Bearer " + key + "x"}) {
    ExpectNone(Needles(key),
               BytesOf(server_.Anonymous().WithHeader(header).Call(v1::ListKeysRequest()).status),
               "the answer");
  }
  ExpectNoneInLogs(Needles(key));
}

TEST_F(SecretsTest, MutationsAreLoggedAndChecksAreNot) {
  const IssuedKey key = Issue();
  const size_t before = TestServer::LogLines().size();
  for (int i = 0; i < 20; ++i) CodeOf(key.key());
  EXPECT_EQ(TestServer::LogLines().size(), before);
  Revoke(key.info().key_id());
  const Strings lines = TestServer::LogLines();
  ASSERT_EQ(lines.size(), before + 1);
  for (const std::string& part : {std::string("RevokeKey"), key.info().key_id(),
                                  std::string("127.0.0.1"), std::string("default")}) {
    EXPECT_THAT(lines.back(), testing::HasSubstr(part));
  }
}

}  // namespace
}  // namespace claviger
