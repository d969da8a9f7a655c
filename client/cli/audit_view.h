// Entries of the audit log for people.
#ifndef CLAVIGER_CLIENT_CLI_AUDIT_VIEW_H_
#define CLAVIGER_CLIENT_CLI_AUDIT_VIEW_H_

#include <claviger/v1/audit.pb.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "client/cli/table.h"

namespace claviger::cli {

Table AuditTable(const google::protobuf::RepeatedPtrField<v1::AuditEvent>& events);

// The headers of the columns of AuditLine, ended by a newline.
std::string AuditLineHeader();
// An entry in a line, for a list without an end: it cannot wait for the widest. Escaped, ended by a
// newline.
std::string AuditLine(const v1::AuditEvent& event, bool color);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_AUDIT_VIEW_H_
