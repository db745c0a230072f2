#!/usr/bin/env bash
# Samples of the script stack: the functions on top are those that --profile-scripts charges most, and file and line are those
# of the scripts.
. "$(dirname "$0")/real.sh"
[ -r "${ZEEK_BULK:-}" ] || skip 'ZEEK_BULK does not name a capture that keeps Zeek busy for some seconds'
pcap=$ZEEK_BULK
limit=1500  # the profiler takes its time
alone profiled -C --profile-scripts=profile.txt -r "$pcap" local
# The time in a function without that in those it calls; built-in ones are frames as well. Each call is charged with the
# profiler's own work (two getrusage()), which takes several times as long as a small function does: 1.6 us where http_header takes
# 0.3. What is charged by the call to the function that takes least is taken off.
awk -F'\t' '
  NF >= 8 && $4 > 0 && $3 != "TOTAL" && $2 !~ /-locations$/ {own[$1] += $5 - $6; calls[$1] += $4}
  END {
    least = 1
    for (n in own) if (calls[n] >= 1000 && own[n] / calls[n] < least) least = own[n] / calls[n]
    for (n in own) print own[n] - least * calls[n], n, calls[n], own[n]
  }' profiled/profile.txt | sort -gr | head -40 >by_profile
traced sampled 'profile:hz:1000 { @[zfunc] = count(); @samples = count(); @stack[zstack] = count(); }' -C -r "$pcap" local
sed -n 's/^@\[\(.\{1,\}\)\]: \([0-9]*\)$/\2 \1/p' sampled/answers | sort -rn | head -40 >by_samples
samples=$(sed -n 's/^@samples: //p' sampled/answers)
head -12 by_profile >.out
head -12 by_samples >.err
# The work of the profiler for those that a function calls is its own time, too: the order is nearly the same, not the same.
# A function is among the first 15 if it is not behind the 15th by more than chance: two standard deviations of its own number.
awk 'NR <= 15 {last = $1} $1 + 2 * sqrt($1) >= last {print $2}' by_samples >first
found=$(head -10 by_profile | awk '{print $2}' | grep -cxFf first)
verdict="of the profile's first ten $found are among the samples' first $(wc -l <first), of ${samples:-no} samples"
if [ "$found" -ge 9 ]; then pass "$verdict"; else fail 'order of the functions' "$verdict"; fi

# A frame above another one has called it on the line that is shown: the function's name stands there, or else that of a variable
# which holds the function: a parameter or an option of that type, or the variable of a loop over hooks. Lambdas have no name. In a
# file and line each call is looked at once.
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
  my $here = $lines[$line - 1];
  my $through = "";
  for my $called ($here =~ /\b(\w+)\(/g) {
    $through = $called if grep /\b\Q$called\E\s*:\s*(function|hook)\b|\bfor\s*\(\s*\Q$called\E\s+in\b/, @lines;
  }
  print join "\t", $here =~ /\b\Q$name\E\b/ ? "right" : $through ne "" ? "through" : "wrong", @F, $here =~ s/\s+/ /gr;' calls >judged
right=$(grep -c '^right' judged)
wrong=$(grep -c '^wrong' judged)
through=$(grep -c '^through' judged)
grep '^wrong' judged | head -12 >.out
: >.err
verdict="$right calls are on the line that is shown, $through more through a variable there, $wrong are not"
if [ "$right" -ge 10 ] && [ "$through" -le $((right / 10)) ] && [ "$wrong" -le $(((right + wrong) / 50)) ]; then pass "$verdict"; else fail 'files and lines' "$verdict"; fi
close
