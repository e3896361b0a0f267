/* SPDX-License-Identifier: BSD-3-Clause */
// The letter that goes with a file, in the contact's language.
#include <inttypes.h>
#include <string.h>

#include "feed.h"

struct sum {
	uint64_t packets;
	int64_t first_us, last_us;
};

static struct sum sum_of(const struct feed_row *rows, size_t n) {
	struct sum s = {.first_us = INT64_MAX, .last_us = INT64_MIN};
	for (size_t i = 0; i < n; i++) {
		s.packets += rows[i].s.packets;
		s.first_us = rows[i].s.first_us < s.first_us ? rows[i].s.first_us : s.first_us;
		s.last_us = rows[i].s.last_us > s.last_us ? rows[i].s.last_us : s.last_us;
	}
	return s;
}

// "" where no file tells it.
static void network_of(const struct feed *f, uint32_t asn, char *out, size_t size) {
	const char *name = asn ? tt_asn_name(f->conf->asn, asn) : NULL;
	out[0] = '\0';
	if (asn)
		snprintf(out, size, "AS%u%s%s%s", asn, name ? " (" : "", name ? name : "",
			name ? ")" : "");
}

static void english(const struct feed *f, const struct feed_row *rows, size_t n, const char *file,
	struct tt_buf *out) {
	struct sum s = sum_of(rows, n);
	char first[TT_RFC3339_LEN], last[TT_RFC3339_LEN], network[256];
	network_of(f, rows[0].s.asn, network, sizeof(network));
	tt_buf_printf(out, "To: %s%s%s%s\nSubject: [TLP:%s] %s, %s%s%s\n\n",
		rows[0].contact->title[TT_EN], *rows[0].contact->email ? " <" : "",
		rows[0].contact->email, *rows[0].contact->email ? ">" : "", f->tlp,
		f->watch->title_en, network, *network ? ", " : "", f->day);
	tt_buf_printf(out,
		"Dear colleagues,\n\n"
		"On %s (%s) our sensors received packets from %zu address%s of your "
		"network.\n\n%s\n\n",
		f->day, tt_tz_name(tt_store_tz(f->s)), n, n == 1 ? "" : "es",
		feed_classes[f->kind].text[TT_EN]);
	tt_buf_printf(out,
		"  What:      %s\n  Network:   %s\n  Addresses: %zu\n  Packets:   %" PRIu64
		"\n  First:     %s\n  Last:      %s\n  Details:   %s\n\n",
		f->identifier, *network ? network : "unknown", n, s.packets,
		tt_time_format(s.first_us / 1000000, first),
		tt_time_format(s.last_us / 1000000, last), file);
	tt_buf_printf(out,
		"Times are UTC. Source ports are given where they are known, for networks "
		"that share addresses.\nWhat is told was observed at sensors that send "
		"nothing; source addresses can be forged.\n");
	if (f->cooldown)
		tt_buf_printf(
			out, "The same address is not told again for %u days.\n", f->cooldown);
	tt_buf_printf(out,
		"Please look into it, and tell us if these addresses are not yours.\n\n%s\n",
		f->contacts.sender[TT_EN]);
}

static void japanese(const struct feed *f, const struct feed_row *rows, size_t n, const char *file,
	struct tt_buf *out) {
	struct sum s = sum_of(rows, n);
	char first[TT_RFC3339_LEN], last[TT_RFC3339_LEN], network[256];
	network_of(f, rows[0].s.asn, network, sizeof(network));
	tt_buf_printf(out, "宛先: %s%s%s%s\n件名: [TLP:%s] %s（%s%s%s）\n\n",
		rows[0].contact->title[TT_JA], *rows[0].contact->email ? " <" : "",
		rows[0].contact->email, *rows[0].contact->email ? ">" : "", f->tlp,
		f->watch->title_ja, network, *network ? "、" : "", f->day);
	tt_buf_printf(out,
		"%s 御中\n\n"
		"%s（%s）に、貴組織のネットワークの%zu件のアドレスから、当方の観測用センサー"
		"にパケットが届きました。\n\n%s\n\n",
		rows[0].contact->title[TT_JA], f->day, tt_tz_name(tt_store_tz(f->s)), n,
		feed_classes[f->kind].text[TT_JA]);
	tt_buf_printf(out,
		"  種別:           %s\n  ネットワーク:   %s\n  アドレス数:     %zu\n"
		"  パケット数:     %" PRIu64
		"\n  最初の観測:     %s\n  最後の観測:     %s\n  詳細:           %s\n\n",
		f->identifier, *network ? network : "不明", n, s.packets,
		tt_time_format(s.first_us / 1000000, first),
		tt_time_format(s.last_us / 1000000, last), file);
	tt_buf_printf(out,
		"時刻はUTCです。アドレスを共有するネットワークのため、判明している送信元ポ"
		"ートを記載しています。\n本情報は、自らは送信しないセンサーでの観測に基づきま"
		"す。送信元アドレスは詐称されている可能性があります。\n");
	if (f->cooldown)
		tt_buf_printf(out, "同じアドレスについては%u日間、再度の連絡をいたしません。\n",
			f->cooldown);
	tt_buf_printf(out,
		"ご確認のうえ、該当しないアドレスがございましたらお知らせください。\n\n%s\n",
		f->contacts.sender[TT_JA]);
}

void feed_letter(const struct feed *f, const struct feed_row *rows, size_t n, const char *file,
	struct tt_buf *out) {
	int lang = f->conf->lang >= 0 ? f->conf->lang : (int)rows[0].contact->lang;
	(lang == TT_JA ? japanese : english)(f, rows, n, file, out);
	if (*f->contacts.sender_email)
		tt_buf_printf(out, "%s\n", f->contacts.sender_email);
	if (*f->contacts.sender_url)
		tt_buf_printf(out, "%s\n", f->contacts.sender_url);
}
