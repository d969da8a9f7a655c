#!/usr/bin/env bash
# Runs the fuzzers, which `./dev fuzz` builds.
# usage: fuzz.sh <build folder> [--minutes N] [--keep] [target...]
#   --minutes N  in all, shared by the targets (1); as many run at once as there are cores
#   --keep       then put what reached new code into tests/fuzz/corpus, as few inputs as do
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
# shellcheck source=deploy/dev/lib.sh
. "$root/deploy/dev/lib.sh"

build=$1
shift
minutes=1
keep=0
targets=()
while (($#)); do
  case $1 in
    --minutes)
      minutes=${2:-}
      shift
      ;;
    --minutes=*) minutes=${1#*=} ;;
    --keep) keep=1 ;;
    -*) die "usage: ./dev fuzz [--minutes N] [--keep] [target...]" ;;
    *) targets+=("$1") ;;
  esac
  shift
done
[[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] || die "--minutes: must be a number of minutes from 1 on"
if ((${#targets[@]} == 0)); then
  for file in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" _fuzz.cc)"); done
fi
for target in "${targets[@]}"; do
  [[ -x $build/bin/claviger_fuzz_$target ]] || die "there is no target '$target' in tests/fuzz"
done

# command_of <target>: prints the command line of its test, word by word: the limits that CMake has for it.
command_of() {
  local words
  words=$(ctest --test-dir "$build" --show-only=json-v1 -R "^fuzz\\.$1\\.corpus\$" | /usr/bin/python3 -c '
import json, sys
print("\n".join(json.load(sys.stdin)["tests"][0]["command"]))')
  grep -v -e '^-runs=' -e "^$root/tests/fuzz/" <<<"$words"
}

cores=$(nproc)
seconds=$((minutes * 60 * cores / ${#targets[@]}))
((seconds > 0)) || seconds=1
logs=$log_dir/fuzz
mkdir -p "$logs"
say "${#targets[@]} targets, $seconds s each, $cores at once"

# fuzz <target>: looks for something new; says what came of it.
fuzz() {
  local target=$1 command status=0 found=$build/fuzz/corpus/$1 kept=tests/fuzz/corpus/$1
  mapfile -t command < <(command_of "$target")
  mkdir -p "$found" "$kept"
  "${command[@]}" -max_total_time="$seconds" -print_final_stats=1 "$found" "$kept" >"$logs/$target.log" 2>&1 </dev/null || status=$?
  local runs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target.log")
  if ((status == 0)); then
    say "ok      $target: ${runs:-0} inputs"
    return 0
  fi
  say "FAILED  $target: $(grep -m 1 -E 'does not hold|ERROR: |runtime error' "$logs/$target.log" || echo "status $status")"
  say "        input: $(sed -n 's/.*Test unit written to //p' "$logs/$target.log" | tail -n 1)"
  say "        again: ${command[0]} INPUT; all it said: $logs/$target.log"
  say "        once mended, the input belongs into $kept"
  return 1
}

failed=0
running=0
for target in "${targets[@]}"; do
  if ((running >= cores)); then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait -n || failed=1
  running=$((running - 1))
done

# Edges alone, without how often each was passed: a few inputs a target, not hundreds.
if ((keep && !failed)); then
  for target in "${targets[@]}"; do
    mapfile -t command < <(command_of "$target")
    "${command[@]}" -merge=1 -use_counters=0 "tests/fuzz/corpus/$target" "$build/fuzz/corpus/$target" >"$logs/$target.merge.log" 2>&1 </dev/null ||
      die "$target: could not merge; see $logs/$target.merge.log"
    say "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs are kept"
  done
fi
exit "$failed"
