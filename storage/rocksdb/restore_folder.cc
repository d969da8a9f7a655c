#include "storage/rocksdb/restore_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

namespace fs = std::filesystem;

constexpr char kDatabaseFolder[] = "db";
constexpr char kWatermarkFile[] = "watermark";
// Of a file system of its own.
constexpr char kLostAndFound[] = "lost+found";

absl::Status Refuse(std::string message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(std::move(message));
}

std::string RestoringPath(const std::string& data) { return data + "/" + kRestoringFolder; }
std::string CompletePath(const std::string& data) {
  return RestoringPath(data) + "/" + kCompleteFile;
}

bool Exists(const fs::path& path) {
  std::error_code error;
  // What cannot be looked at is taken to be there: nothing is done over it.
  return fs::exists(fs::symlink_status(path, error)) || (error && error.value() != ENOENT);
}

// Names in a folder, sorted.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return FileError(folder, "list", error.value());
  std::sort(names.begin(), names.end());
  return names;
}

bool IsEmptyFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error)) && !error && fs::is_empty(path, error) &&
         !error;
}

bool HasDatabase(const std::string& data) {
  return Exists(fs::path(data) / kDatabaseFolder / "CURRENT");
}

// What is in kRestoringFolder and goes into the data folder, in the order in which it does: a
// watermark without its database is refused by a start, and the other way round.
absl::StatusOr<std::vector<std::string>> NamesToMove(const std::string& data) {
  absl::StatusOr<std::vector<std::string>> names = NamesIn(RestoringPath(data));
  if (!names.ok()) return names;
  std::erase(*names, kCompleteFile);
  const auto rank = [](const std::string& name) {
    return name == kDatabaseFolder ? 2 : name == kWatermarkFile ? 1 : 0;
  };
  std::stable_sort(names->begin(), names->end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return names;
}

}  // namespace

absl::Status CheckNotBeingRestored(const DataDir& dir) {
  const std::string folder = RestoringPath(dir.path());
  if (!Exists(folder)) return absl::OkStatus();
  if (Exists(CompletePath(dir.path()))) {
    return Refuse(
        fmt::format("{} is there: a restore into this data folder is complete but for its last "
                    "step. Run `clavigerd restore` again as before: it moves the store to its "
                    "place",
                    folder));
  }
  if (HasDatabase(dir.path())) {
    if (IsEmptyFolder(folder) && rmdir(folder.c_str()) == 0) return SyncPath(dir.path());
    return Refuse(
        fmt::format("{} is there beside a store, and is not what a restore leaves beside one. Look "
                    "at what it is, and move it away",
                    folder));
  }
  return Refuse(
      fmt::format("{} is there: a restore into this data folder began and did not end. Run "
                  "`clavigerd restore` again; what the interrupted one left is replaced",
                  folder));
}

absl::Status CheckFitToRestoreInto(const std::string& path, const std::vector<std::string>& own) {
  if (!Exists(path)) return absl::OkStatus();
  if (Exists(CompletePath(path))) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = NamesIn(path);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == kLostAndFound || name == kRestoringFolder ||
        std::find(own.begin(), own.end(), name) != own.end()) {
      continue;
    }
    if (name == kDatabaseFolder && IsEmptyFolder(fs::path(path) / name)) continue;
    if (Exists(RestoringPath(path))) {
      return Refuse(
          fmt::format("the data folder {} has '{}' beside '{}', which no restore leaves there: "
                      "nothing in it was touched. If the store in it is complete, move '{}' away "
                      "and start the server; else give another --data",
                      path, name, kRestoringFolder, kRestoringFolder));
    }
    return Refuse(
        fmt::format("the data folder {} is not empty, it has '{}': a backup is restored into an "
                    "empty folder only. Stop the server and move the old one away (mv {} {}.old), "
                    "or give another --data",
                    path, name, path, path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> FindCompleteRestore(const DataDir& dir) {
  const std::string path = CompletePath(dir.path());
  if (!Exists(path)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return FileError(path, "read", errno);
  return text;
}

absl::StatusOr<std::string> BeginRestore(const DataDir& dir, const std::vector<std::string>& own) {
  std::string folder = RestoringPath(dir.path());
  if (Exists(CompletePath(dir.path()))) {
    return Refuse(fmt::format("{} has a restore that is complete", folder));
  }
  if (absl::Status s = CheckFitToRestoreInto(dir.path(), own); !s.ok()) return s;
  if (absl::Status s = AbandonRestore(dir); !s.ok()) return s;
  if (mkdir(folder.c_str(), S_IRWXU) != 0) return FileError(folder, "make the folder", errno);
  if (absl::Status s = SyncPath(dir.path()); !s.ok()) return s;
  // The data folder itself may be new. Where its parent cannot be read somebody else has made it.
  std::error_code error;
  const fs::path parent = fs::canonical(dir.path(), error).parent_path();
  if (!error && access(parent.c_str(), R_OK) == 0) {
    if (absl::Status s = SyncPath(parent); !s.ok()) return s;
  }
  return folder;
}

absl::Status AbandonRestore(const DataDir& dir) {
  const std::string folder = RestoringPath(dir.path());
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) return FileError(folder, "remove", error.value());
  return SyncPath(dir.path());
}

absl::Status MarkRestoreComplete(const DataDir& dir, std::string_view what) {
  const std::string folder = RestoringPath(dir.path());
  // Beside the folder's own content it would be moved along.
  const std::string path = CompletePath(dir.path());
  const std::string unfinished = path + ".new";
  {
    std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
    file << what;
    file.flush();
    if (!file) return FileError(unfinished, "write", errno);
  }
  if (absl::Status s = SyncPath(unfinished); !s.ok()) return s;
  if (absl::Status s = SyncPath(folder); !s.ok()) return s;
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return FileError(unfinished, "rename", errno);
  }
  return SyncPath(folder);
}

absl::Status FinishRestore(const DataDir& dir, const std::function<absl::Status()>& before_step) {
  const auto step = [&](const std::function<absl::Status()>& change) {
    if (absl::Status s = before_step ? before_step() : absl::OkStatus(); !s.ok()) return s;
    return change();
  };
  const std::string folder = RestoringPath(dir.path());
  if (!Exists(CompletePath(dir.path()))) {
    return Refuse(fmt::format("{} has no restore that is complete", folder));
  }
  const absl::StatusOr<std::vector<std::string>> names = NamesToMove(dir.path());
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const fs::path target = fs::path(dir.path()) / name;
    if (!Exists(target) || IsEmptyFolder(target)) continue;
    return Refuse(
        fmt::format("{} is there already, and the restored store in {} has one too: move what does "
                    "not belong there away, and run `clavigerd restore` again as before",
                    target.string(), folder));
  }
  for (const std::string& name : *names) {
    absl::Status moved = step([&] {
      const std::string from = fmt::format("{}/{}", folder, name);
      const std::string to = fmt::format("{}/{}", dir.path(), name);
      if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
      return FileError(from, "move to its place", errno);
    });
    if (!moved.ok()) return moved;
  }
  absl::Status synced = step([&] { return SyncPath(dir.path()); });
  if (!synced.ok()) return synced;
  absl::Status unmarked = step([&] {
    const std::string path = CompletePath(dir.path());
    return unlink(path.c_str()) == 0 ? absl::OkStatus() : FileError(path, "remove", errno);
  });
  if (!unmarked.ok()) return unmarked;
  absl::Status removed = step([&] {
    return rmdir(folder.c_str()) == 0 ? absl::OkStatus() : FileError(folder, "remove", errno);
  });
  if (!removed.ok()) return removed;
  return step([&] { return SyncPath(dir.path()); });
}

}  // namespace claviger
