#!/bin/bash
# Runs every example of docs/language.md: each must end by itself, in time, with status 0.
#
#   reference.sh ZEEKTRACE LANGUAGE.md
#
# What this machine can't do (no kprobes, no counters, no Zeek that runs) is told with the reason, and counted.
set -uo pipefail
zeektrace=$1 page=$2
passed=0 failed=0 skipped=0
cannot='has no kprobes|can.t be probed so|no hardware|has no counter|no such event|no Zeek|hardware event|Operation not permitted|not supported on this|cannot watch|no process runs|there is no binary .*bash|no zeek|no such tracepoint|only a process that runs can tell|program of this type cannot use helper'
while IFS= read -r example; do
  said=$(timeout 60 "$zeektrace" --unsafe -e "$example" 2>&1 >/dev/null </dev/null)
  status=$?
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
  elif [ $status -ne 124 ] && [ $status -lt 128 ] && grep -qE "$cannot" <<<"$said"; then
    skipped=$((skipped + 1)) && echo "skip $example: $(grep -m1 -E "$cannot" <<<"$said")"
  else
    failed=$((failed + 1)) && echo "FAIL $example: status $status: $said"
  fi
done < <(awk '/^```bt$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$page")
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 60 ]
