# Beside the protocols' own scripts, handlers of events that come with each packet and do little: many cheap events.
@load base/protocols/conn
@load base/protocols/dns
@load base/protocols/http
@load base/protocols/ssh
@load base/protocols/ssl

global segments = 0;
global datagrams = 0;

event tcp_packet(c: connection, is_orig: bool, flags: string, seq: count, ack: count, len: count, payload: string) {
	++segments;
}

event udp_contents(u: connection, is_orig: bool, contents: string) {
	++datagrams;
}
