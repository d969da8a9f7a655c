// A backup is one file: what it is, the files of a database, and hashes by which any change is
// found. docs/storage-format.md has the form.
//
//   backup   = header { content SHA-256 } end
//   header   = "claviger-backup 1" LF { line LF } LF          text, at most kMaxBackupHeaderBytes
//   content  = the bytes of the next file in the header; SHA-256 of them in 32 bytes
//   end      = "claviger-backup end" LF SHA-256               of all bytes before these 32
//
// There is no key in it: whoever can write the file can make all hashes anew. What proves more is
// the audit head, compared with one that was kept elsewhere.
#ifndef CLAVIGER_CORE_BACKUP_FORMAT_H_
#define CLAVIGER_CORE_BACKUP_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/revision.h"
#include "core/sha256_stream.h"

namespace claviger {

inline constexpr size_t kMaxBackupHeaderBytes = size_t{8} << 20;
inline constexpr size_t kMaxBackupFiles = 100'000;
// 64 TiB: a sum of kMaxBackupFiles of them does not overflow.
inline constexpr uint64_t kMaxBackupFileBytes = uint64_t{1} << 46;
inline constexpr std::string_view kBackupBegin = "claviger-backup 1\n";
inline constexpr std::string_view kBackupEnd = "claviger-backup end\n";

// A file of the database, by its name alone: `CURRENT`, `MANIFEST-000004`, `OPTIONS-000007`,
// `000012.sst`, `000013.log`.
struct BackupFile {
  std::string name;
  uint64_t bytes = 0;

  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

// Whether a database has files of that name that belong into a backup. None of them leads out of
// its folder.
bool IsBackupFileName(std::string_view name);

// What a backup has.
struct BackupHeader {
  std::string claviger_version;  // of the server that made it: [0-9A-Za-z.+-]{1,64}
  absl::Time create_time;        // in whole nanoseconds
  Epoch epoch;
  AuditHead head;  // the last revision in it, and that entry's hash
  uint32_t schema_version = 0;
  uint64_t keys = 0;                        // in all states
  std::map<std::string, uint64_t> peppers;  // ids, with the number of keys that need each
  std::vector<BackupFile> files;            // sorted by name, each once

  // Of the whole backup.
  uint64_t TotalBytes() const;

  friend bool operator==(const BackupHeader&, const BackupHeader&) = default;
};

// Up to and with the empty line that ends it.
std::string RenderBackupHeader(const BackupHeader& header);
// Takes exactly what RenderBackupHeader makes. INVALID_ARGUMENT: not a backup;
// FAILED_PRECONDITION: one of a newer form; DATA_LOSS `DATA_CORRUPT`: damaged.
absl::StatusOr<BackupHeader> ParseBackupHeader(std::string_view text);

// What a backup has beside its header and the bytes of its files.
//
//   out << encoder.Begin(header);
//   for each file: { while (…) { encoder.Add(bytes); out << bytes; }  out << encoder.EndFile(); }
//   out << encoder.End();
//
// Thread safety: none.
class BackupEncoder {
 public:
  std::string Begin(const BackupHeader& header);
  void Add(std::string_view bytes);
  std::string EndFile();
  std::string End();

 private:
  Sha256Stream whole_;
  Sha256Stream file_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_BACKUP_FORMAT_H_
