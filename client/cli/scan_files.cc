#include "client/cli/scan_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "client/cli/unique_fd.h"
#include "core/secret.h"

namespace claviger::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 256 << 10;

}  // namespace

bool WalkFiles(const std::string& path, const VisitFile& visit, const SkippedFile& skipped) {
  std::error_code error;
  if (path == "-" || !fs::is_directory(path, error)) return visit(path);
  fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    std::error_code unknown;
    if (it->is_symlink(unknown) || !it->is_regular_file(unknown)) continue;
    if (!visit(it->path().string())) return false;
  }
  if (error) skipped(path, error.message());
  return true;
}

absl::Status ReadInPieces(const std::string& path, int in_fd,
                          const std::function<bool(std::string_view)>& take) {
  const UniqueFd file(path == "-" ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const int fd = path == "-" ? in_fd : file.get();
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot open it");
  std::string piece(kPieceBytes, '\0');
  const absl::Cleanup cleanse = [&piece] { CleanseString(piece); };
  while (true) {
    const ssize_t count = read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "cannot read it");
    if (count == 0) return absl::OkStatus();
    if (!take(std::string_view(piece).substr(0, static_cast<size_t>(count)))) {
      return absl::OkStatus();
    }
  }
}

}  // namespace claviger::cli
