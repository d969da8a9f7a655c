// Tables and lists of fields that fit the terminal.
#ifndef CLAVIGER_CLIENT_CLI_TABLE_H_
#define CLAVIGER_CLIENT_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace claviger::cli {

// What a cell means, shown as a colour where there are colours.
enum class Tone { kPlain, kGood, kCaution, kBad };

// `text` in the colour of `tone`, or as it is without `color`.
std::string Painted(const std::string& text, Tone tone, bool color);

// One cell. The text is escaped when it is put into a table.
struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

// One column.
struct Column {
  std::string header;
  // Columns that it can shrink to before others are left out; 0: it does not shrink (an id that
  // somebody will copy).
  size_t min_width = 0;
  // Where there is no room for all, those with the highest number go first; 0 always stays.
  int dispensable = 0;
};

// How wide each column becomes in `width` columns with two spaces between them: `natural` widths
// where they fit, else the widest are narrowed down to their minimum; what does not fit then is
// left out (width 0), the most dispensable first.
std::vector<size_t> FitColumns(const std::vector<Column>& columns,
                               const std::vector<size_t>& natural, size_t width);

// Rows under headers.
//
// Thread safety: like a std::vector.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as columns.
  void AddRow(std::vector<Cell> cells);

  // The lines, headers first, none wider than `width`, each ended by a newline.
  std::string Render(size_t width, bool color) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Names and values, one to a line; long values go on in the next line.
//
// Thread safety: like a std::vector.
class FieldList {
 public:
  // Adds a field; an empty value is left out.
  void Add(std::string_view name, std::string_view value, Tone tone = Tone::kPlain);

  std::string Render(size_t width, bool color) const;

 private:
  struct Field {
    std::string name;
    Cell value;
  };

  std::vector<Field> fields_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_TABLE_H_
