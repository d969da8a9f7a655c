#include "tests/faults/disk_model.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace claviger {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSector = 512;  // is written as a whole or not at all

std::string FolderOfPath(const std::string& path) { return fs::path(path).parent_path().string(); }

std::string Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

DiskModel::DiskModel(std::string root, std::string aside)
    : root_(std::move(root)), aside_(std::move(aside)) {
  durable_folders_.insert(root_);
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (entry.is_directory()) {
      durable_folders_.insert(entry.path().string());
      continue;
    }
    const std::string path = entry.path().string();
    const auto file = std::make_shared<ModelFile>();
    file->content = aside_ + "/" + std::to_string(files_made_++);
    fs::create_hard_link(path, file->content);
    file->length = file->durable = entry.file_size();
    current_[path] = durable_[path] = file;
  }
}

bool DiskModel::IsBelowRoot(const std::string& path) const { return path.starts_with(root_ + "/"); }

std::shared_ptr<ModelFile> DiskModel::Created(const std::string& path) {
  if (const auto known = current_.find(path); known != current_.end()) {
    known->second->length = known->second->durable = 0;
    return known->second;
  }
  auto file = std::make_shared<ModelFile>();
  if (!IsBelowRoot(path)) return file;
  file->content = aside_ + "/" + std::to_string(files_made_++);
  fs::create_hard_link(path, file->content);
  current_[path] = file;
  return file;
}

void DiskModel::Renamed(const std::string& from, const std::string& to) {
  const auto known = current_.find(from);
  if (known == current_.end()) return;
  current_[to] = known->second;
  current_.erase(from);
}

void DiskModel::Linked(const std::string& from, const std::string& to) {
  if (const auto known = current_.find(from); known != current_.end()) current_[to] = known->second;
}

void DiskModel::Deleted(const std::string& path) { current_.erase(path); }

void DiskModel::FolderSynced(const std::string& folder) {
  const auto is_in = [&](const auto& name) { return FolderOfPath(name.first) == folder; };
  std::erase_if(durable_, is_in);
  std::copy_if(current_.begin(), current_.end(), std::inserter(durable_, durable_.end()), is_in);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) durable_folders_.insert(entry.path().string());
  }
}

void DiskModel::LosePower(PowerLoss how, uint32_t seed) {
  std::mt19937 random(seed);
  Names left = durable_;
  std::set<std::string> folders = durable_folders_;
  if (how != PowerLoss::kAllUnsyncedLost) {
    std::set<std::string> all;
    for (const auto& [path, file] : current_) all.insert(FolderOfPath(path));
    for (const std::string& folder : all) {
      // Names are kept in the order of the journal; all of a folder's or none is a case of that.
      if (random() % 2 != 0) continue;
      folders.insert(folder);
      const auto is_in = [&](const auto& name) { return FolderOfPath(name.first) == folder; };
      std::erase_if(left, is_in);
      std::copy_if(current_.begin(), current_.end(), std::inserter(left, left.end()), is_in);
    }
  }
  for (const Names& names : {current_, durable_}) {
    for (const auto& [path, file] : names) fs::remove(path);
  }
  std::vector<std::string> lost;
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    const std::string path = entry.path().string();
    // What a folder above is durable for, it is not itself.
    if (entry.is_directory() && !folders.contains(path)) lost.push_back(path);
  }
  for (const std::string& path : lost) fs::remove_all(path);
  for (const auto& [path, file] : left) {
    if (fs::exists(FolderOfPath(path))) WriteWhatIsLeft(path, *file, how, random);
  }
}

void DiskModel::WriteWhatIsLeft(const std::string& path, const ModelFile& file, PowerLoss how,
                                std::mt19937& random) const {
  std::string bytes = Bytes(file.content);
  const uint64_t written = std::min<uint64_t>(file.length, bytes.size());
  uint64_t kept = std::min(file.durable, written);
  const uint64_t durable = kept;
  if (how == PowerLoss::kLostSectors) {
    bytes.resize(written);
    while (kept < written) {
      const uint64_t end = std::min(written, (kept / kSector + 1) * kSector);
      if (random() % 2 == 0) std::fill(bytes.begin() + kept, bytes.begin() + end, '\0');
      kept = end;
    }
  } else if (how != PowerLoss::kAllUnsyncedLost) {
    kept += random() % (written - kept + 1);
  }
  if (how == PowerLoss::kTornEnd) kept = std::max(durable, kept / kSector * kSector);
  bytes.resize(kept);
  if (how == PowerLoss::kTornEnd) bytes.resize(written, '\0');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace claviger
