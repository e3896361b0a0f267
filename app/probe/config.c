/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "tt_conf.h"
#include "tt_file.h"

static uint64_t number(const json_t *o, const char *key, uint64_t fallback) {
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : fallback;
}

static const char *text(const json_t *o, const char *key) {
	const char *s = json_string_value(json_object_get(o, key));
	return s && *s ? s : NULL;
}

// A path of the configuration is relative to the configuration's folder. NULL: none, or no memory.
static char *path_of(const struct config *c, const char *path) {
	char out[4096];
	if (!path)
		return NULL;
	return strdup(
		c->path && tt_conf_path(c->path, path, out, sizeof(out), NULL) == 0 ? out : path);
}

static bool is_pci(const char *s) {
	// [DDDD:]BB:DD.F
	static const char *const shapes[] = {"xxxx:xx:xx.d", "xx:xx.d"};
	for (unsigned i = 0; i < 2; i++) {
		const char *p = s, *f = shapes[i];
		for (; *f && *p; f++, p++)
			if (*f == 'x'	    ? !isxdigit((unsigned char)*p)
				: *f == 'd' ? !isdigit((unsigned char)*p)
					    : *f != *p)
				break;
		if (!*f && (!*p || *p == ','))
			return true;
	}
	return false;
}

enum device_kind config_device_kind(const char *device) {
	if (is_pci(device))
		return DEVICE_PCI;
	if (strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0)
		return DEVICE_VDEV;
	return DEVICE_FILE;
}

static int load_uplinks(struct config *c, struct tt_err *err) {
	const json_t *list = json_object_get(c->json, "uplinks");
	size_t i;
	json_t *u;
	if (!c->replay && json_array_size(list) == 0)
		return tt_err_set(err, -EINVAL,
			"%s: $.uplinks: is empty, expected at least one uplink", c->path);
	json_array_foreach(list, i, u) {
		if (i == UPLINK_MAX)
			return tt_err_set(err, -EINVAL, "%s: $.uplinks: more than %d entries",
				c->path, UPLINK_MAX);
		struct uplink_conf *x = &c->uplinks[i];
		const char *id = text(u, "id"), *device = text(u, "device");
		snprintf(x->id, sizeof(x->id), "%s", id);
		x->kind = config_device_kind(device);
		x->device = x->kind == DEVICE_FILE ? path_of(c, device) : strdup(device);
		x->queues = (unsigned)number(u, "queues", 0);
		x->descriptors = (unsigned)number(u, "descriptors", 0);
		x->buffers = (unsigned)number(u, "buffers", 0);
		x->mtu = (unsigned)number(u, "mtu", 0);
		if (!x->device)
			return tt_err_set(err, -ENOMEM, "out of memory");
		c->uplink_n = (unsigned)i + 1;
	}
	return 0;
}

void config_choose_workers(struct config *c, const cpu_set_t *allowed, const cpu_set_t *isolated) {
	unsigned nics = 0;
	bool free_cores = false;
	for (unsigned i = 0; i < c->uplink_n; i++)
		nics += c->uplinks[i].kind == DEVICE_PCI;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		free_cores |= CPU_ISSET(i, isolated) && CPU_ISSET(i, allowed) && i != c->main_lcore;
	unsigned most = c->replay || nics == 0 ? 1 : free_cores ? WORKER_MAX : nics;
	for (unsigned i = 0; i < CPU_SETSIZE && c->worker_n < most; i++)
		if (i != c->main_lcore && CPU_ISSET(i, allowed) &&
			(!free_cores || CPU_ISSET(i, isolated)))
			c->workers[c->worker_n++] = i;
	if (c->worker_n == 0) // a single core: threads share it
		c->workers[c->worker_n++] = c->main_lcore + 1;
}

static int load_lcores(struct config *c, struct tt_err *err) {
	const json_t *l = json_object_get(c->json, "lcores"), *w = json_object_get(l, "workers");
	c->main_lcore = (unsigned)number(l, "main", 0);
	if (json_array_size(w) > WORKER_MAX)
		return tt_err_set(err, -EINVAL, "%s: $.lcores.workers: more than %d entries",
			c->path, WORKER_MAX);
	for (size_t i = 0; i < json_array_size(w); i++)
		c->workers[c->worker_n++] = (unsigned)json_integer_value(json_array_get(w, i));
	if (c->worker_n == 0) {
		struct machine m;
		machine_read(&m, "");
		config_choose_workers(c, &m.allowed, &m.isolated);
	}
	return 0;
}

static void load_ports(const json_t *packet, const char *key, uint16_t ports[8]) {
	const json_t *list = json_object_get(packet, key);
	if (!list)
		return;
	memset(ports, 0, 8 * sizeof(ports[0]));
	for (size_t i = 0; i < json_array_size(list) && i < 8; i++)
		ports[i] = (uint16_t)json_integer_value(json_array_get(list, i));
}

static void load_packet(struct config *c) {
	const json_t *packet = json_object_get(c->json, "packet");
	tt_packet_conf_init(&c->packet);
	load_ports(packet, "vxlan_ports", c->packet.vxlan_ports);
	load_ports(packet, "geneve_ports", c->packet.geneve_ports);
	const json_t *list = json_object_get(packet, "reflectors");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i);
		const char *name = text(r, "test");
		int test = name ? tt_reflector_parse(name) : -1;
		c->packet.reflector[number(r, "port", 0) & 0xffff] =
			(uint8_t)(test < 0 ? TT_REFLECTOR_NONE : test);
	}
}

static void load_flow(struct config *c) {
	const json_t *f = json_object_get(c->json, "flow");
	const char *overflow = text(f, "overflow");
	c->ipv4 = (uint32_t)number(f, "ipv4", 917504);
	c->ipv6 = (uint32_t)number(f, "ipv6", 114688);
	c->spill = (uint32_t)number(f, "spill", 65536);
	// live, waiting would lose packets in the rings
	c->wait_when_full = c->replay && !(overflow && strcmp(overflow, "spill") == 0);
}

static void load_eal(struct config *c) {
	const json_t *e = json_object_get(c->json, "eal");
	const char *s = text(e, "hugepages");
	c->memory_mb = (unsigned)number(e, "memory_mb", 0);
	c->telemetry = !c->replay && json_is_true(json_object_get(e, "telemetry"));
	c->hugepages = s && strcmp(s, "on") == 0    ? HUGEPAGES_ON
		       : s && strcmp(s, "off") == 0 ? HUGEPAGES_OFF
						    : HUGEPAGES_AUTO;
}

static int load_secret(
	const struct config *c, const json_t *o, struct tt_link_keys *keys, struct tt_err *err) {
	const char *name = text(o, "secret_key_file");
	if (!name)
		return 0;
	char *path = path_of(c, name);
	if (!path)
		return tt_err_set(err, -ENOMEM, "out of memory");
	int rc = tt_link_keys_load(keys, path, err);
	free(path);
	return rc;
}

static int load_collector(struct config *c, const struct options *o, struct tt_err *err) {
	const json_t *l = json_object_get(c->json, "collector");
	const char *endpoint = o->connect ? o->connect : text(l, "endpoint");
	const char *key = text(l, "server_key"), *spool = text(l, "spool");
	c->window = (unsigned)number(l, "window", 64);
	c->spool_max = number(l, "spool_mb", 1024) << 20;
	if (!endpoint)
		return 0;
	c->collector = strdup(endpoint);
	if (spool && !c->replay)
		c->spool = path_of(c, spool);
	if (!c->collector || (spool && !c->replay && !c->spool))
		return tt_err_set(err, -ENOMEM, "out of memory");
	if (key && strlen(key) != 40)
		return tt_err_set(err, -EINVAL,
			"%s: $.collector.server_key: is %zu characters, expected a Z85 key of 40",
			c->path, strlen(key));
	snprintf(c->keys.server_key, sizeof(c->keys.server_key), "%s", key ? key : "");
	int rc = tt_link_endpoint_check(endpoint, err);
	if (rc == 0)
		rc = load_secret(c, l, &c->keys, err);
	if (rc == 0 && !tt_link_is_local(endpoint) && (!key || !c->keys.secret_key[0]))
		rc = tt_err_set(err, -EINVAL,
			"%s: is neither ipc nor loopback, expected $.collector.server_key and "
			"$.collector.secret_key_file (CURVE)",
			endpoint);
	return rc;
}

static int load_publish(struct config *c, struct tt_err *err) {
	const json_t *l = json_object_get(c->json, "publish");
	const char *endpoint = text(l, "endpoint");
	c->hwm = (int)number(l, "hwm", 1000);
	if (!endpoint || c->replay)
		return 0;
	c->publish = strdup(endpoint);
	if (!c->publish)
		return tt_err_set(err, -ENOMEM, "out of memory");
	int rc = tt_link_endpoint_check(endpoint, err);
	if (rc)
		return tt_err_prefix(err, rc, "%s: $.publish.endpoint", c->path);
	rc = load_secret(c, l, &c->publish_keys, err);
	if (rc == 0 && !tt_link_is_local(endpoint) && !c->publish_keys.secret_key[0])
		rc = tt_err_set(err, -EINVAL,
			"%s: $.publish.endpoint: %s is neither ipc nor loopback, expected "
			"$.publish.secret_key_file (CURVE)",
			c->path, endpoint);
	return rc;
}

static int load_json(struct config *c, const struct options *o, struct tt_err *err) {
	// a replay needs no file: every option has a default
	static const char defaults[] =
		"{\"kind\":\"probe\",\"v\":1,\"probe\":\"replay\",\"uplinks\":[]}";
	if (!o->config) {
		tt_sha256(defaults, sizeof(defaults) - 1, c->sha256);
		return tt_conf_loads(
			defaults, sizeof(defaults) - 1, "(defaults)", "probe", &c->json, err);
	}
	c->path = strdup(o->config);
	if (!c->path)
		return tt_err_set(err, -ENOMEM, "out of memory");
	int rc = tt_conf_load(o->config, "probe", &c->json, err);
	return rc ? rc : tt_file_sha256(o->config, c->sha256, err);
}

int config_load(struct config *c, const struct options *o, struct tt_err *err) {
	memset(c, 0, sizeof(*c));
	c->replay = o->replay;
	int rc = load_json(c, o, err);
	if (rc)
		return rc;
	const char *name = text(c->json, "probe");
	snprintf(c->probe, sizeof(c->probe), "%s", o->replay ? "replay" : name ? name : "");
	c->epoch_s = (uint32_t)number(c->json, "epoch_s", 60);
	c->link_wait_s = (unsigned)number(c->json, "link_wait_s", 5);
	const char *idle = text(c->json, "idle");
	c->idle = !idle			      ? IDLE_ADAPTIVE
		  : strcmp(idle, "busy") == 0 ? IDLE_BUSY
		  : *idle == 'i'	      ? IDLE_INTERRUPT
					      : IDLE_ADAPTIVE;
	c->sensors = o->sensors ? strdup(o->sensors) : path_of(c, text(c->json, "sensors"));
	c->rir = o->rir ? strdup(o->rir) : path_of(c, text(c->json, "rir"));
	c->user = text(c->json, "user");
	c->group = text(c->json, "group");
	load_flow(c);
	load_eal(c);
	load_packet(c);
	if ((rc = load_uplinks(c, err)) || (rc = load_lcores(c, err)) ||
		(rc = load_collector(c, o, err)))
		return rc;
	return load_publish(c, err);
}

int config_readers(const json_t *json, struct tt_link_peer_key **out, unsigned *n) {
	const json_t *publish = json_object_get(json, "publish");
	return tt_link_peer_keys(json_object_get(publish, "reader_keys"), "reader", out, n);
}

void config_free(struct config *c) {
	for (unsigned i = 0; i < UPLINK_MAX; i++)
		free(c->uplinks[i].device);
	free(c->path);
	free(c->sensors);
	free(c->rir);
	free(c->publish);
	free(c->collector);
	free(c->spool);
	json_decref(c->json);
	memset(c, 0, sizeof(*c));
}
