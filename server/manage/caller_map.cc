#include "server/manage/caller_map.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "claviger/config/v1/caller_map.pb.h"
#include "core/status.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

constexpr int kMaxCallers = 10'000;

absl::Status Invalid(std::string message) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(std::move(message));
}

bool HasKind(const std::string& san) {
  for (const std::string_view kind : {"dns:", "uri:", "ip:", "email:"}) {
    if (san.size() > kind.size() && san.starts_with(kind)) return true;
  }
  return false;
}

bool IsPermission(const std::string& text) {
  return text == "*" || std::find(permission::kAll.begin(), permission::kAll.end(), text) !=
                            permission::kAll.end();
}

absl::StatusOr<CertificateIdentity> ParseCaller(const config::v1::CertificateCaller& entry,
                                                const std::string& where) {
  if (!HasKind(entry.san())) {
    return Invalid(fmt::format(
        "{}.san: must begin with its kind, one of dns: uri: ip: email:, and not be empty behind it",
        where));
  }
  for (const std::string& wanted : entry.permissions()) {
    if (!IsPermission(wanted)) {
      return Invalid(fmt::format("{}.permissions: there is no permission '{}'; accepted are * {}",
                                 where, wanted, fmt::join(permission::kAll, " ")));
    }
  }
  for (const std::string& project_id : entry.project_ids()) {
    if (!IsValidProjectId(project_id)) {
      return Invalid(fmt::format("{}.projectIds: '{}' {}", where, project_id, kProjectIdSyntax));
    }
  }
  CertificateIdentity identity;
  identity.san = entry.san();
  identity.permissions =
      ScopeSet::FromTrusted({entry.permissions().begin(), entry.permissions().end()});
  identity.project_ids.assign(entry.project_ids().begin(), entry.project_ids().end());
  std::sort(identity.project_ids.begin(), identity.project_ids.end());
  return identity;
}

}  // namespace

absl::StatusOr<CallerMap> ParseCallerMap(const std::string& json) {
  config::v1::CallerMap parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  if (!status.ok()) {
    return Invalid(fmt::format("not the JSON of a caller map: {}", status.message().as_string()));
  }
  if (parsed.callers_size() > kMaxCallers) {
    return Invalid(fmt::format("callers: at most {} are accepted", kMaxCallers));
  }
  CallerMap map;
  for (int i = 0; i < parsed.callers_size(); ++i) {
    const std::string where = fmt::format("callers[{}]", i);
    absl::StatusOr<CertificateIdentity> identity = ParseCaller(parsed.callers(i), where);
    if (!identity.ok()) return identity.status();
    const std::string san = identity->san;
    if (!map.emplace(san, std::make_shared<const CertificateIdentity>(*std::move(identity)))
             .second) {
      return Invalid(fmt::format("{}.san: '{}' stands twice", where, san));
    }
  }
  return map;
}

absl::StatusOr<CallerMap> LoadCallerMap(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Invalid(fmt::format("caller map {}: cannot be read: {}", path, std::strerror(errno)));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  absl::StatusOr<CallerMap> map = ParseCallerMap(text);
  if (!map.ok()) {
    return Invalid(fmt::format("caller map {}: {}", path, std::string(map.status().message())));
  }
  return map;
}

void CallerMapHolder::Replace(CallerMap map) {
  auto replacement = std::make_shared<const CallerMap>(std::move(map));
  absl::MutexLock lock(&mutex_);
  map_ = std::move(replacement);
}

std::shared_ptr<const CallerMap> CallerMapHolder::Map() const {
  absl::ReaderMutexLock lock(&mutex_);
  return map_;
}

std::shared_ptr<const CertificateIdentity> CallerMapHolder::Find(const std::string& san) const {
  const std::shared_ptr<const CallerMap> map = Map();
  const auto it = map->find(san);
  return it == map->end() ? nullptr : it->second;
}

bool CallerMapHolder::HasAdministrator() const {
  const std::shared_ptr<const CallerMap> map = Map();
  return std::any_of(map->begin(), map->end(), [](const auto& entry) {
    const CertificateIdentity& identity = *entry.second;
    return identity.project_ids.empty() && identity.permissions.Covers(permission::kSettingsManage);
  });
}

}  // namespace claviger
