// Writes real values of every kind into a folder for each fuzz target, for a corpus to begin with:
//
//   claviger_fuzz_seeds tests/fuzz/corpus
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "client/cli/audit_check.h"
#include "client/cli/json_output.h"
#include "client/cli/time_text.h"
#include "core/audit_entry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/command_line.h"
#include "server/manage/page_token.h"
#include "server/rpc/audit_convert.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/watermark.h"
#include "tests/integration/every_call.h"
#include "tests/unit/storage/full_records.h"

namespace claviger {
namespace {

constexpr std::string_view kId = "00FuzzFuzzFuzz01";
// Of tests/vectors/key_format.json.
constexpr std::string_view kKeys[] = {
    "clv_live_00Yx3kTq7LmNp0aB_GvgLRMgqHJ14LvVI8yY5jOpiHFBEaw7VGZxuEqLQ4Nu0W7UvJ",
    "a0_live_0000000000000001_qvkcmWKYIRhPfPujd3NmJxiWZasaMCBCdAOmjijTufQ4WgXgq",
    "abcdefghij012345_test_00zzzzzzzzzzzzzz_KkbEeLf4mWgHUQH1xCpfelGc0H2Xp4DmJL7TJcygFxA0cx4qA",
    "clv_live_00Yx3kTq7LmNp0aB_00000000000000000000000000000000000000000002gexga",
};

class Writer {
 public:
  explicit Writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void Write(std::string_view target, std::string_view bytes) {
    const std::filesystem::path folder = folder_ / target;
    std::filesystem::create_directories(folder);
    const std::string name = ToHex(AsBytes(Sha256(bytes))).substr(0, 40);
    std::ofstream(folder / name, std::ios::binary | std::ios::trunc) << bytes;
  }

 private:
  const std::filesystem::path folder_;
};

void WriteTexts(Writer& out) {
  for (const std::string_view key : kKeys) {
    out.Write("key_format", key);
    out.Write("key_finder",
              "\x20text before\n  k=" + std::string(key) + "\nbehind " + std::string(key) + "x");
  }
  out.Write("scope", "orders:read\norders:*\n*\na:b:c\na.b_c-d:*");
  out.Write("scope", "a:*\na:b\na:b:*\n*");
  out.Write("cidr", "10.1.2.3\n10.0.0.0/8\n10.1.2.3\n0.0.0.0/0\n::ffff:10.0.0.0/104");
  out.Write("cidr", "2001:db8::1\n2001:db8::/32\n::/0\nfe80::/10\n::1\n1:2:3:4:5:6:7:8/128");
  for (const std::string_view position : {"", "00Yx3kTq7LmNp0aB", "orders"}) {
    out.Write("page_token", EncodePageToken(Sha256(""), position));
  }
  for (const char* text :
       {"90d", "1y180d", "1d12h", "30s", "250ms", "none", "2030-01-31T12:00:00Z",
        "2030-01-31T12:00:00.5+01:00", "2030-01-31",
        "Zeile \xC3\xA4 \x1b[31m \xE6\x97\xA5\xE6\x9C\xAC "
        "\xF0\x9F\x94\x91 \xE2\x80\xAE",
        "two words and more words than fit into a line of eighty columns, I believe"}) {
    out.Write("cli_text", text);
  }
  out.Write(
      "pepper_file",
      "# peppers\n2030-01:p3d/jkUr+Xqkg+ITMTyoofC3DuME8YHKKa9RvlMKYuA=\n"
      " block:uyqi6UppBwYu9w8ue4iVAPb8tIJfuisVEDZrdf6Rx9S7KqLpSmkHBi73Dy57iJUA9vy0gl+6KxUQNmt1"
      "/pHH1A==  # old\r\n");
  out.Write("caller_map", R"({"callers":[{"san":"dns:billing","permissions":["keys.read","*"],)"
                          R"("projectIds":["orders","default"]},{"san":"uri:spiffe://a/b"}]})");
  out.Write("config_file", ToToml(ServerConfig()));
  out.Write("config_file",
            "# comment\nlisten = '127.0.0.1:7420' # more\ninsecure = true\n"
            "memory = \"256MiB\"\ndrain-timeout = \"1m30s\"\nlease=\"5s\"\r\nlog-level = "
            "\"a\\\"b\\n\"\n");
  out.Write("credential", "Bearer KEY\nipv4:10.0.0.1:5000\ndns:billing\nuri:spiffe://a/b");
  out.Write("credential", "\nipv6:%5B::1%5D:50051\ndns:other\ndns:billing");
  out.Write("credential", "bearer clv_live_00Yx3kTq7LmNp0aB_x\nunix:/run/x\n");
  out.Write("import_rows",
            "cname,sha256,scopes,labels,expires,environment,cidrs,metadata\n"
            "\"a \"\"key\"\"\"," +
                std::string(64, 'a') +
                ",a b:*,team=x;k=v,2031-01-01,live,10.0.0.0/8,"
                "\"{\"\"a\"\":1}\"\r\n\nb,x,,,,,,\n");
  out.Write(
      "import_rows",
      R"(j{"name":"a","sha512":"00","scopes":["a"],"labels":{"k":"v"},"metadata":{"a":[1,null]}})"
      "\n{\"name\":\"b\",\"sha256\":\"ff\",\"ttl\":\"90d\",\"masked\":\"ab…cd\"}\n");
}

void WriteAuditLog(Writer& out) {
  std::string file;
  AuditHead head;
  for (int n = 1; n <= 3; ++n) {
    const AuditEntry entry{.revision = head.revision.Next(),
                           .time = absl::FromUnixNanos(1893456000123456789 + n),
                           .draft = {.actor = "key:00Yx3kTq7LmNp0aB",
                                     .peer = "10.0.0.1",
                                     .action = "IssueKey",
                                     .project_id = "default",
                                     .key_id = "0000000000000001",
                                     .detail = "n"},
                           .previous_hash = head.hash};
    head = {.revision = entry.revision, .hash = HashAuditEntry(entry)};
    v1::AuditEvent event;
    FillAuditEvent(entry, true, event);
    file += cli::ToJsonLine(event).value();
  }
  v1::ListAuditEventsResponse end;
  end.set_head_revision(head.revision.value);
  end.set_head_hash(std::string(AsBytes(head.hash)));
  out.Write("audit_lines", file + cli::AuditHeadLine(end));
  out.Write("audit_lines", cli::AuditHeadLine({}));
  out.Write("audit_lines", head.ToString());
}

void WriteRecords(Writer& out) {
  const auto write = [&out](char family, const std::string& value) {
    out.Write("stored_records", std::string(1, family) + value);
  };
  write('k', EncodeKey(FullKey()));
  write('k', EncodeKey(TestKey(1)));
  write('p', EncodeProject(FullProject()));
  write('r', EncodeRequest(FullRequest()));
  write('e', EncodeEvent({.revision = Revision{7},
                          .keys = {{TestKeyId(1), "a"}, {TestKeyId(2), "b"}},
                          .projects = {"c"}}));
  AuditEntry entry = FullAuditEntry();
  entry.draft.refusal = "PERMISSION_DENIED";
  write('a', EncodeAuditEntry(entry));
  PersistedState state{.revision = Revision{5},
                       .counts = {.enabled = 1, .disabled = 2, .revoked = 3, .deleted = 4},
                       .keys_by_pepper = {{"p1", 3}, {"p2", 4}},
                       .first_event = Revision{3}};
  write('s', EncodeState(state));
  write('l', EncodeLongestLease(absl::Seconds(5)));
  UsageCounts counts;
  counts.Add(VerifyCode::kValid, 3);
  counts.Add(VerifyCode::kRevoked, UsageCounts::kMost);
  write('u', EncodeUsage(counts));
  write('t', EncodeLastUse({.time = entry.time, .address = "10.0.0.1", .by = "key:00AA"}));
  write('c', EncodeCanary(FullKey().digest));
  write('i', RevisionRow(Revision{7}));
  write('i', ByProjectRow("orders", {.create_time = entry.time, .id = TestKeyId(1)}));
  write('i', UsageRowOf(TestKeyId(1), 525600));
  write('w', RenderWatermark({.epoch = {}, .revision = Revision{1234}}));
}

// By the letter that requests_fuzz.cc has for it; 0: it has none.
char LetterOf(const std::string& request) {
  static const auto& letters = *new std::map<std::string, char>{
      {"IssueKeyRequest", 'i'},      {"GetKeyRequest", 'g'},          {"ListKeysRequest", 'l'},
      {"UpdateScopesRequest", 's'},  {"DisableKeyRequest", 'd'},      {"EnableKeyRequest", 'e'},
      {"RevokeKeyRequest", 'r'},     {"DeleteKeyRequest", 'x'},       {"UndeleteKeyRequest", 'n'},
      {"RotateKeyRequest", 'o'},     {"UpdateKeyRequest", 'u'},       {"RevokeKeysRequest", 'k'},
      {"LookupKeyRequest", 'f'},     {"ImportKeysRequest", 'm'},      {"CreateProjectRequest", 'p'},
      {"UpdateProjectRequest", 'q'}, {"ListAuditEventsRequest", 'a'}, {"GetUsageRequest", 't'},
      {"VerifyRequest", 'v'},        {"BatchVerifyRequest", 'b'}};
  const auto found = letters.find(request);
  return found == letters.end() ? '\0' : found->second;
}

// In the order of service_fuzz.cc.
int PlaceOf(const std::string& method) {
  int place = 0;
  for (const char* name : {"KeyAuthority", "Projects", "Verifier", "AuditLog", "Usage"}) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        std::string("claviger.v1.") + name);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto* candidate = service->method(i);
      if (candidate->client_streaming() || candidate->server_streaming()) continue;
      if ("/" + service->full_name() + "/" + candidate->name() == method) return place;
      ++place;
    }
  }
  return place;
}

v1::IssueKeyRequest FullIssue() {
  v1::IssueKeyRequest issue;
  issue.set_project_id("default");
  issue.set_display_name("fuzz ä");
  issue.set_description("why");
  issue.add_scopes("orders:read");
  issue.add_scopes("orders:*");
  issue.mutable_ttl()->set_seconds(3600);
  issue.set_owner("team");
  (*issue.mutable_labels())["env"] = "prod";
  auto& fields = *issue.mutable_metadata()->mutable_fields();
  fields["n"].set_number_value(1.5);
  fields["l"].mutable_list_value()->add_values()->set_string_value("x");
  issue.add_allowed_cidrs("10.0.0.0/8");
  issue.set_request_id("0b1e9f3a-7d55-4c0e-9a53-0f4be5a3f001");
  return issue;
}

void WriteRequests(Writer& out) {
  const std::string raw = "clv_live_" + std::string(kId) + "_" + std::string(49, '0');
  std::vector<AnyCall> calls = EveryCallAbout(std::string(kId), "default", raw);
  calls.push_back(MakeCall("keys.issue", FullIssue()));
  v1::VerifyRequest digest;
  digest.mutable_digest()->set_key_id(std::string(kId));
  digest.mutable_digest()->set_sha256(std::string(32, 'h'));
  digest.add_required_scopes("orders:read");
  digest.add_any_scopes("a:b");
  digest.set_client_ip("10.0.0.1");
  digest.set_explain(true);
  calls.push_back(MakeCall("keys.verify", digest));
  v1::ListKeysRequest list;
  list.add_project_ids("default");
  list.set_page_size(1);
  list.set_page_token(EncodePageToken(Sha256(""), "x"));
  calls.push_back(MakeCall("keys.read", list));
  for (const AnyCall& call : calls) {
    const std::string bytes = call.request->SerializeAsString();
    if (const char letter = LetterOf(call.name()); letter != '\0') {
      out.Write("requests", std::string(1, letter) + bytes);
    }
    const int place = PlaceOf(TestCaller::MethodOf(*call.request->GetDescriptor()));
    for (const char who : {0, 1, 2, 3, 4, 5}) {
      if (who != 0 && place % 6 != who) continue;
      out.Write("service", std::string(1, static_cast<char>(place)) + who + bytes);
    }
  }
}

void WriteStreams(Writer& out) {
  v1::SyncRequest hello;
  hello.mutable_hello()->set_session_id(std::string(16, 's'));
  hello.mutable_hello()->set_client("fuzz");
  hello.mutable_hello()->mutable_stale_on_error()->set_seconds(1);
  v1::SyncRequest beat;
  beat.mutable_beat()->set_beat_id(1);
  v1::KeyUsage& usage = *beat.mutable_beat()->add_usage();
  usage.set_key_id(std::string(kId));
  usage.set_valid_count(3);
  usage.mutable_last_used_ago()->set_seconds(2);
  usage.set_last_used_address("10.0.0.1");
  const auto framed = [](const v1::SyncRequest& message) {
    const std::string bytes = message.SerializeAsString();
    return std::string{static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())} +
           bytes;
  };
  out.Write("sync_stream", framed(hello));
  out.Write("sync_stream", framed(hello) + framed(beat) + framed(beat));
  out.Write("sync_stream", framed(beat));
  out.Write("requests", "y" + hello.SerializeAsString());
  out.Write("requests", "y" + beat.SerializeAsString());
}

}  // namespace
}  // namespace claviger

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: claviger_fuzz_seeds FOLDER\n";
    return 2;
  }
  claviger::Writer out(argv[1]);
  claviger::WriteTexts(out);
  claviger::WriteAuditLog(out);
  claviger::WriteRecords(out);
  claviger::WriteRequests(out);
  claviger::WriteStreams(out);
  return 0;
}
