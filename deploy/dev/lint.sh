#!/usr/bin/env bash
# The checks of `./dev lint`, which installs what they need and generates the code. Runs all of them, then says which failed.
# usage: lint.sh [--all]; with --all clang reads the tests too
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
[[ -z ${1:-} || $1 == --all ]] || {
  echo "usage: lint.sh [--all]" >&2
  exit 2
}
# shellcheck source=deploy/dev/lib.sh
. "$root/deploy/dev/lib.sh"
# shellcheck source=deploy/dev/packages.sh
. "$root/deploy/dev/packages.sh"

readonly max_lines=400
readonly clang_options=(${1:+--tests})
exec 3>&1
readonly buf_program=$tools_dir/buf/node_modules/.bin/buf

check_format() {
  local told
  told=$(cxx_sources | xargs -0 clang-format-14 --dry-run -Werror 2>&1) && return 0
  grep -E 'error:' <<<"$told" | cut -d : -f 1 | uniq -c | awk '{ print $2 ": " $1 " places" }'
  say "./dev fmt puts it right"
  return 1
}

# Scripts are told by their first line; what they source is checked with them.
check_scripts() {
  local file scripts=()
  while IFS= read -r -d '' file; do
    [[ $(head -c 64 "$file" | head -n 1 | tr -d '\0') =~ ^#!.*[/\ ](ba)?sh$ ]] && scripts+=("$file")
  done < <(project_files)
  shellcheck -x "${scripts[@]}"
}

check_api() { "$buf_program" lint; }

# The version to compare the API with: main, or the commit before when this is main.
previous_version() {
  local candidate head
  head=$(git rev-parse --verify -q HEAD) || return 0
  for candidate in origin/main main HEAD~1; do
    candidate=$(git rev-parse --verify -q "$candidate^{commit}") || continue
    [[ $candidate != "$head" ]] || continue
    if [[ -n $(git ls-tree "$candidate" -- buf.yaml) ]]; then printf '%s' "$candidate"; fi
    return 0
  done
}

check_api_compatible() {
  local previous against
  previous=$(previous_version)
  if [[ -z $previous ]]; then
    say "no earlier version to compare with"
    return 0
  fi
  against=$root/build/previous-api
  rm -rf "$against"
  mkdir -p "$against"
  git archive "$previous" proto buf.yaml | tar -x -C "$against"
  "$buf_program" breaking --against "$against"
}

check_length() {
  cxx_sources | xargs -0 wc -l | awk -v max="$max_lines" '
    $2 != "total" && $1 > max { print $2 ": " $1 " lines, at most " max; bad = 1 } END { exit bad }'
}

# Paths of the machine that a file was written on, and addresses of package registries, belong in no file of the project.
check_words() {
  local words='/(work|home/[a-z]+|root)/|https?://(deb|registry|proxy|repo1?)\.'
  ! project_files | xargs -0 grep -nIE "$words" -- | grep -v '^deploy/dev/lint\.sh:' | grep .
}

check_layers() { /usr/bin/python3 tests/layers/check_layers.py --self-test && /usr/bin/python3 tests/layers/check_layers.py; }

# Takes minutes the first time, so it shows how far it is.
check_clang() {
  /usr/bin/python3 deploy/dev/clang_check.py "${clang_options[@]}" "$build_dir" 2>&1 | show_steps "reading with clang" >&3
}

failed=()
skipped=()
# check <what> <function>: runs a check and says how it went; its output only if it fails.
check() {
  local output status=0 started=$SECONDS
  output=$(
    set -e
    "$2" 2>&1
  ) || status=$?
  if ((status == 0)); then
    say "ok      $1 ($((SECONDS - started)) s)${output:+: $(tail -n 1 <<<"$output")}"
  else
    say "FAILED  $1"
    say "$output"
    failed+=("$1")
  fi
}

check "format (clang-format-14)" check_format
check "shell scripts (shellcheck)" check_scripts
check "files of at most $max_lines lines" check_length
check "machine paths and registry hosts" check_words
check "layers" check_layers
if fetch_buf; then
  check "API rules (buf lint)" check_api
  check "API compatible with the last version (buf breaking)" check_api_compatible
elif [[ -n ${CI:-} ]]; then
  failed+=("buf could not be installed")
else
  skipped+=("buf lint and buf breaking: buf could not be installed")
fi
check "clang-14, all warnings, thread safety" check_clang

for line in "${skipped[@]}"; do say "SKIPPED $line"; done
if ((${#failed[@]})); then
  say "lint: ${#failed[@]} of the checks failed"
  exit 1
fi
say "lint: all checks passed"
