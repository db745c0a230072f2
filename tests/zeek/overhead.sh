#!/usr/bin/env bash
# What counting every event, and sampling the script stack, costs a busy Zeek: pairs of runs, one after the other, medians
# of the ratios of processor time. ZEEK_BULK names a capture that keeps it busy for some seconds, ROUNDS how many pairs.
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a large capture'
rounds=${ROUNDS:-5}

# busy COMMAND...: user and system time of a command, in seconds, by its own account.
busy() {
  ( TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1 ) 2>&1 | tail -1 | awk '{print $1 + $2}'
}

# slower WHAT SCRIPT LIMIT WORD...: the script costs Zeek no more than that share.
slower() {
  local what=$1 script=$2 most=$3 round plain with
  shift 3
  : >ratios
  for ((round = 0; round < rounds; round++)); do
    mkdir -p plain with
    plain=$(cd plain && busy "$zeek" "$@")
    # Attached for all processes, so that only Zeek's own time is taken.
    "$zeektrace" -q -o with/answers -e "$script" 2>with/said &
    local tracer=$!
    sleep 1
    with=$(cd with && busy "$zeek" "$@")
    kill -INT $tracer
    wait $tracer
    awk -v a="$plain" -v b="$with" 'BEGIN {print b / a, a, b}' >>ratios
  done
  sort -n ratios >sorted
  cp sorted .out
  local ratio
  ratio=$(awk '{r[NR] = $1} END {print r[int((NR + 1) / 2)]}' sorted)
  if awk -v r="$ratio" -v m="$most" 'BEGIN {exit !(r <= 1 + m)}'; then
    pass "$what: $ratio of an untraced run (at most 1 + $most)"
  else
    fail "$what" "$ratio of an untraced run, more than 1 + $most"
  fi
}
words=(-C -r "$ZEEK_BULK" local)
slower 'every event by name' 'zeek:event:* { @[event] = count(); }' 0.08 "${words[@]}"
events=$(awk -F': ' '/^@/ {n += $2} END {print n}' with/answers)
printf 'events: %s in %s s\n' "$events" "$(awk '{print $3}' ratios | tail -1)"
slower 'script stacks at 1 kHz' 'profile:hz:1000 /comm == "zeek"/ { @[zstack] = count(); }' 0.03 "${words[@]}"
close
