#!/usr/bin/env bash
# Samples of the script stack: the functions on top are those that --profile-scripts charges most, and file and line are those
# of the scripts.
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a capture that keeps Zeek busy for some seconds'
pcap=$ZEEK_BULK
limit=1500  # the profiler takes its time
alone profiled -C --profile-scripts=profile.txt -r "$pcap" local
# The time in a function without that in those it calls; built-in ones are frames as well.
awk -F'\t' 'NF >= 8 && $4 > 0 && $3 != "TOTAL" && $2 !~ /-locations$/ {own[$1] += $5 - $6} END {for (n in own) print own[n], n}' \
  profiled/profile.txt | sort -gr | head -40 >by_profile
traced sampled 'profile:hz:1000 { @[zfunc] = count(); @samples = count(); @stack[zstack] = count(); }' -C -r "$pcap" local
sed -n 's/^@\[\(.\{1,\}\)\]: \([0-9]*\)$/\2 \1/p' sampled/answers | sort -rn | head -40 >by_samples
samples=$(sed -n 's/^@samples: //p' sampled/answers)
head -12 by_profile >.out
head -12 by_samples >.err
# The profiler charges functions with its own work, by the call: the order is nearly the same, not the same.
found=$(head -10 by_profile | awk '{print $2}' | grep -cxFf <(head -15 by_samples | awk '{print $2}'))
verdict="of the profile's first ten $found are among the first 15 of ${samples:-no} samples"
if [ "$found" -ge 8 ]; then pass "$verdict"; else fail 'order of the functions' "$verdict"; fi

# A frame above another one has called it on the line that is shown: the function's name stands there. Events, hooks and lambdas
# are not called by their names. In a file and line each call is looked at once.
perl -ne '
  if (/^\s*$|^@|^\]/) { $callee = ""; }
  my ($function, $place) = /^\s+(\S+)(?:\s+(\S+:\d+))?$/ or next;
  print "$callee\t$place\n" if $callee ne "" && $callee !~ /lambda/ && $place;
  $callee = $function;' sampled/answers | sort -u >calls
perl -F'\t' -lane '
  my ($file, $line) = $F[1] =~ /^(.*):(\d+)$/ or next;
  (my $name = $F[0]) =~ s/.*:://;
  open my $in, "<", $file or next;
  my @lines = <$in>;
  print join "\t", $lines[$line - 1] =~ /\b\Q$name\E\b/ ? "right" : "wrong", @F, $lines[$line - 1] =~ s/\s+/ /gr;' calls >judged
right=$(grep -c '^right' judged)
wrong=$(grep -c '^wrong' judged)
grep '^wrong' judged | head -12 >.out
: >.err
verdict="$right calls are on the line that is shown, $wrong are not"
if [ "$right" -ge 10 ] && [ "$wrong" -le $(((right + wrong) / 50)) ]; then pass "$verdict"; else fail 'files and lines' "$verdict"; fi
close
