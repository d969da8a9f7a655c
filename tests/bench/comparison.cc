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

absl::Status Summarize(const std::vector<double>& floors, const std::vector<double>& values,
                       Row& row) {
  std::vector<double> ratios;
  for (size_t i = 0; i < floors.size(); ++i) {
    if (floors[i] <= 0) return absl::InternalError("the floor measured nothing");
    ratios.push_back(values[i] / floors[i]);
  }
  row.set_floor(Median(floors));
  row.set_value(Median(values));
  row.set_ratio(Median(ratios));
  row.set_lowest_ratio(*std::min_element(ratios.begin(), ratios.end()));
  row.set_highest_ratio(*std::max_element(ratios.begin(), ratios.end()));
  const double judged = row.goal_is_of_value() ? row.value() : row.ratio();
  row.set_met(row.goal_is_minimum() ? judged >= row.goal() : judged <= row.goal());
  return absl::OkStatus();
}

absl::Status Compare(int rounds, const Measurement& floor, const Measurement& value, Row& row) {
  std::vector<double> floors;
  std::vector<double> values;
  for (int round = 0; round < rounds; ++round) {
    const bool floor_first = round % 2 == 0;
    const absl::StatusOr<double> first = floor_first ? floor() : value();
    if (!first.ok()) return first.status();
    const absl::StatusOr<double> second = floor_first ? value() : floor();
    if (!second.ok()) return second.status();
    floors.push_back(floor_first ? *first : *second);
    values.push_back(floor_first ? *second : *first);
    Progress(fmt::format("{} round {} of {}: floor {:.5g}, value {:.5g} {}, ratio {:.2f}", row.id(),
                         round + 1, rounds, floors.back(), values.back(), row.unit(),
                         values.back() / floors.back()));
  }
  return Summarize(floors, values, row);
}

}  // namespace claviger::bench
