#include "server/rpc/audit_export_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "claviger/v1/audit.pb.h"
#include "core/audit_chain.h"
#include "core/status.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "server/rpc/audit_convert.h"

namespace claviger {
namespace {

absl::Status Refuse(const std::string& file, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(fmt::format("the audit export {}: {}", file, what));
}

// Takes an export line by line. What a line has beside the fields that are hashed, or has twice,
// does no harm: what is hashed is what is read.
class ExportReader {
 public:
  ExportReader(const std::string& file, const AuditEntryVisitor& visit)
      : file_(file), visit_(visit) {}

  absl::Status AddLine(const std::string& line) {
    ++lines_;
    if (end_.has_value()) {
      return Refuse(file_, fmt::format("line {} stands behind the end of the log", lines_));
    }
    v1::AuditEvent event;
    if (google::protobuf::util::JsonStringToMessage(line, &event).ok()) return AddEvent(event);
    v1::ListAuditEventsResponse head;
    if (!google::protobuf::util::JsonStringToMessage(line, &head).ok()) {
      return Refuse(file_, fmt::format("line {} is not one of an audit export; give what `claviger "
                                       "audit export` wrote",
                                       lines_));
    }
    if (head.head_revision() == 0 && head.head_hash().empty()) return Partial();
    end_.emplace();
    end_->revision = {head.head_revision()};
    if (FromBytes(head.head_hash(), end_->hash)) return absl::OkStatus();
    return Refuse(file_, "the line with the end of the log was edited");
  }

  absl::StatusOr<AuditHead> Finish() const {
    if (const auto fault = chain_.FaultAgainst(end_); fault.has_value()) {
      return Refuse(file_, fault->what);
    }
    if (!end_.has_value()) {
      return Refuse(file_, "it is cut off: the line with the end of the log is missing");
    }
    return *end_;
  }

 private:
  absl::Status Partial() const {
    return Refuse(file_,
                  "it was made by a caller that is bound to projects, and has no hashes: it cannot "
                  "be checked. Give one that was made by a caller that is not bound");
  }

  absl::Status AddEvent(const v1::AuditEvent& event) {
    if (event.hash().empty() && event.previous_hash().empty()) return Partial();
    const std::optional<HashedAuditEntry> read = FromAuditEvent(event);
    if (!read.has_value()) {
      return Refuse(file_, fmt::format("revision {}: its hashes were edited", event.revision()));
    }
    const auto& [entry, hash] = *read;
    chain_.Add(entry, hash);
    if (const auto fault = chain_.FaultAgainst(std::nullopt); fault.has_value()) {
      return Refuse(file_, fault->what);
    }
    return visit_(entry, hash);
  }

  const std::string& file_;
  const AuditEntryVisitor& visit_;
  AuditChain chain_;
  std::optional<AuditHead> end_;
  uint64_t lines_ = 0;
};

}  // namespace

absl::StatusOr<AuditHead> ReadAuditExport(const std::string& file, const AuditEntryVisitor& visit) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "re"),
                                                           &std::fclose);
  const auto unreadable = [&](int error) {
    return Refuse(file, "cannot be read: " + std::generic_category().message(error));
  };
  if (in == nullptr) return unreadable(errno);
  ExportReader reader(file, visit);
  char* buffer = nullptr;
  size_t capacity = 0;
  const absl::Cleanup free_buffer = [&buffer] { std::free(buffer); };
  errno = 0;
  for (ssize_t size = 0; (size = getline(&buffer, &capacity, in.get())) >= 0;) {
    std::string_view line(buffer, static_cast<size_t>(size));
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (absl::Status s = reader.AddLine(std::string(line)); !s.ok()) return s;
  }
  if (std::ferror(in.get()) != 0) return unreadable(errno);
  return reader.Finish();
}

}  // namespace claviger
