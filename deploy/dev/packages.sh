# Sourced by `dev`: what has to be installed, and installing what of it is missing.
# shellcheck shell=bash

readonly run_packages=(
  build-essential ccache cmake ninja-build pkg-config
  protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libgrpc-dev libgrpc++-dev libabsl-dev
  librocksdb-dev libssl-dev zlib1g-dev prometheus-cpp-dev libcivetweb-dev libspdlog-dev libfmt-dev libcli11-dev)
readonly test_packages=(libgtest-dev libgmock-dev libbenchmark-dev libpcre2-8-0 python3 python3-grpcio python3-grpc-tools spin)
readonly lint_packages=(clang-14 clang-format-14 git npm python3 shellcheck)
readonly sanitizer_packages=(clang-14 libclang-rt-14-dev lld-14 llvm-14 python3)
readonly grpcurl_version=v1.9.3
readonly buf_version=1.50.0

# missing_packages <package>...: those that are not installed, each once, in one line.
missing_packages() {
  local package
  declare -A installed=()
  while read -r package; do installed[$package]=1; done < <(
    # shellcheck disable=SC2016  # dpkg-query's own placeholders
    dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
  for package in "$@"; do
    # A node that came with its own npm serves as well as Debian's.
    [[ $package == npm ]] && command -v npm >/dev/null && continue
    [[ -n ${installed[$package]:-} ]] || printf '%s ' "$package"
    installed[$package]=1
  done
}

# as_root <command>...: runs it as root; sudo may ask for a password.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Reads what apt-get reports about its progress, and redraws one line with it.
show_apt_steps() {
  local kind percent
  while IFS=: read -r kind _ percent _; do
    case $kind in
      dlstatus) printf '\rdownloading packages: %3d %% ' "${percent%.*}" ;;
      pmstatus) printf '\rsetting up packages: %3d %% ' "${percent%.*}" ;;
    esac
  done
  printf '\r\033[K'
}

# Runs apt-get without questions; shows its progress on a terminal, its output only if it fails.
apt_quiet() {
  local log=$log_dir/apt.log
  local command=(as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    bash -c 'exec apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o APT::Status-Fd=3 "$@" 3>&1' apt "$@")
  mkdir -p "$log_dir"
  if on_terminal; then
    "${command[@]}" 2>&1 </dev/null | tee "$log" |
      show_apt_steps
  else
    "${command[@]}" >"$log" 2>&1 </dev/null
  fi || {
    grep -vE '^(dl|pm)status:' "$log" | grep -E '^(E|W|Err):?|error' >&2 || tail -n 20 "$log" >&2
    warn "(all of it: $log)"
    return 1
  }
}

# install_packages <package>...: installs what is missing of them; says nothing when nothing is.
install_packages() {
  [[ -z ${CLAVIGER_SKIP_SETUP:-} ]] || return 0
  command -v dpkg-query >/dev/null || refuse_system
  local missing started=$SECONDS
  missing=$(missing_packages "$@")
  [[ -n $missing ]] || return 0
  is_debian_12 || refuse_system
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "packages are missing, and installing them needs root or sudo. As root, type:" \
      "apt-get update && apt-get install --no-install-recommends $missing"
  fi
  local names
  read -ra names <<<"$missing"
  say "installing ${#names[@]} packages: ${names[*]}"
  apt_quiet update || die "apt-get update failed; is the package mirror within reach?"
  apt_quiet install --no-install-recommends "${names[@]}" || die "apt-get install failed"
  say "installed in $((SECONDS - started)) s"
}

is_debian_12() {
  grep -qs '^ID=debian' /etc/os-release && grep -qs '^VERSION_ID="12"' /etc/os-release
}

refuse_system() {
  local name=this
  # shellcheck source=/dev/null
  [[ -r /etc/os-release ]] && name=$(. /etc/os-release && printf '%s' "$PRETTY_NAME")
  die "$name is not Debian 12, so nothing was installed." \
    "Install what these packages hold, then type: CLAVIGER_SKIP_SETUP=1 ./dev $subcommand" \
    "  ${run_packages[*]}" \
    "  for the tests: ${test_packages[*]}"
}

# A Prometheus to scrape with. Taken out of its package: installing that would start a service on this machine.
fetch_prometheus() {
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then return 0; fi
  [[ -x $tools_dir/prometheus/usr/bin/promtool ]] && return 0
  mkdir -p "$tools_dir/prometheus"
  run_logged "fetching prometheus" prometheus unpack_package prometheus "$tools_dir/prometheus" ||
    warn "without it the Prometheus test is skipped"
}

# An nginx to put in front, taken out of its package for the same reason. What it needs beside the C library is installed with us.
fetch_nginx() {
  if command -v nginx >/dev/null || [[ -x $tools_dir/nginx/usr/sbin/nginx ]]; then return 0; fi
  mkdir -p "$tools_dir/nginx"
  run_logged "fetching nginx" nginx unpack_package nginx "$tools_dir/nginx" ||
    warn "without it the nginx tests are skipped"
}

# unpack_package <package> <folder>: downloads it and unpacks it there.
unpack_package() {
  (cd "$2" && apt-get download -q "$1" && dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb)
}

# grpcurl, where there is Go to build it with.
fetch_grpcurl() {
  if command -v grpcurl >/dev/null || [[ -x $tools_dir/bin/grpcurl ]]; then return 0; fi
  command -v go >/dev/null || return 0
  mkdir -p "$tools_dir/bin"
  run_logged "building grpcurl $grpcurl_version" grpcurl env GOBIN="$tools_dir/bin" GOFLAGS=-buildvcs=false \
    go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" ||
    warn "without it the grpcurl tests are skipped"
}

# buf, from the npm registry.
fetch_buf() {
  local buf=$tools_dir/buf/node_modules/.bin/buf
  [[ -x $buf && $("$buf" --version 2>/dev/null) == "$buf_version" ]] && return 0
  mkdir -p "$tools_dir/buf"
  run_logged "fetching buf $buf_version" buf \
    npm install --prefix "$tools_dir/buf" --no-save --no-audit --no-fund --loglevel=error "@bufbuild/buf@$buf_version"
}
