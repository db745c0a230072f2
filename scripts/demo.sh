#!/usr/bin/env bash
# The demo: traces a live program with scripts/demo.bt for three seconds, and stops it again.
#
#   scripts/demo.sh ZEEKTRACE EVLOOP
set -euo pipefail
zeektrace=$1
evloop=$2

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

"$evloop" --seconds 60 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT

printf '%s\n' "An event loop in the shape of Zeek runs as process $pid; tracing it for three seconds:" \
  "zeektrace -p $pid scripts/demo.bt $evloop" ''
"${as_root[@]}" "$zeektrace" -p "$pid" "${0%/*}/demo.bt" "$evloop"

kill "$pid"
wait "$pid"
trap - EXIT
printf '%s\n' "Above: @events counts the events by name, @handler_ns how long each kept the loop busy (in ns)," \
  "@malloc_bytes what it asked malloc for, @read_ns how long its reads took. Process $pid has ended orderly."
