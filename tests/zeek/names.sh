#!/usr/bin/env bash
# -l lists what the scripts of a running Zeek declare, and what a script misspells is told: events, functions, classes of analyzers,
# streams of logs. Zeek reads a capture whose end does not come.
. "$(dirname "$0")/real.sh"
pcap=$(capture http/bro.org.pcap) || exit
mkdir run && mkfifo run/capture
(cd run && exec "$zeek" -C -r - local <capture >stdout 2>stderr) &
process=$!
exec 9>run/capture
cat "$pcap" >&9
for ((i = 0; i < 300; i++)); do
  "$zeektrace" -p "$process" -l 'zeek:event:*' 2>/dev/null 9>&- | grep -q '^zeek:event:http_request$' && break
  sleep 0.1
done

# lists KIND LEAST NAME: so many names at least, this one among them.
lists() {
  run "$zeektrace" -p "$process" -l "zeek:$1:*"
  if grep -qx "zeek:$1:$3" .out && [ "$(wc -l <.out)" -ge "$2" ]; then
    pass "zeek:$1: $(wc -l <.out) names"
  else
    fail "zeek:$1:*" "$3 is not among them, or they are less than $2"
  fi
}
lists event 400 dns_request
lists function 300 HTTP::new_http_session
lists hook 20 HTTP::log_policy
lists bif 200 to_count
lists body 400 connection_state_remove
lists log 20 Conn::LOG
answers 'parameters' 0 '^ +connection args.c$' "$zeektrace" -p "$process" -lv 'zeek:event:http_re*'

right='zeek:event:dns_request,zeek:function:HTTP::new_http_session,zeek:bif:to_count,zeek:log:Conn::LOG'
right+=',zeek:analyzer:HTTP_Analyzer,zeek:analyzer:zeek::analyzer::dns::DNS_Analyzer,zeek:timer:ScheduleTimer'
run "$zeektrace" -p "$process" -e "$right { @ = count(); } interval:ms:500 { exit(); }"
if [ "$status" -eq 0 ] && ! grep -q '^note: ' .err; then pass 'names that are there: no word'; else fail 'names that are there' 'a word'; fi
wrong='zeek:event:dns_requets,zeek:function:HTTP::new_http_sesion,zeek:bif:to_cuont,zeek:log:Conn::LGO,zeek:analyzer:HTPP_Analyzer'
run "$zeektrace" -p "$process" -e "$wrong,zeek:timer:SheduleTimer { @ = count(); } interval:ms:500 { exit(); }"
for each in dns_requets:dns_request new_http_sesion:HTTP::new_http_session to_cuont:to_count LGO:Conn::LOG HTPP_Analyzer:HTTP_Analyzer \
  SheduleTimer:ScheduleTimer; do
  if grep -q "^note: .*${each%%:*}: .* of that name.*did you mean.*'${each#*:}'" .err; then
    pass "${each%%:*} is told"
  else
    fail "${each%%:*}" 'it is not told'
  fi
done
exec 9>&-
wait "$process"
close
