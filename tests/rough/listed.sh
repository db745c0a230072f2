#!/usr/bin/env bash
# -l says which names a glob means to the Zeeks that run, and -lv what each of them has.
. "$(dirname "$0")/check.sh"
need_bpf
limit=$((limit * 5))
"$targets/evloop" --seconds 600 >/dev/null &
zeek=$!
for ((i = 0; i < 300; i++)); do  # until it has read its scripts
  "$zeektrace" -p $zeek -l 'zeek:event:*' 2>/dev/null | grep -q 'dns_request' && break
  sleep 0.1
done

# lists WHAT PATTERN NAME...: exactly these.
lists() {
  local what=$1 pattern=$2
  shift 2
  run "$zeektrace" -p $zeek -l "$pattern"
  if [ "$status" -eq 0 ] && [ "$(cat .out)" = "$(printf '%s\n' "$@")" ]; then pass "$what"; else fail "$what" "status $status"; fi
}
lists 'events by a glob' 'zeek:event:*_request' zeek:event:dns_request zeek:event:http_request
lists 'events that are queued' 'zeek:queue:dns_*' zeek:queue:dns_request
lists 'the ends of events' 'zeekret:event:dns_*' zeekret:event:dns_request
lists 'functions of a module' 'zeek:function:HTTP::*' zeek:function:HTTP::new_http_session zeek:function:HTTP::set_state
lists 'built-in functions' 'zeek:bif:md5*' zeek:bif:md5_hash
lists 'a name that is written out is itself' 'zeek:event:no_such' zeek:event:no_such
answers 'all events' 0 '^zeek:event:new_connection$' "$zeektrace" -p $zeek -l 'zeek:event:*'
answers 'bodies' 0 '^zeek:body:http_request$' "$zeektrace" -p $zeek -l 'zeek:body:*'
answers 'kinds of probes' 0 '^zeek:event:NAME$' "$zeektrace" -l 'zeek:*'
answers 'parameters of each' 0 '^ +string args.query$' "$zeektrace" -p $zeek -lv 'zeek:event:*_request'
answers 'parameters of a function' 0 '^ +string args.text$' "$zeektrace" -p $zeek -lv 'zeek:function:HTTP::*'
refused 'a glob that means nothing' 1 'no Zeek that runs declares a name that matches zeek:event:dsn_\*' \
  "$zeektrace" -p $zeek -l 'zeek:event:dsn_*'
kill $zeek
close
