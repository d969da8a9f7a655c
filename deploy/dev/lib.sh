# Sourced by `dev` and the scripts beside this one: messages, and long steps that show progress instead of their whole output.
# shellcheck shell=bash

readonly grpc_address=127.0.0.1:7420
readonly http_address=127.0.0.1:7421
readonly build_dir=$root/build/release
readonly tools_dir=$root/build/tools
readonly log_dir=$root/build/log

say() { printf '%s\n' "$*"; }

warn() { printf '%s\n' "$*" >&2; }

die() {
  warn "dev: $1"
  shift
  local line
  for line in "$@"; do warn "     $line"; done
  exit 1
}

# Whether standard output is a terminal that can redraw a line.
on_terminal() { [[ -t 1 && ${TERM:-dumb} != dumb && -z ${CI:-} ]]; }

# run_logged <what> <log name> <command>...: runs the command with its output in a log file; shows the log's end if it fails.
run_logged() {
  local what=$1 log=$log_dir/$2.log started=$SECONDS
  shift 2
  mkdir -p "$log_dir"
  printf '%s ... ' "$what"
  if "$@" >"$log" 2>&1 </dev/null; then
    say "done ($((SECONDS - started)) s)"
  else
    say "failed"
    tail -n 30 "$log" >&2
    warn "(all of it: $log)"
    return 1
  fi
}

# show_steps <what> [quiet]: reads the output of ninja or ctest and shows how far it is: one line that is redrawn on a terminal,
# else a line at every tenth. Errors and warnings are shown as they are, a failed step's name too, but not its command line;
# with `quiet` only tests that failed are. (Not awk: Debian's reads a pipe in blocks, and so shows nothing for minutes.)
show_steps() {
  local what=$1 quiet=${2:-} redraw=0 line shown=-1 open=0 skip=0
  if on_terminal; then redraw=1; fi
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] || $line =~ ^\ *([0-9]+)/([0-9]+)\ Test\ +\# ]]; then
      local finished=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
      if ((redraw)); then
        printf '\r%s ... %d/%d ' "$what" "$finished" "$all"
        open=1
      elif ((finished * 10 / all != shown)); then
        shown=$((finished * 10 / all))
        printf '%s ... %d %%\n' "$what" $((shown * 10))
      fi
      [[ $line == *'***'* && $line != *'***Skipped'* ]] || continue
    elif ((skip)); then
      skip=0
      continue
    elif [[ $line =~ ^\ +Start\ +[0-9]+: || $line == 'ninja: no work to do.' || -n $quiet ]]; then
      continue
    fi
    [[ $line == FAILED:* ]] && skip=1
    ((open)) && printf '\n'
    open=0
    printf '%s\n' "$line"
  done
  if ((open)); then printf '\n'; fi
}

# port_taken <host:port>: whether something listens there.
port_taken() { (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null; }

# http_get <host:port> <path>: prints the status code of an HTTP GET, or nothing when nobody answers.
http_get() {
  local status
  {
    exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || return 0
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&3
    read -r -t 5 _ status _ <&3 || true
    exec 3>&- 3<&-
  } 2>/dev/null
  printf '%s' "${status:-}"
}

# wait_ready <http address> <pid>: waits until the server answers /readyz with 200; fails when it exits or needs over 30 s.
wait_ready() {
  local deadline=$((SECONDS + 30))
  until [[ $(http_get "$1" /readyz) == 200 ]]; do
    kill -0 "$2" 2>/dev/null || return 1
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# Our C++ files, separated by NUL; third parties' and generated ones are not among them.
cxx_sources() { project_files '*.cc' '*.h'; }

# project_files <pattern>...: files of the work tree that git tracks or would track, separated by NUL.
project_files() {
  local file
  while IFS= read -r -d '' file; do
    [[ -f $file ]] && printf '%s\0' "$file"
  done < <(git ls-files -z --cached --others --exclude-standard -- "$@" ':!proto/third_party')
}
