#include "server/metrics/server_metrics.h"

#include <algorithm>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ServerMetricsTest : public ::testing::Test {
 protected:
  ServerMetrics metrics_{"1.2.3"};
  MethodMetrics* verify_ =
      metrics_.RegisterMethod("claviger.v1.Verifier", "Verify", MethodType::kUnary);
};

TEST_F(ServerMetricsTest, EverySeriesIsThereFromTheStart) {
  const std::string text = metrics_.RenderText();
  for (
      const char* line : {
          R"(claviger_verify_total{code="valid"} 0)",
          R"(claviger_verify_total{code="quota_exceeded"} 0)",
          R"(claviger_record_cache_lookups_total{result="hit"} 0)",
          R"(claviger_record_cache_lookups_total{result="miss"} 0)",
          R"(claviger_auth_failures_total{reason="missing"} 0)",
          R"(claviger_auth_failures_total{reason="permission"} 0)",
          R"(claviger_certificate_reloads_total{result="accepted"} 0)",
          R"(claviger_certificate_reloads_total{result="refused"} 0)",
          R"(claviger_audit_entries_total{outcome="change"} 0)",
          R"(claviger_audit_entries_total{outcome="refusal"} 0)",
          R"(claviger_audit_entries_total{outcome="failed"} 0)",
          "claviger_audit_refusals_left_out_total 0",
          R"(claviger_keys{state="active"} 0)",
          R"(claviger_keys{state="deleted"} 0)",
          "claviger_record_cache_entries 0",
          "claviger_store_bytes 0",
          "claviger_store_free_bytes 0",
          R"(claviger_keys_expiring{within="7d"} 0)",
          R"(claviger_keys_unused{for="90d"} 0)",
          "claviger_store_writable 0",
          "claviger_commit_seconds_count 0",
          R"(claviger_commit_batch_mutations_bucket{le="+Inf"} 0)",
          "claviger_certificate_expiry_timestamp_seconds 0",
          R"(claviger_build_info{version="1.2.3"} 1)",
          R"(grpc_server_started_total{grpc_type="unary",grpc_service="claviger.v1.Verifier",grpc_method="Verify"} 0)",
          R"(grpc_server_handled_total{grpc_type="unary",grpc_service="claviger.v1.Verifier",grpc_method="Verify",grpc_code="OK"} 0)",
          R"(grpc_server_handled_total{grpc_type="unary",grpc_service="claviger.v1.Verifier",grpc_method="Verify",grpc_code="Unauthenticated"} 0)",
      }) {
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(ServerMetricsTest, CountsWhatHappened) {
  verify_->Started();
  verify_->Started();
  verify_->Handled(0, absl::Microseconds(80));
  verify_->Handled(16, absl::Milliseconds(3));
  metrics_.CountVerify(VerifyCode::kRevoked);
  metrics_.CountRecordCacheLookup(true);
  metrics_.CountRecordCacheLookup(true);
  metrics_.CountRecordCacheLookup(false);
  metrics_.CountAuthFailure(AuthFailure::kInvalid);
  metrics_.CountCertificateReload(false);
  metrics_.ObserveBatch({.mutations = 3, .latency = absl::Milliseconds(2)});
  metrics_.SetRecordCacheEntries(12);
  metrics_.SetStoreStats(
      {.keys = {{KeyState::kActive, 5}, {KeyState::kRevoked, 2}}, .bytes_on_disk = 4096});
  StoreHealth health;
  health.growth = absl::ResourceExhaustedError("full");
  health.disk = {.ballast_bytes = 7, .growth_mark = 9};
  metrics_.SetStoreHealth(health);
  metrics_.SetCertificateExpiry(absl::FromUnixSeconds(1'900'000'000));
  const std::string text = metrics_.RenderText();
  const std::string method =
      R"({grpc_type="unary",grpc_service="claviger.v1.Verifier",grpc_method="Verify")";
  for (const std::string& line : {
           "grpc_server_started_total" + method + "} 2",
           "grpc_server_handled_total" + method + R"(,grpc_code="OK"} 1)",
           "grpc_server_handled_total" + method + R"(,grpc_code="Unauthenticated"} 1)",
           "grpc_server_handled_total" + method + R"(,grpc_code="Internal"} 0)",
           "grpc_server_handling_seconds_count" + method + "} 2",
           "grpc_server_handling_seconds_sum" + method + "} 0.00308",
           "grpc_server_handling_seconds_bucket" + method + R"(,le="0.0001"} 1)",
           "grpc_server_handling_seconds_bucket" + method + R"(,le="+Inf"} 2)",
           std::string(R"(claviger_verify_total{code="revoked"} 1)"),
           std::string(R"(claviger_record_cache_lookups_total{result="hit"} 2)"),
           std::string(R"(claviger_record_cache_lookups_total{result="miss"} 1)"),
           std::string(R"(claviger_auth_failures_total{reason="invalid"} 1)"),
           std::string(R"(claviger_certificate_reloads_total{result="refused"} 1)"),
           std::string(R"(claviger_commit_batch_mutations_bucket{le="2"} 0)"),
           std::string(R"(claviger_commit_batch_mutations_bucket{le="4"} 1)"),
           std::string("claviger_commit_seconds_sum 0.002"),
           std::string("claviger_record_cache_entries 12"),
           std::string(R"(claviger_keys{state="active"} 5)"),
           std::string(R"(claviger_keys{state="disabled"} 0)"),
           std::string(R"(claviger_keys{state="revoked"} 2)"),
           std::string("claviger_store_bytes 4096"),
           std::string("claviger_store_writable 1"),
           std::string(R"(claviger_store_admits{change="growth"} 0)"),
           std::string(R"(claviger_store_admits{change="reduction"} 1)"),
           std::string("claviger_store_ballast_bytes 7"),
           std::string("claviger_store_reserve_bytes 9"),
           std::string("claviger_certificate_expiry_timestamp_seconds 1900000000"),
       }) {
    EXPECT_THAT(text, HasSubstr(line + "\n"));
  }
}

TEST_F(ServerMetricsTest, ACodeThatGrpcDoesNotDefineIsUnknown) {
  verify_->Handled(99, absl::ZeroDuration());
  verify_->Handled(-1, -absl::Seconds(1));
  EXPECT_THAT(metrics_.RenderText(), HasSubstr(R"(grpc_code="Unknown"} 2)"));
}

TEST_F(ServerMetricsTest, AStateThatIsGoneFromTheStatsIsZero) {
  metrics_.SetStoreStats({.keys = {{KeyState::kActive, 5}}});
  metrics_.SetStoreStats({.keys = {}});
  EXPECT_THAT(metrics_.RenderText(), HasSubstr("claviger_keys{state=\"active\"} 0\n"));
}

TEST_F(ServerMetricsTest, ShowsTheProcessItself) {
  const std::string text = metrics_.RenderText();
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
        "process_max_fds", "process_virtual_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " ")) << name;
  }
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

TEST_F(ServerMetricsTest, NumberOfSeriesDoesNotDependOnTraffic) {
  const auto series = [this] {
    const std::string text = metrics_.RenderText();
    return std::count(text.begin(), text.end(), '\n');
  };
  const auto before = series();
  for (int code = -5; code < 100; ++code) verify_->Handled(code, absl::Seconds(code));
  for (int mutations = 0; mutations < 5000; mutations += 7) {
    metrics_.ObserveBatch(
        {.mutations = static_cast<size_t>(mutations), .latency = absl::Seconds(1)});
  }
  EXPECT_EQ(series(), before);
}

TEST_F(ServerMetricsTest, RendersWhileOthersCount) {
  std::thread counting([this] {
    for (int i = 0; i < 50'000; ++i) {
      metrics_.CountVerify(VerifyCode::kValid);
      verify_->Handled(0, absl::Microseconds(1));
    }
  });
  for (int i = 0; i < 20; ++i) EXPECT_THAT(metrics_.RenderText(), HasSubstr("claviger_keys"));
  counting.join();
  EXPECT_THAT(metrics_.RenderText(), HasSubstr("claviger_verify_total{code=\"valid\"} 50000\n"));
}

}  // namespace
}  // namespace claviger
