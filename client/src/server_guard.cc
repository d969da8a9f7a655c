#include "claviger/server_guard.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <variant>

#include "client/src/call_credentials.h"
#include "core/key_record.h"
#include "core/scope.h"
#include "fmt/format.h"

namespace claviger {
namespace {

using client::NoKey;

// A rule with the views that a check takes.
class Rule {
 public:
  explicit Rule(MethodRule rule)
      : rule_(std::move(rule)),
        required_(rule_.required_scopes.begin(), rule_.required_scopes.end()),
        any_(rule_.any_scopes.begin(), rule_.any_scopes.end()) {}
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  bool open() const { return rule_.open; }
  CheckRequirements requirements(std::string_view client_ip) const {
    return {.project_id = rule_.project_id,
            .required_scopes = required_,
            .any_scopes = any_,
            .client_ip = client_ip};
  }

 private:
  const MethodRule rule_;
  const std::vector<std::string_view> required_;
  const std::vector<std::string_view> any_;
};

using Rules = std::map<std::string, Rule, std::less<>>;

// The status goes without details, so the reason stands in the message.
grpc::Status WithReason(const grpc::Status& status, std::string_view reason) {
  return {status.error_code(), fmt::format("{}: {}", reason, status.error_message())};
}

class ServerGuard final : public grpc::AuthMetadataProcessor {
 public:
  ServerGuard(Checker& checker, Rules rules, GuardOptions options)
      : checker_(checker), rules_(std::move(rules)), options_(std::move(options)) {}

  // So that Process may wait for the authority.
  bool IsBlocking() const override { return true; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* /*context*/,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    const auto path = metadata.find(":path");
    const Rule* rule =
        path == metadata.end() ? nullptr : FindRule({path->second.data(), path->second.size()});
    if (rule == nullptr) {
      return {grpc::StatusCode::PERMISSION_DENIED,
              "METHOD_NOT_ALLOWED: no rule lets anybody call this method"};
    }
    if (rule->open()) return grpc::Status::OK;
    const std::variant<std::string_view, NoKey> key = client::FindKey(metadata, options_);
    if (const NoKey* why = std::get_if<NoKey>(&key)) {
      return WithReason(client::ToGrpcStatus(*why), client::ReasonOf(*why));
    }
    const std::string_view address = options_.address_header.empty()
                                         ? std::string_view()
                                         : client::AddressFromHeader(metadata, options_);
    const Decision decision =
        checker_.Check(std::get<std::string_view>(key), rule->requirements(address));
    if (decision.valid()) return grpc::Status::OK;
    return WithReason(client::ToGrpcStatus(decision), client::ReasonOf(decision.code()));
  }

 private:
  const Rule* FindRule(std::string_view path) const {
    auto found = rules_.find(path);
    if (found == rules_.end()) {
      const size_t slash = path.rfind('/');
      if (slash == std::string_view::npos) return nullptr;
      found = rules_.find(fmt::format("{}/*", path.substr(0, slash)));
    }
    return found == rules_.end() ? nullptr : &found->second;
  }

  Checker& checker_;
  const Rules rules_;
  const GuardOptions options_;
};

bool IsIdentifier(std::string_view text, bool with_dots) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [with_dots](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (with_dots && c == '.');
  });
}

bool IsMethodPattern(std::string_view text) {
  const size_t slash = text.rfind('/');
  if (!text.starts_with('/') || slash == 0 || slash == std::string_view::npos) return false;
  const std::string_view method = text.substr(slash + 1);
  return IsIdentifier(text.substr(1, slash - 1), /*with_dots=*/true) &&
         (method == "*" || IsIdentifier(method, /*with_dots=*/false));
}

absl::Status CheckRule(const std::string& method, const MethodRule& rule) {
  if (!IsMethodPattern(method)) {
    return absl::InvalidArgumentError(
        fmt::format("{}: must be /package.Service/Method or /package.Service/*", method));
  }
  const bool demands =
      !rule.project_id.empty() || !rule.required_scopes.empty() || !rule.any_scopes.empty();
  if (rule.open && demands) {
    return absl::InvalidArgumentError(fmt::format("{}: open, so it cannot demand a key", method));
  }
  if (!rule.project_id.empty() && !IsValidProjectId(rule.project_id)) {
    return absl::InvalidArgumentError(fmt::format("{}: project_id is not one", method));
  }
  for (const std::vector<std::string>* scopes : {&rule.required_scopes, &rule.any_scopes}) {
    if (!std::all_of(scopes->begin(), scopes->end(), IsValidRequiredScope)) {
      return absl::InvalidArgumentError(
          fmt::format("{}: a required scope {}; and it is not '*'", method, kScopeSyntax));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::AuthMetadataProcessor>> MakeServerGuard(Checker& checker,
                                                                             MethodPolicy policy,
                                                                             GuardOptions options) {
  if (absl::Status s = client::Validate(options); !s.ok()) return s;
  Rules rules;
  for (auto& [method, rule] : policy) {
    if (absl::Status s = CheckRule(method, rule); !s.ok()) return s;
    rules.try_emplace(method, std::move(rule));
  }
  return std::make_shared<ServerGuard>(checker, std::move(rules), std::move(options));
}

}  // namespace claviger
