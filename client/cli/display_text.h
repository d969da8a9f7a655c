// Text from a server made fit for a terminal: nothing in it moves the cursor, and its width is
// counted in columns, not bytes.
#ifndef CLAVIGER_CLIENT_CLI_DISPLAY_TEXT_H_
#define CLAVIGER_CLIENT_CLI_DISPLAY_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace claviger::cli {

// `text` with what a terminal would obey instead of show written out: control characters and bytes
// that are not UTF-8 as `\x1b`, bidirectional overrides and line separators as `\u{202e}`.
std::string EscapeForTerminal(std::string_view text);

// Columns that `text` takes: 2 for East Asian wide characters and emoji, 0 for combining marks,
// else 1. REQUIRES: escaped by `EscapeForTerminal`.
size_t DisplayWidth(std::string_view text);

// `text` as it is when it takes at most `width` columns, else its beginning with `…` at the end, in
// at most `width` columns. Never cuts a character.
std::string Truncate(std::string_view text, size_t width);

// `text` broken at spaces into lines of at most `width` columns (at least 1); words that are wider
// are cut. One line at least.
std::vector<std::string> Wrap(std::string_view text, size_t width);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_DISPLAY_TEXT_H_
