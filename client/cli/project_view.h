// Projects for people to look at.
#ifndef CLAVIGER_CLIENT_CLI_PROJECT_VIEW_H_
#define CLAVIGER_CLIENT_CLI_PROJECT_VIEW_H_

#include <claviger/v1/project.pb.h>
#include <google/protobuf/repeated_ptr_field.h>

#include "absl/time/time.h"
#include "client/cli/table.h"

namespace claviger::cli {

// A line for each project; times relative to `now`.
Table ProjectTable(const google::protobuf::RepeatedPtrField<v1::Project>& projects, absl::Time now);

// Everything about a project.
FieldList ProjectFields(const v1::Project& project, absl::Time now);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PROJECT_VIEW_H_
