#include "claviger/grant.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "client/src/cached_grant.h"

namespace claviger {

static_assert(static_cast<int>(KeyEnvironment::kLive) == static_cast<int>(Environment::kLive));
static_assert(static_cast<int>(KeyEnvironment::kTest) == static_cast<int>(Environment::kTest));

const client::CachedGrant& Grant::data() const {
  static const auto& empty = *new client::CachedGrant();
  return data_ == nullptr ? empty : *data_;
}

std::string_view Grant::key_id() const {
  return data_ == nullptr ? std::string_view() : data_->id.text();
}

std::string_view Grant::project_id() const { return data().project_id; }
std::string_view Grant::owner() const { return data().owner; }
KeyEnvironment Grant::environment() const {
  return static_cast<KeyEnvironment>(data().environment);
}
const std::vector<std::string>& Grant::scopes() const { return data().scopes.scopes(); }
bool Grant::Covers(std::string_view scope) const { return data().scopes.Covers(scope); }
std::optional<absl::Time> Grant::expire_time() const { return data().expire_time; }

std::optional<std::string_view> Grant::label(std::string_view name) const {
  const auto& labels = data().labels;
  const auto found =
      std::lower_bound(labels.begin(), labels.end(), name,
                       [](const auto& label, std::string_view key) { return label.first < key; });
  if (found == labels.end() || found->first != name) return std::nullopt;
  return found->second;
}

std::vector<std::pair<std::string, std::string>> Grant::Labels() const { return data().labels; }

std::vector<std::string> Grant::AllowedCidrs() const {
  std::vector<std::string> cidrs;
  for (const Cidr& cidr : data().allowed_cidrs) cidrs.push_back(cidr.ToString());
  return cidrs;
}

std::string Grant::MetadataJson() const {
  google::protobuf::Struct metadata;
  std::string json;
  // It was parsed and serialized when the answer came, so neither fails.
  if (!metadata.ParseFromString(data().metadata) ||
      !google::protobuf::util::MessageToJsonString(metadata, &json).ok()) {
    return "{}";
  }
  return json;
}

}  // namespace claviger
