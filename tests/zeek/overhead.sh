#!/usr/bin/env bash
# What counting every event, and sampling the script stack, costs a busy Zeek: ROUNDS rounds (5), each a run without a script and
# one under each of them, in turn, so that what else the machine does hits all alike. Of each the processor time that the
# packets take is counted, user and system time by the kernel's account: on a machine that has other work the time on the clock is
# that of the others as well. What a run over a capture of a few packets takes, for reading scripts, is taken off. One verdict line
# for each script, on the median of its ratios. ZEEK_BULK names a capture that keeps Zeek busy for some seconds.
#
# At the end what the programs alone take, by the kernel's account of each run (kernel.bpf_stats_enabled, which itself takes some
# 40 ns a run): exact also on a busy machine, but without the trap or the interrupt that leads to them, which an empty script has, too.
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a large capture'
rounds=${ROUNDS:-5}
PATH=$(dirname "$(readlink -f "$zeek")"):$PATH  # where a tracer without -p finds a Zeek that does not run yet

# busy DIR CAPTURE: user and system time of Zeek, in seconds, by its own account.
busy() {
  rm -rf "$1" && mkdir -p "$1"
  (cd "$1" && TIMEFORMAT='%U %S' && { time "$zeek" -C -r "$2" local >stdout 2>stderr </dev/null; } 2>&1) |
    tail -1 | awk '{print $1 + $2}'
}

# under NAME SCRIPT CAPTURE: the same, while the script counts in all Zeeks, so that Zeek's own time alone is taken.
under() {
  : >"said.$1"
  "$zeektrace" -o "answers.$1" -e "$2" 2>"said.$1" &
  local tracer=$! i
  for ((i = 0; i < 300; i++)); do
    grep -q '^Attached' "said.$1" && break
    sleep 0.1
  done
  busy "run.$1" "$3"
  kill -INT $tracer
  wait $tracer
}

events='zeek:event:* { @[event] = count(); }'
stacks='profile:hz:1000 /comm == "zeek"/ { @[zstack] = count(); @samples = count(); }'
few=$(capture http/methods.pcap)
: >starts && : >ratios.events && : >ratios.stacks
for ((round = 0; round < rounds; round++)); do
  busy start "$few" >>starts
  plain=$(busy plain "$ZEEK_BULK")
  with_events=$(under events "$events" "$ZEEK_BULK")
  with_stacks=$(under stacks "$stacks" "$ZEEK_BULK")
  echo "$plain $with_events" >>ratios.events
  echo "$plain $with_stacks" >>ratios.stacks
done
start=$(sort -n starts | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')

# verdict WHAT NAME LIMIT: median, least and most of the ratios.
verdict() {
  awk -v s="$start" '$1 > s {printf "%.4f %.2f %.2f\n", ($2 - s) / ($1 - s), $1 - s, $2 - s}' "ratios.$2" | sort -n >sorted
  cp sorted .out
  local told
  told=$(awk '{r[NR] = $1} END {printf "%s of an untraced run (%d rounds, %s to %s)", r[int((NR + 1) / 2)], NR, r[1], r[NR]}' sorted)
  if awk -v m="$3" '{r[NR] = $1} END {exit !(NR > 0 && r[int((NR + 1) / 2)] <= 1 + m)}' sorted; then
    pass "$1: $told, at most 1 + $3"
  else
    fail "$1" "$told, more than 1 + $3"
  fi
}
# account SCRIPT: nanoseconds for each run of its program, over the whole capture, and how many.
account() {
  : >said.account
  "$zeektrace" -o /dev/null -e "$1" 2>said.account &
  local tracer=$! i
  for ((i = 0; i < 300; i++)); do
    grep -q '^Attached' said.account && break
    sleep 0.1
  done
  busy account "$ZEEK_BULK" >/dev/null
  awk '/^run_time_ns/ {ns = $2} /^run_cnt/ && $2 > 0 {printf "%d ns (%d runs)", ns / $2, $2}' /proc/$tracer/fdinfo/*
  kill -INT $tracer
  wait $tracer
}
accounts() {
  local were
  were=$(cat /proc/sys/kernel/bpf_stats_enabled) || return
  echo 1 >/proc/sys/kernel/bpf_stats_enabled
  echo "a program's run: every event by name $(account "$events"), only counted $(account 'zeek:event:* { @ = count(); }')"
  echo "a program's run: script stacks $(account "$stacks"), only counted $(account 'profile:hz:1000 /comm == "zeek"/ { @ = count(); }')"
  echo "$were" >/proc/sys/kernel/bpf_stats_enabled
}

count=$(sed -n 's/^@\[.*\]: \([0-9]*\)$/\1/p' answers.events | awk '{n += $1} END {print n + 0}')
per_second=$(awk -v n="$count" -v s="$start" '$1 > s {r[NR] = n / ($1 - s)} END {print int(r[1])}' ratios.events)
samples=$(sed -n 's/^@samples: //p' answers.stacks)
grep -h 'lost\|left out\|could not\|cut short' said.* | sort | uniq -c
verdict "every event by name, $count events, $per_second a second of an untraced Zeek's time" events 0.08
verdict "script stacks at 1 kHz, ${samples:-no} samples" stacks 0.03
accounts
close
