#!/usr/bin/env bash
# Captures that make analyzers and scripts throw, under every kind of probe at once: Zeek ends as it does untraced, and
# writes the same logs.
. "$(dirname "$0")/real.sh"
cat >throws.zeek <<'Z'
# Every second request fails while its script runs.
global empty: table[count] of string;
global seen = 0;
event http_request(c: connection, method: string, original_URI: string, unescaped_URI: string, version: string)
	{ if ( ++seen % 2 == 0 ) print empty[seen]; }
event dns_request(c: connection, msg: dns_msg, query: string, qtype: count, qclass: count)
	{ print empty[4711]; }
function deep(n: count): string { return n == 0 ? empty[1] : deep(n - 1); }
event connection_established(c: connection) { print deep(20); }
Z
every='zeek:event:* { @event[event] = count(); } zeekret:event:* { @event_end = count(); }
zeek:queue:* { @queue[event] = count(); } zeek:body:* { @body[zfunc] = count(); }
zeek:function:* { @function[zfunc] = count(); } zeekret:function:* { @function_end = count(); }
zeek:hook:* { @hook[zfunc] = count(); } zeek:bif:* { @bif[zfunc] = count(); } zeekret:bif:* { @bif_end = count(); }
zeek:drain { @drain = count(); } zeekret:drain { @drain_end = count(); }
zeek:packet { @packet = hist(args.len); } zeekret:packet { @uid[conn_uid] = count(); }
zeek:analyzer:* { @analyzer[args.class] = count(); } zeekret:analyzer:* { @analyzer_end = count(); }
zeek:log:* { @log[args.stream] = count(); } zeek:message:* { @message = count(); }
zeek:timer:* { @timer = count(); } zeek:when { @when = count(); }
zeek:alloc { @alloc[event] = sum(args.size); } zeek:free { @free = count(); }
profile:hz:999 { @stack[zstack, zustack] = count(); }'
# A log's lines without what differs from run to run: unique names are random, and sets are written in the order of a hash that
# has a random seed, so that the elements of columns of that type are sorted. Times are the capture's.
clean() {
  perl -F'\t' -lane '
    if (/^#set_separator/) { $separator = quotemeta $F[1]; $joint = $F[1]; }
    if (/^#types/) { @is_set = map { /^set\[/ ? 1 : 0 } @F[1 .. $#F]; }
    next if /^#/;
    s/\b[CF][A-Za-z0-9]{14,18}\b/UID/g for @F;
    for my $i (grep { $is_set[$_] } 0 .. $#F) { $F[$i] = join $joint, sort split /$separator/, $F[$i]; }
    print join "\t", @F;' "$1" | sort
}
for each in http/bro.org.pcap wikipedia.pcap smtp.pcap http/methods.pcap modbus/modbusBig.pcap; do
  pcap=$(capture "$each") || exit
  what=$(basename "$each" .pcap)
  alone "$what.alone" -C -r "$pcap" local "$work/throws.zeek"
  traced_options='--unsafe' traced "$what.traced" "$every" -C -r "$pcap" local "$work/throws.zeek"
  if [ "$traced_status" -ne 0 ]; then
    cp "$what.traced/said" .err
    fail "$what: under every probe" "zeektrace ended with $traced_status"
  elif grep -q 'the command ended with' "$what.traced/said" && [ "$alone_status" -eq 0 ]; then
    cp "$what.traced/said" .err
    fail "$what: under every probe" 'Zeek did not end as it does untraced'
  elif ! grep -q '^@event\[' "$what.traced/answers"; then
    cp "$what.traced/said" .err
    fail "$what: under every probe" 'nothing was counted'
  else
    pass "$what: Zeek ends as untraced"
  fi
  for log in "$what.alone"/*.log; do
    file=$(basename "$log")
    case $file in packet_filter.log | stats.log | loaded_scripts.log | telemetry.log | analyzer.log) continue ;; esac
    if [ -e "$what.traced/$file" ] && diff <(clean "$log") <(clean "$what.traced/$file") >.out; then
      pass "$what: $file is the same"
    else
      fail "$what: $file" 'it differs'
    fi
  done
done
close
