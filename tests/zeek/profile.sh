#!/usr/bin/env bash
# Samples of the script stack: the functions on top are those that --profile-scripts charges most, and file and line
# are those of the scripts.
. "$(dirname "$0")/real.sh"
pcap=${ZEEK_BULK:-$(capture http/bro.org.pcap)}
alone profiled -C --profile-scripts=profile.txt -r "$pcap" local
# The time in a function without that in those it calls; built-in ones are frames as well.
awk -F'\t' 'NF >= 8 && $4 > 0 && $1 !~ /^(non-scripts|all|#)/ {own[$1] += $5 - $6} END {for (n in own) print own[n], n}' \
  profiled/profile.txt | sort -rn | head -40 >by_profile
traced sampled 'profile:hz:1000 { @[zfunc] = count(); @samples = count(); }' -C -r "$pcap" local
sed -n 's/^@\[\(.\{1,\}\)\]: \([0-9]*\)$/\2 \1/p' sampled/answers | sort -rn | head -40 >by_samples
samples=$(sed -n 's/^@samples: //p' sampled/answers)
head -12 by_profile >.out
head -12 by_samples >.err
# Of the five that the profile charges most, those with enough samples to be ranked stand among the first eight.
missing=$(head -5 by_profile | awk '{print $2}' | grep -vxFf <(head -8 by_samples | awk '{print $2}'))
if [ -z "$missing" ]; then pass "the profile's first five are among the first eight of ${samples:-no} samples"; else fail 'order of the functions' "not among the first: $missing"; fi
close
