/* SPDX-License-Identifier: BSD-3-Clause */
// Payloads of UDP services: probes, and at least one true response of every known reflector.
#include "frame.h"

static void ntp(struct packet *p, struct rng *r) {
	double u = rng_unit(r);
	if (u < 0.5) { // monlist: mode 7, implementation 3, request 42, items of 72 bytes
		uint16_t items = (uint16_t)(1 + rng_below(r, 6));
		uint8_t *h = append(p, 8);
		set32(h, 0x9700032a);
		h[0] |= rng_chance(r, 0.5) ? 0x40 : 0; // more follow
		set16(h + 4, items);
		set16(h + 6, 72);
		append_random(p, r, items * 72u);
	} else if (u < 0.75) { // control, readvar
		uint8_t *h = append(p, 12);
		memset(h, 0, 12);
		h[0] = 0x16;
		h[1] = 0x82;
		uint32_t at = p->end;
		append_text(p, "version=\"ntpd 4.2.8p10\", processor=\"x86_64\", system=\"Linux\", "
			       "leap=0, stratum=3, precision=-23, rootdelay=12.4");
		set16(h + 10, p->end - at);
		while ((p->end - at) % 4)
			*append(p, 1) = 0;
	} else {
		uint8_t *h = append(p, 48);
		memset(h, 0, 48);
		h[0] = 0x24;
		h[1] = 2;
		h[3] = 0xe9;
		set32(h + 40, (uint32_t)rng_next(r));
	}
}

static void ssdp(struct packet *p, struct rng *r) {
	append_text(p, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n"
		       "USN: uuid:");
	for (int i = 0; i < 12; i++)
		*append(p, 1) = (uint8_t)('a' + rng_below(r, 6));
	append_text(p, "::upnp:rootdevice\r\nEXT:\r\nSERVER: Linux UPnP/1.0 miniupnpd/1.0\r\n"
		       "LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n");
}

// Length of what comes after the two bytes of a BER header, in the form with two length bytes.
static void ber_long(struct packet *p, uint32_t at) {
	uint32_t n = p->end - at - 4;
	p->buf[at + 1] = 0x82;
	set16(p->buf + at + 2, n);
}

static void snmp(struct packet *p, struct rng *r) {
	static const uint8_t head[] = {2, 1, 1, 4, 6, 'p', 'u', 'b', 'l', 'i', 'c'};
	static const uint8_t ids[] = {2, 4, 0x11, 0x22, 0x33, 0x44, 2, 1, 0, 2, 1, 0};
	static const uint8_t oid[] = {6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0};
	uint32_t all = p->end;
	append(p, 4)[0] = 0x30;
	append_bytes(p, head, sizeof(head));
	uint32_t pdu = p->end;
	append(p, 4)[0] = 0xa2;
	append_bytes(p, ids, sizeof(ids));
	uint32_t list = p->end;
	append(p, 4)[0] = 0x30;
	uint32_t binding = p->end;
	append(p, 4)[0] = 0x30;
	append_bytes(p, oid, sizeof(oid));
	uint32_t value = p->end;
	append(p, 4)[0] = 4;
	for (uint64_t n = 40 + rng_below(r, 400); n > 0; n--)
		*append(p, 1) = (uint8_t)('A' + n % 26);
	ber_long(p, value);
	ber_long(p, binding);
	ber_long(p, list);
	ber_long(p, pdu);
	ber_long(p, all);
}

static void cldap(struct packet *p, struct rng *r) {
	static const uint8_t id[] = {2, 1, 7};
	uint32_t all = p->end;
	append(p, 4)[0] = 0x30;
	append_bytes(p, id, sizeof(id));
	uint32_t entry = p->end;
	bool done = rng_chance(r, 0.2);
	append(p, 4)[0] = done ? 0x65 : 0x64;
	if (done) {
		static const uint8_t ok[] = {10, 1, 0, 4, 0, 4, 0};
		append_bytes(p, ok, sizeof(ok));
	} else {
		*append(p, 1) = 4;
		*append(p, 1) = 0;
		uint32_t attributes = p->end;
		append(p, 4)[0] = 0x30;
		append_random(p, r, 100 + (uint32_t)rng_below(r, 1000));
		ber_long(p, attributes);
	}
	ber_long(p, entry);
	ber_long(p, all);
}

static void memcached(struct packet *p, struct rng *r) {
	static const char *const texts[] = {"VALUE a 0 900\r\n", "STAT pid 1\r\nSTAT uptime 7\r\n",
		"END\r\n", "ERROR\r\n", "VERSION 1.4.25\r\n"};
	uint8_t *h = append(p, 8);
	set16(h, (uint16_t)rng_next(r));
	set16(h + 2, 0);
	set16(h + 4, 1);
	set16(h + 6, 0);
	uint64_t which = rng_below(r, 6);
	if (which == 5) {
		uint8_t *b = append(p, 24);
		memset(b, 0, 24);
		b[0] = 0x81;
		return;
	}
	append_text(p, texts[which]);
	for (int i = 0; which == 0 && i < 900; i++)
		*append(p, 1) = 'a';
}

static void chargen(struct packet *p, struct rng *r) {
	uint64_t lines = 1 + rng_below(r, 12);
	for (uint64_t l = 0; l < lines; l++) {
		for (uint64_t i = 0; i < 72; i++)
			*append(p, 1) = (uint8_t)(33 + (i + l) % 94);
		append_text(p, "\r\n");
	}
}

static void portmap(struct packet *p, struct rng *r) {
	uint32_t n = 24 + 24 * (uint32_t)rng_below(r, 20);
	uint8_t *h = append(p, n);
	memset(h, 0, n);
	set32(h, (uint32_t)rng_next(r));
	h[7] = 1; // reply
}

static void netbios(struct packet *p, struct rng *r) {
	uint8_t *h = append(p, 12);
	memset(h, 0, 12);
	set16(h, (uint16_t)rng_next(r));
	set16(h + 2, 0x8400);
	h[7] = 1;
	*append(p, 1) = 32;
	append_text(p, "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	*append(p, 1) = 0;
	uint8_t *t = append(p, 10);
	memset(t, 0, 10);
	t[1] = 0x21;
	t[3] = 1;
	set16(t + 8, 101);
	append_random(p, r, 101);
}

static void discovery(struct packet *p, struct rng *r) {
	bool fault = rng_chance(r, 0.3);
	append_text(p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP-ENV:Envelope>");
	append_text(p, fault ? "<SOAP-ENV:Body><SOAP-ENV:Fault><Code>Sender</Code>"
			       "</SOAP-ENV:Fault></SOAP-ENV:Body>"
			     : "<SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch><Types>tns:Device"
			       "</Types></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body>");
	append_text(p, "</SOAP-ENV:Envelope>");
}

static void coap(struct packet *p, struct rng *r) {
	static const uint8_t codes[] = {0x45, 0x84, 0xa0}; // 2.05, 4.04, 5.00
	uint8_t *h = append(p, 4);
	h[0] = 0x60;
	h[1] = codes[rng_below(r, 3)];
	set16(h + 2, (uint16_t)rng_next(r));
	if (h[1] == 0x45)
		append_text(p, "\xc1\x28\xff</.well-known/core>;ct=40,</sensors/temp>;rt=\"t\"");
}

void payload_response(struct packet *p, uint16_t port, struct rng *r) {
	switch (port) {
	case 123:
		ntp(p, r);
		break;
	case 1900:
		ssdp(p, r);
		break;
	case 161:
		snmp(p, r);
		break;
	case 389:
		cldap(p, r);
		break;
	case 11211:
		memcached(p, r);
		break;
	case 19:
		chargen(p, r);
		break;
	case 111:
		portmap(p, r);
		break;
	case 137:
		netbios(p, r);
		break;
	case 3702:
		discovery(p, r);
		break;
	case 5683:
		coap(p, r);
		break;
	default: // 53 and 5353
		payload_dns(p, r, true);
	}
}

void payload_decoy(struct packet *p, uint16_t port, struct rng *r) {
	static const uint8_t zeros[48] = {0};
	switch (port) {
	case 53:
	case 5353:
		payload_dns(p, r, false);
		break;
	case 123:
		append_bytes(p, zeros, 48);
		p->buf[p->end - 48] = 0x23; // a client's
		break;
	case 1900:
		append_text(p, "M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n");
		break;
	case 5683:
		append_text(p, "\x40\x01\x7d\x70"); // GET
		break;
	case 11211:
		append_bytes(p, zeros, 8);
		append_text(p, "stats\r\n");
		break;
	default:
		append_bytes(p, zeros, 24);
	}
}

void payload_probe(struct packet *p, uint16_t port, struct rng *r) {
	switch (port) {
	case 53:
		payload_dns(p, r, false);
		break;
	case 5060:
		append_text(p,
			"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			"198.51.100.1:5060\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
		break;
	case 161:
		append_text(
			p, "\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x11\x22\x33\x44");
		break;
	case 123:
	case 1900:
	case 5683:
	case 11211:
		payload_decoy(p, port, r);
		break;
	case 443:
		append_random(p, r, 1200);
		break;
	default:
		append_random(p, r, (uint32_t)rng_below(r, 65));
	}
}
