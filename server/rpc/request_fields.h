// Single fields of requests, checked against their bounds. Each takes the field's path for the
// error and notes what is wrong in `errors`; the value returned then is not to be used.
#ifndef CLAVIGER_SERVER_RPC_REQUEST_FIELDS_H_
#define CLAVIGER_SERVER_RPC_REQUEST_FIELDS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "claviger/v1/key.pb.h"
#include "core/cidr.h"
#include "core/key_format.h"
#include "core/key_record.h"
#include "core/scope.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/rpc/field_errors.h"

namespace claviger::field {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

KeyId ReadKeyId(const std::string& path, const std::string& text, FieldErrors& errors);
std::string ReadProjectId(const std::string& path, const std::string& text, FieldErrors& errors);
// Sorted, without repetition, at most 64.
std::vector<std::string> ReadProjectIds(const std::string& path, const Strings& texts,
                                        FieldErrors& errors);
std::string ReadText(const std::string& path, const std::string& text, size_t max_characters,
                     FieldErrors& errors);
std::string ReadName(const std::string& path, const std::string& text, size_t max_characters,
                     FieldErrors& errors);
std::string ReadRequiredName(const std::string& path, const std::string& text,
                             size_t max_characters, FieldErrors& errors);
ScopeSet ReadScopes(const std::string& path, const Strings& texts, FieldErrors& errors);
std::vector<Cidr> ReadCidrs(const std::string& path, const Strings& texts, FieldErrors& errors);
std::map<std::string, std::string> ReadLabels(
    const std::string& path, const google::protobuf::Map<std::string, std::string>& labels,
    FieldErrors& errors);
// Serialized; empty for an empty Struct.
std::string ReadMetadata(const std::string& path, const google::protobuf::Struct& metadata,
                         FieldErrors& errors);
absl::Time ReadTime(const std::string& path, const google::protobuf::Timestamp& time,
                    FieldErrors& errors);
absl::Duration ReadDuration(const std::string& path, const google::protobuf::Duration& duration,
                            FieldErrors& errors);
// nullopt for UNSPECIFIED.
std::optional<Environment> ReadEnvironment(const std::string& path, v1::Environment environment,
                                           FieldErrors& errors);
RevokeReason ReadRevokeReason(const std::string& path, v1::RevokeReason reason,
                              FieldErrors& errors);
void CheckPropagation(const std::string& path, v1::PropagationMode mode, FieldErrors& errors);
// nullopt when empty; lower case.
std::optional<std::string> ReadUuid(const std::string& path, const std::string& text,
                                    FieldErrors& errors);
// 0 is 50, more than 1000 is 1000.
size_t ReadPageSize(const std::string& path, int32_t page_size, FieldErrors& errors);

}  // namespace claviger::field

#endif  // CLAVIGER_SERVER_RPC_REQUEST_FIELDS_H_
