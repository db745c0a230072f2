#!/usr/bin/env bash
# Values of script arguments, beside the logs, line by line.
. "$(dirname "$0")/real.sh"

# column LOG FIELD: a column of one of Zeek's logs.
column() {
  awk -F'\t' -v field="$2" '/^#fields/ {for (i = 2; i <= NF; i++) if ($i == field) at = i - 1} !/^#/ {print $at}' "$1"
}

pcap=$(capture wikipedia.pcap) || exit
# Zeek writes it down itself, too: its log has names of NetBIOS decoded, and lines of multicast answers without a request.
cat >requests.zeek <<'Z'
event dns_request(c: connection, msg: dns_msg, query: string, qtype: count, qclass: count)
	{ print fmt("%s %s %s %d %s %d", query, c$id$resp_p, c$uid, qtype, msg$RD, msg$id); }
Z
traced dns 'zeek:event:dns_request {
  printf("%s %s %s %d %s %d\n", str(args.query), args.c.id.resp_p, args.c.uid, args.qtype, args.msg.RD ? "T" : "F", args.msg.id); }' \
  -C -r "$pcap" local "$work/requests.zeek"
grep / dns/stdout >prints.expected
grep / dns/answers >prints.found
same 'dns_request beside what Zeek prints' prints.expected prints.found 10
paste -d' ' <(column dns/dns.log id.resp_p) <(column dns/dns.log query) | sed -n 's/^53 //p' | sort >queries.expected
sed -n 's,^\(.*\) 53/udp .*,\1,p' dns/answers | sort >queries.found
same 'queries of dns_request' queries.expected queries.found 10

pcap=$(capture http/bro.org.pcap) || exit
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
