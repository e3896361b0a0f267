/* SPDX-License-Identifier: BSD-3-Clause */
// What a row of each list of the side file is: its key, from a cell, and how it reads.
#include "truth_views.h"

#include <inttypes.h>

const char *truth_region(const struct fold *f, uint32_t source) {
	uint8_t r = f->t->sources->s[source].region;
	return r < f->t->regions->n ? f->t->regions->r[r].cc : "--";
}

// Regions of one code are one, whichever range an address is from.
static uint64_t region_key(const struct fold *f, uint32_t source) {
	const char *cc = truth_region(f, source);
	return (uint64_t)(uint8_t)cc[0] << 8 | (uint8_t)cc[1];
}

static uint64_t service_key(const struct cell_view *c) {
	return (uint64_t)c->class << 24 | (uint64_t)c->proto << 16 | c->port;
}

static bool by_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->class;
	return true;
}

static bool by_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = service_key(c);
	return true;
}

static bool by_sensor_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 27 | service_key(c);
	return true;
}

static bool by_region(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->class << 16 | region_key(f, c->source);
	return true;
}

static bool by_sensor_region(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 19 | (uint64_t)c->class << 16 | region_key(f, c->source);
	return true;
}

static bool by_region_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = region_key(f, c->source) << 27 | service_key(c);
	return true;
}

static bool by_sensor(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->sensor;
	return true;
}

static bool by_sensor_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 3 | c->class;
	return true;
}

static bool by_source(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->source;
	return true;
}

static bool by_source_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->source << 3 | c->class;
	return true;
}

static bool by_dport(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	bool mixed = c->dport == PORT_MIXED;
	*row = mixed ? 1u << 24 : (uint64_t)c->proto << 16 | c->dport;
	return true;
}

static bool by_class_dport(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	by_dport(f, c, row);
	*row |= (uint64_t)c->class << 25;
	return true;
}

static bool by_tool(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->tool;
	return c->tool != PLAIN;
}

static bool by_sensor_tool(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 2 | c->tool;
	return c->tool != PLAIN;
}

static void print_class(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"class\":\"%s\"", tt_class_name((enum tt_class)(row & 7)));
}

static void print_port(const struct fold *f, uint64_t row) {
	char proto[8];
	unsigned p = (unsigned)(row >> 16 & 255), port = (unsigned)(row & 0xffff);
	fprintf(f->f, "\"proto\":\"%s\",\"port\":%u", tt_proto_format((uint8_t)p, proto), port);
	if (tt_proto_is_icmp((uint8_t)p))
		fprintf(f->f, ",\"type\":%u,\"code\":%u", port >> 8, port & 255);
}

static void print_service(const struct fold *f, uint64_t row) {
	print_class(f, row >> 24);
	fputc(',', f->f);
	print_port(f, row);
}

static void print_sensor(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"sensor\":\"%s\"", f->t->targets->t[row].conf->id);
}

static void print_sensor_service(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 27);
	fputc(',', f->f);
	print_service(f, row & 0x7ffffff);
}

static void print_region_code(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"region\":\"%c%c\"", (char)(row >> 8), (char)row);
}

static void print_region(const struct fold *f, uint64_t row) {
	print_class(f, row >> 16);
	fputc(',', f->f);
	print_region_code(f, row & 0xffff);
}

static void print_sensor_region(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 19);
	fputc(',', f->f);
	print_region(f, row & 0x7ffff);
}

static void print_region_service(const struct fold *f, uint64_t row) {
	print_region_code(f, row >> 27 & 0xffff);
	fputc(',', f->f);
	print_service(f, row & 0x7ffffff);
}

static void print_sensor_class(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 3);
	fputc(',', f->f);
	print_class(f, row);
}

static void print_source(const struct fold *f, uint64_t row) {
	char text[TT_ADDR_STRLEN];
	fprintf(f->f, "\"source\":\"%s\",\"region\":\"%s\"",
		tt_addr_format(&f->t->sources->s[row].addr, text), truth_region(f, (uint32_t)row));
}

static void print_source_class(const struct fold *f, uint64_t row) {
	print_source(f, row >> 3);
	fputc(',', f->f);
	print_class(f, row);
}

static void print_dport(const struct fold *f, uint64_t row) {
	if (row & 1u << 24)
		fprintf(f->f, "\"mixed\":true");
	else
		print_port(f, row);
}

static void print_class_dport(const struct fold *f, uint64_t row) {
	print_class(f, row >> 25);
	fputc(',', f->f);
	print_dport(f, row & 0x1ffffff);
}

static void print_tool(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"tool\":\"%s\"", tt_tool_name((enum tt_tool)((row & 3) - 1)));
}

static void print_sensor_tool(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 2);
	fputc(',', f->f);
	print_tool(f, row);
}

const struct view truth_views[] = {
	{"classes", by_class, print_class},
	{"services", by_service, print_service},
	{"sensor_services", by_sensor_service, print_sensor_service},
	{"regions", by_region, print_region},
	{"sensor_regions", by_sensor_region, print_sensor_region},
	{"region_services", by_region_service, print_region_service},
	{"sensors", by_sensor, print_sensor},
	{"sensor_classes", by_sensor_class, print_sensor_class},
	{"sources", by_source, print_source},
	{"source_classes", by_source_class, print_source_class},
	{"dports", by_dport, print_dport},
	{"class_dports", by_class_dport, print_class_dport},
	{"tools", by_tool, print_tool},
	{"sensor_tools", by_sensor_tool, print_sensor_tool},
	{0},
};
