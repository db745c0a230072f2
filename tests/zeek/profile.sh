#!/usr/bin/env bash
# Samples of the script stack: the functions on top are those that --profile-scripts charges most, and file and line
# are those of the scripts.
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a capture that keeps Zeek busy for some seconds'
pcap=$ZEEK_BULK
alone profiled -C --profile-scripts=profile.txt -r "$pcap" local
# The time in a function without that in those it calls; built-in ones are frames as well.
awk -F'\t' 'NF >= 8 && $4 > 0 && $3 != "TOTAL" && $2 !~ /-locations$/ {own[$1] += $5 - $6} END {for (n in own) print own[n], n}' \
  profiled/profile.txt | sort -gr | head -40 >by_profile
traced sampled 'profile:hz:1000 { @[zfunc] = count(); @samples = count(); }' -C -r "$pcap" local
sed -n 's/^@\[\(.\{1,\}\)\]: \([0-9]*\)$/\2 \1/p' sampled/answers | sort -rn | head -40 >by_samples
samples=$(sed -n 's/^@samples: //p' sampled/answers)
head -12 by_profile >.out
head -12 by_samples >.err
# The profiler charges functions with its own work, by the call: the order is nearly the same, not the same.
found=$(head -10 by_profile | awk '{print $2}' | grep -cxFf <(head -15 by_samples | awk '{print $2}'))
if [ "$found" -ge 8 ]; then pass "of the profile's first ten $found are among the first 15 of ${samples:-no} samples"; else fail 'order of the functions' "of the profile's first ten only $found are among the first 15"; fi
close
