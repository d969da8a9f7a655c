#include "server/config/pepper_file.h"

#include <utility>

#include "core/digest.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/config/private_file.h"

namespace claviger {
namespace {

absl::Status Refuse(absl::StatusCode code, const std::filesystem::path& file,
                    std::string_view why) {
  return ErrorBuilder(code, Reason::kConfigInvalid)
      .Build(fmt::format("pepper file {}: {}", file.string(), why));
}

}  // namespace

absl::Status AddPepper(const std::filesystem::path& file, const std::string& id,
                       RandomSource& random) {
  const absl::StatusOr<Secret> line = PepperSet::GenerateLine(id, random);
  if (!line.ok()) return line.status();
  const absl::StatusOr<Secret> old = ReadPrivateFile(file);
  if (absl::IsNotFound(old.status())) return CreatePrivateFile(file, line->ExposeSecret());
  if (!old.ok()) return old.status();
  const absl::StatusOr<PepperSet> peppers = PepperSet::Parse(*old);
  if (!peppers.ok()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, file,
                  std::string(peppers.status().message()));
  }
  if (peppers->Contains(id)) {
    return Refuse(absl::StatusCode::kAlreadyExists, file,
                  fmt::format("has a pepper {} already; take a new id", id));
  }
  std::string text;
  text.reserve(line->size() + old->size());  // never moves, so that no copy is left behind
  text += line->ExposeSecret();
  text += old->ExposeSecret();
  const Secret whole(std::move(text));
  if (whole.size() > kMaxPrivateFileBytes) {
    return Refuse(absl::StatusCode::kFailedPrecondition, file, "is full");
  }
  return ReplacePrivateFile(file, whole.ExposeSecret());
}

}  // namespace claviger
