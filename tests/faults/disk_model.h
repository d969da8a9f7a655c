// What a disk that honours fsync, and promises no more, may have after a power loss.
#ifndef CLAVIGER_TESTS_FAULTS_DISK_MODEL_H_
#define CLAVIGER_TESTS_FAULTS_DISK_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

namespace claviger {

// What becomes of the bytes and names that were not synced.
enum class PowerLoss : uint8_t {
  kAllUnsyncedLost,
  kSomeKept,     // a prefix of each file's bytes, and by chance the names in a folder, are kept
  kTornEnd,      // as kSomeKept, and behind the prefix each file has zeros up to its length
  kLostSectors,  // as kSomeKept, but each file has its length, and zeros in sectors by chance
};

// A file, whatever its name.
struct ModelFile {
  std::string content;  // a hard link to it, in a folder aside, which outlives its names
  uint64_t length = 0;
  uint64_t durable = 0;  // bytes that survive for certain
};

// Mirrors what is done to the files below a folder, which are only ever appended to, and can put
// the folder into the state after a power loss.
//
// Thread safety: none.
class DiskModel {
 public:
  // What is below `root` is durable. `aside` is an empty folder on the same disk.
  DiskModel(std::string root, std::string aside);

  // Each is called after it was really done. Paths are below `root`, else they are ignored; so are
  // files that the model was never told of.
  std::shared_ptr<ModelFile> Created(const std::string& path);  // or truncated to nothing
  void Renamed(const std::string& from, const std::string& to);
  void Linked(const std::string& from, const std::string& to);
  void Deleted(const std::string& path);
  void FolderSynced(const std::string& folder);

  // REQUIRES: nothing has a file open. The model is not used any more after it.
  void LosePower(PowerLoss how, uint32_t seed);

 private:
  using Names = std::map<std::string, std::shared_ptr<ModelFile>>;

  bool IsBelowRoot(const std::string& path) const;
  void WriteWhatIsLeft(const std::string& path, const ModelFile& file, PowerLoss how,
                       std::mt19937& random) const;

  const std::string root_;
  const std::string aside_;
  int files_made_ = 0;
  Names current_;
  Names durable_;
  std::set<std::string> durable_folders_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_DISK_MODEL_H_
