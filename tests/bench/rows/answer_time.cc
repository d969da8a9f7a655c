// P15: whether the time of a refusal tells which key ids there are.
//
// As the field does it: Welch's t-test over randomly interleaved samples, the slowest of which are
// left out (O. Reparaz, J. Balasch, I. Verbauwhede: Dude, is my code constant time?, DATE 2017).

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/key_format.h"
#include "core/platform/system_random.h"
#include "fmt/format.h"
#include "tests/bench/check_probe.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/rows/rows.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeys = 10'000;
constexpr size_t kSamples = 1'000'000;
constexpr size_t kSamplesQuick = 100'000;
constexpr size_t kWarmUp = 2'000;
// Share of the samples that are kept: what the machine did meanwhile is in the others.
constexpr double kKept = 0.9;
// Beyond it the difference is held to be real (ibid.).
constexpr double kMostT = 4.5;

// What is shown in turns, at random: two ids that no key has, and one that a key has.
enum Shown { kUnknown, kUnknownToo, kWrongSecret, kShownCount };
using Samples = std::array<std::vector<double>, kShownCount>;

struct Moments {
  double mean = 0;
  double variance = 0;
  double count = 0;
};

Moments MomentsUpTo(const std::vector<double>& samples, double most) {
  Moments moments;
  double sum_of_squares = 0;
  for (const double sample : samples) {
    if (sample > most) continue;
    ++moments.count;
    const double delta = sample - moments.mean;
    moments.mean += delta / moments.count;
    sum_of_squares += delta * (sample - moments.mean);
  }
  moments.variance = sum_of_squares / (moments.count - 1);
  return moments;
}

double WelchT(const Moments& a, const Moments& b) {
  return std::abs(a.mean - b.mean) / std::sqrt(a.variance / a.count + b.variance / b.count);
}

// Any key with this id, and a secret of its own.
absl::StatusOr<std::string> KeyWithId(const KeyId& id) {
  SystemRandom random;
  const absl::StatusOr<Secret> key = GenerateKey(kDefaultKeyPrefix, Environment::kLive, id, random);
  if (!key.ok()) return key.status();
  return std::string(key->ExposeSecret());
}

absl::StatusOr<std::string> KeyOfNobody() {
  SystemRandom random;
  const absl::StatusOr<KeyId> id = KeyId::Generate(random);
  if (!id.ok()) return id.status();
  return KeyWithId(*id);
}

absl::StatusOr<std::string> KeyWithWrongSecret(const KeySet& keys) {
  const absl::StatusOr<std::string> key = KeyAt(keys, 0);
  if (!key.ok()) return key.status();
  const std::optional<ParsedKey> parsed = ParseKey(*key);
  if (!parsed.has_value()) return absl::InternalError("the key file has no key");
  return KeyWithId(parsed->id);
}

absl::StatusOr<Samples> Sample(const ClavigerServer& server,
                               const std::array<std::string, kShownCount>& keys, size_t count) {
  CheckProbe probe(server);
  std::mt19937 random(1);
  Samples samples;
  for (size_t i = 0; i < kWarmUp + count; ++i) {
    const size_t shown = random() % kShownCount;
    const absl::StatusOr<double> took = probe.Check(keys[shown], v1::VERIFY_CODE_NOT_FOUND);
    if (!took.ok()) return took.status();
    if (i >= kWarmUp) samples[shown].push_back(*took);
  }
  return samples;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureAnswerTime(BenchEnvironment& environment) {
  const auto keys = MakeKeySet(environment, kKeys);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  std::array<std::string, kShownCount> shown;
  for (size_t i = 0; i < shown.size(); ++i) {
    absl::StatusOr<std::string> key = i == kWrongSecret ? KeyWithWrongSecret(*keys) : KeyOfNobody();
    if (!key.ok()) return key.status();
    shown[i] = *std::move(key);
  }
  const size_t count = environment.options().quick ? kSamplesQuick : kSamples;
  const auto samples = Sample(**server, shown, count);
  if (!samples.ok()) return samples.status();

  std::vector<double> all;
  for (const std::vector<double>& some : *samples) all.insert(all.end(), some.begin(), some.end());
  const auto most = all.begin() + static_cast<ptrdiff_t>(kKept * static_cast<double>(all.size()));
  std::nth_element(all.begin(), most, all.end());
  std::array<Moments, kShownCount> moments;
  for (size_t i = 0; i < moments.size(); ++i) moments[i] = MomentsUpTo((*samples)[i], *most);

  Row row;
  row.set_id("P15");
  row.set_measure("Welch's t, refusal of a wrong secret and of an unknown id");
  row.set_floor_name("the same of two unknown ids; the goal is the value's own");
  row.set_goal(kMostT);
  row.set_goal_is_minimum(false);
  row.set_goal_is_of_value(true);
  absl::Status summarized = Summarize({WelchT(moments[kUnknown], moments[kUnknownToo])},
                                      {WelchT(moments[kUnknown], moments[kWrongSecret])}, row);
  if (!summarized.ok()) return summarized;
  row.add_notes(fmt::format(
      "{} samples, of which the slowest tenth is left out; means: unknown ids {:.3f} and {:.3f} "
      "us, "
      "wrong secret {:.3f} us",
      count, moments[kUnknown].mean, moments[kUnknownToo].mean, moments[kWrongSecret].mean));
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
