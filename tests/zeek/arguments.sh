#!/usr/bin/env bash
# Values of script arguments, beside the logs, line by line.
. "$(dirname "$0")/real.sh"

# column LOG FIELD: a column of one of Zeek's logs.
column() {
  awk -F'\t' -v field="$2" '/^#fields/ {for (i = 2; i <= NF; i++) if ($i == field) at = i - 1} !/^#/ {print $at}' "$1"
}

pcap=$(capture wikipedia.pcap)
traced dns 'zeek:event:dns_request { printf("%s\n", str(args.query)); }' -C -r "$pcap" local
column dns/dns.log query | grep -v '^-$' | sort >queries.expected
sort dns/answers | grep . >queries.found
same 'queries of dns_request' queries.expected queries.found 10

pcap=$(capture http/bro.org.pcap)
traced conn 'zeek:event:connection_established { printf("%s %s %s %s\n", args.c.uid, args.c.id.orig_h, args.c.id.orig_p, args.c.id.resp_h); }' \
  -C -r "$pcap" local
paste -d' ' <(column conn/conn.log uid) <(column conn/conn.log id.orig_h) <(column conn/conn.log id.orig_p) \
  <(column conn/conn.log proto) <(column conn/conn.log id.resp_h) <(column conn/conn.log history) |
  awk '$4 == "tcp" && $6 ~ /h/ {print $1, $2, $3 "/tcp", $5}' | sort >connections.expected
sort conn/answers | grep . >connections.found
same 'connections of connection_established' connections.expected connections.found 10

traced http 'zeek:event:http_request { printf("%s %s\n", args.method, str(args.unescaped_URI)); }' -C -r "$pcap" local
paste -d' ' <(column http/http.log method) <(column http/http.log uri) | sort >requests.expected
sort http/answers | grep . >requests.found
same 'requests of http_request' requests.expected requests.found 10
close
