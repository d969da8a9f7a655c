#include "tests/bench/comparison.h"

#include <algorithm>

#include "fmt/format.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

absl::Status Compare(int rounds, const Measurement& floor, const Measurement& value, Row& row) {
  std::vector<double> floors;
  std::vector<double> values;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const bool floor_first = round % 2 == 0;
    const absl::StatusOr<double> first = floor_first ? floor() : value();
    if (!first.ok()) return first.status();
    const absl::StatusOr<double> second = floor_first ? value() : floor();
    if (!second.ok()) return second.status();
    floors.push_back(floor_first ? *first : *second);
    values.push_back(floor_first ? *second : *first);
    if (floors.back() <= 0) return absl::InternalError("the floor measured nothing");
    ratios.push_back(values.back() / floors.back());
    Progress(fmt::format("{} round {} of {}: floor {:.0f}, value {:.0f} {}, ratio {:.2f}", row.id(),
                         round + 1, rounds, floors.back(), values.back(), row.unit(),
                         ratios.back()));
  }
  row.set_floor(Median(floors));
  row.set_value(Median(values));
  row.set_ratio(Median(ratios));
  row.set_lowest_ratio(*std::min_element(ratios.begin(), ratios.end()));
  row.set_highest_ratio(*std::max_element(ratios.begin(), ratios.end()));
  row.set_met(row.goal_is_minimum() ? row.ratio() >= row.goal() : row.ratio() <= row.goal());
  return absl::OkStatus();
}

}  // namespace claviger::bench
