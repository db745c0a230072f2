#!/usr/bin/env bash
# What counting every event, and sampling the script stack, costs a busy Zeek: processor time, user and system by the kernel's account,
# since the time on the clock is also that of other work; ROUNDS rounds (15) each, and the median of their ratios is judged.
# ZEEK_BULK names a capture that keeps Zeek busy for some seconds.
#
# Events: Zeek in bare mode with the scripts of five protocols and a handler for each packet (many_events.zeek), which are some
# 80,000 events and more a second. Two of them read the same capture at the same time, one traced: each on a processor of its own, and
# then the other way round, at a real-time priority, so that what disturbs a run disturbs both. The capture comes through a pipe, and not before
# scripts have been read and probes are armed; what has been used until then is taken off. The ratio is told for 80,000 events a
# second, too: what they cost is proportional to their number.
#
# Stacks: Zeek with `local`, runs without and under the script in turn, since samples interrupt whatever runs. What a run over a
# few packets takes, for reading scripts, is taken off.
#
# At the end what the programs alone take, by the kernel's account of each run (kernel.bpf_stats_enabled, which itself takes some
# 40 ns a run): exact also on a busy machine, but without the trap or the interrupt that leads to them, which an empty script has, too.
many=$(cd "$(dirname "$0")" && pwd)/many_events.zeek
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a large capture'
[ "$(nproc)" -ge 2 ] || skip 'two processors are needed'
rounds=${ROUNDS:-15}
PATH=$(dirname "$(readlink -f "$zeek")"):$PATH  # where a tracer without -p finds a Zeek that does not run yet
TIMEFORMAT='%3U %3S'
events='zeek:event:* { @[event] = count(); }'
stacks='profile:hz:1000 /comm == "zeek"/ { @[zstack] = count(); @samples = count(); }'

# tracing NAME WORD...: starts the tracer, $tracer, and waits until its probes are armed.
tracing() {
  local i
  : >"said.$1"
  "$zeektrace" -o "answers.$1" "${@:2}" 2>"said.$1" &
  tracer=$!
  for ((i = 0; i < 300; i++)); do
    grep -q '^Attached' "said.$1" && return
    sleep 0.1
  done
}

# fed DIR PROCESSOR: starts Zeek in a directory of its own, whose capture comes as soon as its fifo `go` is written to.
fed() {
  rm -rf "$1" && mkdir -p "$1" && mkfifo "$1/go"
  (cd "$1" && { read -r _ <go && exec chrt -f 1 taskset -c "$2" cat "$ZEEK_BULK"; } |
    { time sh -c 'echo $$ >pid; exec "$@" >stdout 2>stderr' - chrt -f 1 taskset -c "$2" "$zeek" -b -C -r - "$many"; } 2>time) &
}

# waits DIR: until it waits for its capture; what it has used so far.
waits() {
  local i
  for ((i = 0; i < 300; i++)); do
    [ -s "$1/pid" ] && grep -qs pipe_read "/proc/$(cat "$1/pid")/stack" && break
    sleep 0.1
  done
  awk '{print $1 / 1e9}' "/proc/$(cat "$1/pid")/schedstat" >"$1/start"
}

# used DIR: what it has used since.
used() { echo "$(cat "$1/time") $(cat "$1/start")" | awk '{print $1 + $2 - $3}'; }

# pair PROCESSOR PROCESSOR: seconds of one that is not traced, and of one that is.
pair() {
  local plain traced
  fed plain "$1"
  plain=$!
  fed traced "$2"
  traced=$!
  waits plain && waits traced
  tracing events -p "$(cat traced/pid)" -e "$events"
  echo >plain/go
  echo >traced/go
  wait $plain
  wait $traced
  wait $tracer
  echo "$(used plain) $(used traced)"
}

# busy DIR CAPTURE SCRIPT: user and system time of a Zeek, in seconds.
busy() {
  rm -rf "$1" && mkdir -p "$1"
  (cd "$1" && { time chrt -f 1 "$zeek" -C -r "$2" "$3" >stdout 2>stderr </dev/null; } 2>&1) | tail -1 | awk '{print $1 + $2}'
}

# under SCRIPT: the same over the large capture, while the script counts in all Zeeks.
under() {
  tracing stacks -e "$1"
  busy run "$ZEEK_BULK" local
  kill -INT $tracer
  wait $tracer
}

processors=($(taskset -pc $$ | sed 's/.*: //' | tr , '\n' | awk -F- '{for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i}'))
few=$(capture http/methods.pcap) || exit
: >starts && : >ratios.events && : >ratios.stacks
for ((round = 0; round < rounds; round++)); do
  # Both ways round, since one processor may have more other work than the other.
  { pair "${processors[0]}" "${processors[1]}" && pair "${processors[1]}" "${processors[0]}"; } |
    awk '{plain += $1; traced += $2} END {print plain / 2, traced / 2}' >>ratios.events
  [ -n "${EVENTS_ONLY:-}" ] && continue
  busy start "$few" local >>starts
  echo "$(busy plain "$ZEEK_BULK" local) $(under "$stacks")" >>ratios.stacks
done

# median of the first words of lines, the least and the most.
median() { sort -n | awk '{v[NR] = $1} END {printf "%.3f (%.3f to %.3f)", v[int((NR + 1) / 2)], v[1], v[NR]}'; }

# verdict WHAT RATIOS LIMIT
verdict() {
  local told
  told="$(median <"$2") of an untraced run"
  cp "$2" .out
  if [ -s "$2" ] && awk -v m="$3" -v r="${told%% *}" 'BEGIN {exit !(r <= 1 + m)}'; then
    pass "$1: $told, at most 1 + $3"
  else
    fail "$1" "$told, more than 1 + $3"
  fi
}

# account SCRIPT: nanoseconds for each run of its program, and how many.
account() {
  tracing account -e "$1"
  busy account "$ZEEK_BULK" "$2" >/dev/null
  awk '/^run_time_ns/ {ns = $2} /^run_cnt/ && $2 > 0 {printf "%d ns (%d runs)", ns / $2, $2}' /proc/$tracer/fdinfo/*
  kill -INT $tracer
  wait $tracer
}
accounts() {
  local were
  were=$(cat /proc/sys/kernel/bpf_stats_enabled) || return
  echo 1 >/proc/sys/kernel/bpf_stats_enabled
  echo "a program's run: every event by name $(account "$events" "$many"), only counted $(account 'zeek:event:* { @ = count(); }' "$many")"
  echo "a program's run: script stacks $(account "$stacks" local), only counted $(account 'profile:hz:1000 /comm == "zeek"/ { @ = count(); }' local)"
  echo "$were" >/proc/sys/kernel/bpf_stats_enabled
}

count=$(sed -n 's/^@\[.*\]: \([0-9]*\)$/\1/p' answers.events | awk '{n += $1} END {print n + 0}')
per_second=$(awk -v n="$count" '{print n / $1}' ratios.events | median | sed 's/\..*//')
each=$(awk -v n="$count" '{print ($2 - $1) / n * 1e9}' ratios.events | median)
grep -h 'lost\|left out\|could not\|cut short' said.* | sort | uniq -c
echo "an event costs $each ns"
awk -v n="$count" '{print 1 + ($2 - $1) / n * 80000}' ratios.events >at_80000
awk '{print $2 / $1}' ratios.events >as_run
echo "every event by name, as run: $(median <as_run)"
verdict "every event by name, $count events, $per_second a second of an untraced Zeek's time; at 80,000 a second" at_80000 0.08
if [ -z "${EVENTS_ONLY:-}" ]; then
  start=$(sort -n starts | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')
  awk -v s="$start" '$1 > s {print ($2 - s) / ($1 - s)}' ratios.stacks >stack_ratios
  samples=$(sed -n 's/^@samples: //p' answers.stacks)
  verdict "script stacks at 1 kHz, ${samples:-no} samples" stack_ratios 0.03
  accounts
fi
close
