// Whoever steals the database has no key, nor anything to try keys against.

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/digest.h"
#include "core/key_format.h"
#include "fmt/format.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

constexpr int kKeys = 10'000;
// So many calls are under way at a time, which lets the store write them in few batches.
constexpr int kCallers = 16;
// Half of a secret, of 43 characters.
constexpr size_t kNeedle = kSecretLength / 2;
// Raw bytes are looked for by their first half.
constexpr size_t kRawNeedle = 16;

// Finds many texts of one length in one pass.
class Needles {
 public:
  explicit Needles(size_t length) : length_(length) {}

  void Add(std::string_view text) {
    texts_.emplace_back(text.substr(0, length_));
    views_.insert(texts_.back());
  }
  // How many of them stand in `haystack`.
  size_t CountIn(std::string_view haystack) const {
    std::unordered_set<std::string_view> found;
    for (size_t at = 0; at + length_ <= haystack.size(); ++at) {
      const auto it = views_.find(haystack.substr(at, length_));
      if (it != views_.end()) found.insert(*it);
    }
    return found.size();
  }
  size_t size() const { return views_.size(); }

 private:
  const size_t length_;
  std::deque<std::string> texts_;  // stay where they are
  std::unordered_set<std::string_view> views_;
};

class StolenStoreTest : public ServerTest {
 protected:
  // Every third one with an answer that is kept, sealed, for a retry.
  std::vector<std::string> IssueMany() {
    std::vector<std::string> keys(kKeys);
    std::atomic<int> next = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kCallers; ++i) {
      threads.emplace_back([&, caller = root()] {
        for (int n = next++; n < kKeys; n = next++) {
          v1::IssueKeyRequest request = NewKey("default", {"a"});
          if (n % 3 == 0) request.set_request_id(fmt::format("00000000-0000-4000-8000-{:012}", n));
          const auto issued = caller.Call(request);
          if (issued.ok()) keys[static_cast<size_t>(n)] = issued->key();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return keys;
  }
};

TEST_F(StolenStoreTest, NoneOfTenThousandSecretsNorAHalfOfOneIsOnTheDisk) {
  const std::vector<std::string> keys = IssueMany();
  Needles halves(kNeedle);
  Needles hashes(kRawNeedle);
  Needles ids(kKeyIdLength);
  for (const std::string& key : keys) {
    ASSERT_EQ(key.size(), keys.front().size()) << "all were issued";
    const std::string_view secret =
        std::string_view(key).substr(key.size() - kSecretLength - kChecksumLength, kSecretLength);
    halves.Add(secret);
    halves.Add(secret.substr(kSecretLength - kNeedle));
    // With it a guess could be tried without the pepper.
    const Sha256Bytes hash = Sha256(key);
    hashes.Add(AsBytes(hash));
    ids.Add(std::string_view(key).substr(key.size() - kSecretLength - kChecksumLength - 1 -
                                         kKeyIdLength));
  }
  ASSERT_EQ(halves.size(), 2u * kKeys);
  // Some are checked, so that also what a check leaves behind is looked at.
  for (size_t i = 0; i < keys.size(); i += 500) EXPECT_EQ(CodeOf(keys[i]), v1::VERIFY_CODE_VALID);
  server_.Stop();

  size_t ids_found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.data_dir())) {
    if (!entry.is_regular_file() || entry.path().filename() == "root.key") continue;
    const std::string bytes = ReadFile(entry.path().string());
    if (entry.path().filename() == "ballast") {
      EXPECT_EQ(bytes.find_first_not_of('\0'), std::string::npos);
      continue;
    }
    EXPECT_EQ(halves.CountIn(bytes), 0u) << entry.path();
    EXPECT_EQ(hashes.CountIn(bytes), 0u) << entry.path();
    ids_found = std::max(ids_found, ids.CountIn(bytes));
  }
  // What the search is worth: the ids, which are no secret, it does find.
  EXPECT_EQ(ids_found, static_cast<size_t>(kKeys));
}

}  // namespace
}  // namespace claviger
