#include "client/cli/table.h"

#include <algorithm>
#include <numeric>

#include "client/cli/display_text.h"

namespace claviger::cli {
namespace {

constexpr std::string_view kGap = "  ";

std::string_view ColorOf(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kCaution:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kPlain:
      break;
  }
  return "";
}

size_t TotalWidth(const std::vector<size_t>& widths) {
  const auto shown = static_cast<size_t>(
      std::count_if(widths.begin(), widths.end(), [](size_t width) { return width > 0; }));
  const size_t gaps = shown > 0 ? (shown - 1) * kGap.size() : 0;
  return std::accumulate(widths.begin(), widths.end(), gaps);
}

size_t MinimumOf(const Column& column, size_t natural) {
  return column.min_width == 0 ? natural : std::min(column.min_width, natural);
}

// Narrows the widest column that can still be narrowed by one. False when there is none.
bool NarrowWidest(const std::vector<size_t>& minimum, std::vector<size_t>& widths) {
  size_t* widest = nullptr;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] > minimum[i] && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
  }
  if (widest == nullptr) return false;
  --*widest;
  return true;
}

// Index of the column to leave out next, or columns.size().
size_t MostDispensable(const std::vector<Column>& columns, const std::vector<size_t>& widths) {
  size_t found = columns.size();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (widths[i] == 0 || columns[i].dispensable == 0) continue;
    if (found == columns.size() || columns[i].dispensable > columns[found].dispensable) found = i;
  }
  return found;
}

void TrimTrailingSpaces(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

std::string RenderRow(const std::vector<Cell>& cells, const std::vector<size_t>& widths,
                      bool color) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (widths[i] == 0) continue;
    if (!line.empty()) line += kGap;
    const std::string text = Truncate(cells[i].text, widths[i]);
    line += Painted(text, cells[i].tone, color);
    line.append(widths[i] - DisplayWidth(text), ' ');
  }
  TrimTrailingSpaces(line);
  return line + '\n';
}

}  // namespace

std::string Painted(const std::string& text, Tone tone, bool color) {
  const std::string_view start = ColorOf(tone);
  if (!color || start.empty()) return text;
  return std::string(start) + text + "\x1b[0m";
}

std::vector<size_t> FitColumns(const std::vector<Column>& columns,
                               const std::vector<size_t>& natural, size_t width) {
  std::vector<size_t> minimum;
  for (size_t i = 0; i < columns.size(); ++i) {
    minimum.push_back(MinimumOf(columns[i], natural[i]));
  }
  // Leave out until the minimum widths fit, …
  while (TotalWidth(minimum) > width) {
    const size_t victim = MostDispensable(columns, minimum);
    if (victim == columns.size()) break;
    minimum[victim] = 0;
  }
  std::vector<size_t> widths = natural;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (minimum[i] == 0) widths[i] = 0;
  }
  // … then narrow what is left, in a terminal that is too narrow even below the minimum.
  while (TotalWidth(widths) > width && NarrowWidest(minimum, widths)) {
  }
  const std::vector<size_t> one(widths.size(), 1);
  while (TotalWidth(widths) > width && NarrowWidest(one, widths)) {
  }
  return widths;
}

void Table::AddRow(std::vector<Cell> cells) {
  for (Cell& cell : cells) cell.text = EscapeForTerminal(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::Render(size_t width, bool color) const {
  std::vector<size_t> natural;
  std::vector<Cell> headers;
  for (const Column& column : columns_) {
    natural.push_back(DisplayWidth(column.header));
    headers.push_back({column.header});
  }
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      natural[i] = std::max(natural[i], DisplayWidth(row[i].text));
    }
  }
  const std::vector<size_t> widths = FitColumns(columns_, natural, width);
  std::string text = RenderRow(headers, widths, false);
  for (const std::vector<Cell>& row : rows_) text += RenderRow(row, widths, color);
  return text;
}

void FieldList::Add(std::string_view name, std::string_view value, Tone tone) {
  if (value.empty()) return;
  fields_.push_back({std::string(name), {EscapeForTerminal(value), tone}});
}

std::string FieldList::Render(size_t width, bool color) const {
  size_t name_width = 0;
  for (const Field& field : fields_) name_width = std::max(name_width, DisplayWidth(field.name));
  const size_t indent = name_width + kGap.size();
  const size_t value_width = width > indent + 8 ? width - indent : 8;
  std::string text;
  for (const Field& field : fields_) {
    std::string lead = field.name + std::string(indent - DisplayWidth(field.name), ' ');
    for (const std::string& line : Wrap(field.value.text, value_width)) {
      text += lead + Painted(line, field.value.tone, color) + '\n';
      lead.assign(indent, ' ');
    }
  }
  return text;
}

}  // namespace claviger::cli
