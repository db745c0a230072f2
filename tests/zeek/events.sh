#!/usr/bin/env bash
# Counts of every event by name, beside what misc/dump-events prints of the same capture.
. "$(dirname "$0")/real.sh"
for each in http/bro.org.pcap wikipedia.pcap smtp.pcap; do
  pcap=$(capture "$each") || exit
  what=$(basename "$each" .pcap)
  words=(-C -r "$pcap" local misc/dump-events DumpEvents::include_args=F)
  alone "$what.alone" "${words[@]}"
  # Lines are "1300475167.096535 zeek_init". The event that dump-events itself handles is not among them.
  awk '/^ *[0-9.]+ [A-Za-z_:0-9]+$/ {print $2}' "$what.alone/stdout" | sort | uniq -c | awk '{print $2, $1}' | sort >"$what.expected"
  traced "$what.traced" 'zeek:event:* { @[event] = count(); }' "${words[@]}"
  sed -n 's/^@\[\(.*\)\]: \([0-9]*\)$/\1 \2/p' "$what.traced/answers" | grep -v '^new_event ' | sort >"$what.found"
  same "$what: events by name" "$what.expected" "$what.found" 10
done
close
