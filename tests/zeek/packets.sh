#!/usr/bin/env bash
# conn_uid of the packets joins with conn.log.
. "$(dirname "$0")/real.sh"
column() {
  awk -F'\t' -v field="$2" '/^#fields/ {for (i = 2; i <= NF; i++) if ($i == field) at = i - 1} !/^#/ {print $at}' "$1"
}
pcap=$(capture http/bro.org.pcap) || exit
traced packets 'zeekret:packet { @[conn_uid] = count(); }' -C -r "$pcap" local
paste -d' ' <(column packets/conn.log uid) <(column packets/conn.log orig_pkts) <(column packets/conn.log resp_pkts) |
  awk '{print $1, $2 + $3}' | sort >uids.expected
sed -n 's/^@\[\(C.*\)\]: \([0-9]*\)$/\1 \2/p' packets/answers | sort >uids.found
same 'packets by connection' uids.expected uids.found 10
close
