#include "tests/bench/report.h"

#include <algorithm>
#include <fstream>

#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace claviger::bench {
namespace {

// Above this share of the machine, what other programs do shows in the ratios.
constexpr double kMuchOtherLoad = 0.05;

std::string Figure(double value, const std::string& unit) {
  return value < 100 ? fmt::format("{:.1f} {}", value, unit)
                     : fmt::format("{:.0f} {}", value, unit);
}

std::string Goal(const Row& row) {
  return fmt::format("{} {}", row.goal_is_minimum() ? ">=" : "<=",
                     row.goal_is_of_value() ? fmt::format("{:.3g} {}", row.goal(), row.unit())
                                            : fmt::format("{:.2f}", row.goal()));
}

void AppendLine(const Row& row, size_t measure_width, std::string& out) {
  out += fmt::format("{:<4} {:<{}} {:>14} {:>14} {:>6.2f} ({:.2f} to {:.2f})  {:<9} {}\n", row.id(),
                     row.measure(), measure_width, Figure(row.floor(), row.unit()),
                     Figure(row.value(), row.unit()), row.ratio(), row.lowest_ratio(),
                     row.highest_ratio(), Goal(row), row.met() ? "yes" : "NO");
}

}  // namespace

std::string RenderReport(const Report& report) {
  const Machine& machine = report.machine();
  std::string out =
      fmt::format("\n{} x {}, {}\n{}; gRPC {}, RocksDB {}, OpenSSL {}; {} run\n\n", machine.cores(),
                  machine.cpu(), machine.kernel(), machine.compiler(), machine.grpc(),
                  machine.rocksdb(), machine.openssl(), report.quick() ? "quick" : "full");
  if (report.other_load() > kMuchOtherLoad) {
    out += fmt::format(
        "Other programs took {:.0f} % of the processors meanwhile: the figures are not to be "
        "relied on.\n\n",
        100 * report.other_load());
  }
  size_t width = 8;
  for (const Row& row : report.rows()) width = std::max(width, row.measure().size());
  out += fmt::format("{:<4} {:<{}} {:>14} {:>14} {:>6} {:<15} {:<9} {}\n", "row", "measure", width,
                     "floor", "value", "ratio", "(of the rounds)", "goal", "met");
  for (const Row& row : report.rows()) AppendLine(row, width, out);
  out += "\n";
  const Row* previous = nullptr;
  for (const Row& row : report.rows()) {
    // Rows that were measured together have the same floor.
    if (previous == nullptr || row.id() != previous->id()) {
      out += fmt::format("{}: the floor is {}.\n", row.id(), row.floor_name());
    }
    previous = &row;
    for (const std::string& note : row.notes()) out += fmt::format("    {}\n", note);
  }
  return out;
}

absl::Status WriteJson(const Report& report, const std::string& file) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(report, &json, options).ok()) {
    return absl::InternalError("the report cannot be written as JSON");
  }
  std::ofstream out(file, std::ios::trunc);
  out << json;
  out.close();
  return out ? absl::OkStatus() : absl::InternalError(fmt::format("cannot write {}", file));
}

}  // namespace claviger::bench
