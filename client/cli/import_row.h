// A key to import from the fields of a row.
#ifndef CLAVIGER_CLIENT_CLI_IMPORT_ROW_H_
#define CLAVIGER_CLIENT_CLI_IMPORT_ROW_H_

#include <claviger/v1/key_import.pb.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace claviger::cli {

// The names that a column, or a field of a JSON object, may have.
std::span<const std::string_view> ImportColumns();
bool IsImportColumn(std::string_view name);

// `fields[i]` is of `columns[i]`; empty ones do not count. In one field stand several scopes and
// address blocks with blanks between them, and labels as KEY=VALUE with semicolons between them.
// INVALID_ARGUMENT naming the column that is wrong. What the server checks is left to it.
absl::StatusOr<v1::ImportedKey> RowFromFields(std::span<const std::string> columns,
                                              std::span<const std::string> fields);

// The same names in a JSON object. Scopes and address blocks may be lists of strings, labels an
// object of strings, metadata is an object.
absl::StatusOr<v1::ImportedKey> RowFromJson(const std::string& text);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_IMPORT_ROW_H_
