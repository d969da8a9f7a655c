#!/usr/bin/env bash
# The story of a key, told with the command line against a running server. Each command is shown before it runs; one that ends
# otherwise than told ends the story. It can be told again and again.
# usage: demo.sh <claviger> <host:port> <file with a management key>
set -euo pipefail

claviger=$1
export CLAVIGER_SERVER=$2 CLAVIGER_KEY_FILE=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

tell() { printf '\n# %s\n' "$*"; }

# run <expected exit status> <argument>...: shows and runs `claviger <argument>...`.
run() {
  local expected=$1 status=0 word
  shift
  printf '$ claviger'
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_.:/-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
  done
  printf '\n'
  "$claviger" "$@" </dev/null || status=$?
  if ((status != expected)); then
    printf 'demo: that ended with status %d, not %d\n' "$status" "$expected" >&2
    exit 1
  fi
}

[[ $CLAVIGER_KEY_FILE == /* && -r $CLAVIGER_KEY_FILE ]] || {
  echo "demo: no management key in $CLAVIGER_KEY_FILE; name its file in CLAVIGER_KEY_FILE, with its whole path" >&2
  exit 1
}

tell "A project is what keys belong to; its catalog says which scopes its API has."
if "$claviger" project get demo >/dev/null 2>&1 </dev/null; then
  echo "(the project is there from the last time)"
else
  run 0 project create demo --name "Demo shop" --scope orders:read --scope orders:write
fi

tell "A key for the billing service, good for 90 days. It is shown once; here it goes into a file."
run 0 key issue --project demo --name billing --scope orders:read --scope orders:write --ttl 90d --key-out billing.key
id=$(cut -d _ -f 3 billing.key)

tell "May it write orders? It may."
run 0 verify --from billing.key --scope orders:write

tell "From now on it shall only read."
run 0 key scopes "$id" --remove orders:write

tell "May it write orders? Not any more: exit status 1."
run 1 verify --from billing.key --scope orders:write

tell "The key was found in a public log: stop it for good. When this returns, nobody accepts the key."
run 0 key revoke "$id" --reason compromised --note "found in a public log"

tell "May it at least read? No."
run 1 verify --from billing.key --scope orders:read

tell "What there is in the project now."
run 0 key list --project demo
