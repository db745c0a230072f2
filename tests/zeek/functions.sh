#!/usr/bin/env bash
# Calls of script functions, hooks and events' bodies, beside --profile-scripts. The number in a lambda's name is another one in
# each run.
. "$(dirname "$0")/real.sh"
pcap=$(capture http/bro.org.pcap) || exit
alone profiled -C --profile-scripts=profile.txt -r "$pcap" local
# name, file:line, kind, calls, … separated by tabs; a name with several bodies has a row of their sums ("4-locations") too.
grep -v -e '-locations	' profiled/profile.txt >profile
awk -F'\t' '$3 == "function" && $4 > 0 {calls[$1] += $4} END {for (n in calls) print n, calls[n]}' profile |
  sed 's/<[0-9]*>//' | sort >functions.expected
traced functions 'zeek:function:* { @[zfunc] = count(); }' -C -r "$pcap" local
sed -n 's/^@\[\(.*\)\]: \([0-9]*\)$/\1 \2/p' functions/answers | sed 's/<[0-9]*>//' | sort >functions.found
same 'calls of functions' functions.expected functions.found 50

# Bodies of events and hooks: each row of the profile is one body.
awk -F'\t' '($3 == "event" || $3 == "hook") && $4 > 0 {sub(/.*\//, "", $2); print $1, $2, $4}' profile |
  sort >bodies.expected
traced bodies 'zeek:body:* { @[zfunc, args.file, args.line] = count(); }' -C -r "$pcap" local
awk -F'\t' '$3 == "function" {print $1}' profile | sed 's/<[0-9]*>//' | sort -u >names
sed -n 's/^@\[\(.*\), \(.*\), \([0-9]*\)\]: \([0-9]*\)$/\1 \2:\3 \4/p' bodies/answers | sed 's/<[0-9]*>//' |
  awk 'NR == FNR {is_function[$1] = 1; next} !($1 in is_function) {sub(/.*\//, "", $2); print}' names - | sort >bodies.found
same 'runs of bodies' bodies.expected bodies.found 50
close
