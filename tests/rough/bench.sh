#!/usr/bin/env bash
# zeektrace bench: all of the table is there, and its figures are in the order that they must have, by wide margins.
. "$(dirname "$0")/check.sh"
need_bpf
limit=120
answers 'the table' 0 '^Nanoseconds added, medians of [0-9]+ rounds' "$zeektrace" bench
mv .out table

# cost NAME: what the row says, or "-".
cost() {
  awk -v name="$1" 'substr($0, 1, length(name)) == name {print substr($0, 28, 8) + 0; exit}' table
}
measured='LD_PRELOAD counter|uprobe at a push|uprobe, single-stepped|uprobe at the return|uretprobe|entry and return, timed'
IFS='|'
for row in $measured 'USDT' 'uprobe at a 5-byte nop' 'tracepoint, system call' 'BPF sampling, a stack each' 'ptrace stop, 20 reads each'; do
  if grep -qF -- "$row" table; then pass "row: $row"; else fail "row: $row" 'it is missing'; fi
done
for row in $measured; do
  if awk -v cost="$(cost "$row")" 'BEGIN {exit !(cost > 0)}'; then pass "$row: $(cost "$row") ns"; else fail "$row" 'it has no cost'; fi
done
unset IFS

# at_most NAME FACTOR NAME: the first costs at most so many times the second.
at_most() {
  if awk -v a="$(cost "$1")" -v b="$(cost "$3")" -v f="$2" 'BEGIN {exit !(a <= f * b)}'; then
    pass "$1 is at most $2 of $3"
  else
    cp table .out
    fail "$1 is at most $2 of $3" "$(cost "$1") and $(cost "$3")"
  fi
}
at_most 'LD_PRELOAD counter' 0.2 'uprobe at a push'
at_most 'uprobe at a 5-byte nop' 2 'uprobe at a push'
at_most 'uprobe at a push' 0.8 'uprobe, single-stepped'
at_most 'uprobe at a push' 1 'uretprobe'
at_most 'uretprobe' 1.5 'entry and return, timed'

answers 'as JSON' 0 '^\{"type":"bench","data":\{"technique":"uretprobe","unit":"ns a call","cost":[0-9.]+,"how":"' \
  "$zeektrace" bench -f json
close
