// Checks one key as fast as it can until standard input ends, and reports what it saw.
//
//   hammer ENDPOINT MANAGEMENT_KEY_FILE THREADS AFTER
//
// The first line of standard input is the key. Prints `ready` after the first million accepted
// checks. When the input ends, each thread makes AFTER more checks, and one JSON object is printed;
// times are CLOCK_BOOTTIME in nanoseconds.

#include <claviger/client.h>

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int64_t kReadyAfter = 1'000'000;
constexpr size_t kCodes = 11;  // one more than the largest DecisionCode

int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

struct Seen {
  std::array<int64_t, kCodes> checks{};
  int64_t last_accepted_start = 0;
  int64_t first_denied_end = std::numeric_limits<int64_t>::max();
  int64_t longest = 0;
};

void Hammer(claviger::Client& client, const std::string& key, const std::atomic<bool>& stop,
            int after, std::atomic<int64_t>& accepted, Seen& seen) {
  while (!stop.load() || after-- > 0) {
    const int64_t start = Now();
    const claviger::Decision decision = client.Check(key);
    const int64_t end = Now();
    ++seen.checks[static_cast<size_t>(decision.code())];
    seen.longest = std::max(seen.longest, end - start);
    if (decision.valid()) {
      seen.last_accepted_start = start;
      accepted.fetch_add(1, std::memory_order_relaxed);
    } else {
      seen.first_denied_end = std::min(seen.first_denied_end, end);
    }
  }
}

void Report(const std::vector<Seen>& all, int64_t started) {
  Seen sum;
  for (const Seen& seen : all) {
    for (size_t i = 0; i < kCodes; ++i) sum.checks[i] += seen.checks[i];
    sum.last_accepted_start = std::max(sum.last_accepted_start, seen.last_accepted_start);
    sum.first_denied_end = std::min(sum.first_denied_end, seen.first_denied_end);
    sum.longest = std::max(sum.longest, seen.longest);
  }
  std::cout << "{\"seconds\": " << static_cast<double>(Now() - started) / 1e9
            << ", \"last_accepted_start\": " << sum.last_accepted_start
            << ", \"first_denied_end\": " << sum.first_denied_end
            << ", \"longest\": " << sum.longest << ", \"checks\": {";
  const char* comma = "";
  for (size_t i = 1; i < kCodes; ++i) {
    if (sum.checks[i] == 0) continue;
    std::cout << comma << '"' << claviger::DecisionCodeName(static_cast<claviger::DecisionCode>(i))
              << "\": " << sum.checks[i];
    comma = ", ";
  }
  std::cout << "}}" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return EXIT_FAILURE;
  claviger::ClientOptions options;
  options.endpoints = {argv[1]};
  options.key_file = argv[2];
  options.plaintext = true;
  options.client_name = "hammer";
  auto client = claviger::Client::Create(std::move(options));
  if (!client.ok() || !(*client)->WaitForLease(absl::Seconds(20))) {
    std::cerr << client.status() << ", no lease" << std::endl;
    return EXIT_FAILURE;
  }
  std::string key;
  std::getline(std::cin, key);

  std::atomic<bool> stop{false};
  std::atomic<int64_t> accepted{0};
  std::vector<Seen> seen(static_cast<size_t>(std::atoi(argv[3])));
  const int64_t started = Now();
  std::vector<std::thread> threads;
  for (Seen& one : seen) {
    threads.emplace_back([&] { Hammer(**client, key, stop, std::atoi(argv[4]), accepted, one); });
  }
  while (accepted.load() < kReadyAfter) std::this_thread::yield();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  Report(seen, started);
  return EXIT_SUCCESS;
}
