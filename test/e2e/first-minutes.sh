#!/usr/bin/env bash
# Runs what the README tells a new user to run, taken from the README itself: `npm start`, then every `sh` block and the
# `python` block, against a node with the default ports in a copy-free checkout with no kmipd-data folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -e kmipd-data ]; then echo "kmipd-data is there already: not a first start" >&2; exit 1; fi
log=$(mktemp)
npm start >"$log" 2>&1 &
starter=$!
server=
finish() {
  status=$?
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait "$starter" 2>/dev/null || true
  if [ "$status" != 0 ]; then cat "$log"; fi
  rm -rf kmipd-data "$log" array-credential README.sealed README.opened
  exit "$status"
}
trap finish EXIT

for _ in $(seq 100); do
  if curl -sf http://127.0.0.1:5697/readyz >/dev/null; then break; fi
  sleep 0.2
done
curl -sf http://127.0.0.1:5697/readyz >/dev/null
server=$(pgrep -P "$starter" | head -1)

block() { awk -v kind="$1" '$0 == "```" kind { inside = 1; next } $0 == "```" { inside = 0 } inside' README.md; }
echo "--- README, sh blocks"
block sh | bash -euxo pipefail -s
echo "--- README, python block"
if /usr/bin/python3 -c 'import kmip' 2>/dev/null; then
  block python | /usr/bin/python3 -
elif [ "${CI:-}" = true ]; then
  echo "python3-pykmip is not installed" >&2
  exit 1
else
  echo "skipped: python3-pykmip is not installed"
fi

echo "--- everything is there after a restart, and SIGTERM ends with 0"
key=$(./bin/kmipd key create --name kept --activate)
kill -TERM "$server"
wait "$starter"
npm start >>"$log" 2>&1 &
starter=$!
for _ in $(seq 100); do
  if curl -sf http://127.0.0.1:5697/readyz >/dev/null; then break; fi
  sleep 0.2
done
server=$(pgrep -P "$starter" | head -1)
./bin/kmipd key show "$key" | grep -q '^State *Active'
echo "the first minutes are as the README says"
