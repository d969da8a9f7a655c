# Sourced by `dev`: the builds with sanitizers, and the fuzzers, which are a part of that with AddressSanitizer.
# shellcheck shell=bash

# Suites that take real time, or look at nothing of ours.
readonly not_with_sanitizers='abuse|crash|e2e|faults|history|model|layers'

# sanitizer_build <preset> <what> <target>...: makes the tree of the preset and builds the targets in it.
sanitizer_build() {
  local preset=$1 what=$2 tree=$root/build/$1
  shift 2
  install_packages "${run_packages[@]}" "${test_packages[@]}" "${sanitizer_packages[@]}"
  if [[ ! -f $tree/build.ninja ]]; then
    run_logged "configuring $preset" "configure-$preset" cmake --preset "$preset" || die "cmake could not configure the build"
  fi
  build "$what" "$@"
}

# test_with_sanitizers <preset>[,<preset>...] <ctest argument>...: the unit, contract, integration and simulation suites, and
# with asan the fuzzers, a few seconds each.
test_with_sanitizers() {
  local presets preset without files=()
  IFS=, read -ra presets <<<"$1"
  shift
  for preset in "${presets[@]}"; do
    without=$not_with_sanitizers
    case $preset in
      asan) sanitizer_build asan "building with asan" claviger_suites claviger_fuzzers ;;
      tsan | ubsan)
        sanitizer_build "$preset" "building with $preset" claviger_suites
        without+='|fuzz'
        ;;
      *) die "there is no sanitizer '$preset'; there are asan (addresses and undefined behaviour), tsan (races) and ubsan" ;;
    esac
    run_ctest "$root/build/$preset" "testing with $preset" -LE "$without" "$@"
    files+=("$root/build/$preset/test-results.xml")
  done
  /usr/bin/python3 deploy/dev/summarize_tests.py "${files[@]}"
}
