/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"
#include "tt_names.h"

static const struct option uplink[] = {
	{.name = "id",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of the uplink, as sensor rules and messages call it."},
	{.name = "device",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_line,
		.help = "What it is: a PCI address (`0000:01:00.0`), a DPDK virtual device "
			"(`net_af_packet0,iface=veth1`) or the path of a capture file."},
	{.name = "queues",
		.type = O_INT,
		.max = 64,
		.preset = "0",
		.help = "Receive queues, dealt out to the workers; 0: chosen, as many as the "
			"link's "
			"rate needs and workers of its NUMA node can poll (one on a virtual "
			"device)."},
	{.name = "descriptors",
		.type = O_INT,
		.max = 65536,
		.preset = "0",
		.help = "Packets that the ring of a queue holds; 0: chosen, a millisecond of the "
			"smallest packets at line rate, 1,024 to 4,096."},
	{.name = "buffers",
		.type = O_INT,
		.max = 67108864,
		.preset = "0",
		.help = "Packet buffers that the uplink has at least; 0: twice what all rings hold "
			"and what workers hold. `net_pcap` with `infinite_rx=1` needs one for "
			"every "
			"packet of its capture."},
	{.name = "mtu",
		.type = O_INT,
		.max = 65535,
		.preset = "0",
		.help = "Largest IP packet that is received whole; 0: that of the kernel's "
			"interface, or the device's own setting (1,500 as a rule). A device counts "
			"larger frames as `ierrors`, or cuts them."},
	{NULL},
};
static const struct option uplink_element = {.type = O_OBJECT, .of = uplink};

static const struct option eal[] = {
	{.name = "hugepages",
		.type = O_STRING,
		.choices = "auto|on|off",
		.preset = "\"auto\"",
		.help = "Whether memory comes from hugepages; `auto`: where the machine has them."},
	{.name = "memory_mb",
		.type = O_INT,
		.max = 4194304,
		.preset = "0",
		.help = "Memory to reserve, in MiB; 0: what the tables and queues need."},
	{.name = "args",
		.type = O_LIST,
		.max = 64,
		.preset = "[]",
		.of = &text_element,
		.help = "Further arguments for DPDK's environment layer, one text each."},
	{.name = "telemetry",
		.type = O_BOOL,
		.preset = "true",
		.help = "Whether DPDK's telemetry socket is offered, as file prefix "
			"`teiten-PROBE`."},
	{NULL},
};

static const struct option lcore_element = {.type = O_INT, .max = 1023};
static const struct option lcores[] = {
	{.name = "main",
		.type = O_INT,
		.max = 1023,
		.preset = "0",
		.help = "Core of control and harvest; it polls nothing."},
	{.name = "workers",
		.type = O_LIST,
		.flags = O_DISTINCT | O_NULL,
		.min = 1,
		.max = 127,
		.preset = "null",
		.of = &lcore_element,
		.help = "Cores that poll the uplinks, one worker each; none of them is `main`. "
			"null: chosen, all cores that the kernel keeps free (isolcpus), else one "
			"for each NIC as far as there are cores, else one. `replay`: one."},
	{NULL},
};

static int check_lcores(const json_t *value, struct place *at) {
	json_int_t main_core = json_integer_value(json_object_get(value, "main"));
	const json_t *workers = json_object_get(value, "workers");
	size_t top = option_enter(at, "workers");
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *w = json_array_get(workers, i);
		size_t was = option_enter_index(at, i);
		if (json_integer_value(w) == main_core)
			return option_bad(at, w, "a core that is not $.lcores.main");
		option_leave(at, was);
	}
	option_leave(at, top);
	return 0;
}

static const struct option flow[] = {
	{.name = "ipv4",
		.type = O_INT,
		.min = 1,
		.max = 469762048,
		.preset = "917504",
		.help = "IPv4 flows that one table of a worker holds (each worker has two). Each "
			"takes at most 256 bytes in both together, least at 61/64 of a power of "
			"two."},
	{.name = "ipv6",
		.type = O_INT,
		.min = 1,
		.max = 469762048,
		.preset = "229376",
		.help = "The same for IPv6, with at most 300 bytes for each."},
	{.name = "spill",
		.type = O_INT,
		.max = 16777216,
		.preset = "65536",
		.help = "Places of the table that counts without the source when a flow table is "
			"full."},
	{.name = "overflow",
		.type = O_STRING,
		.flags = O_NULL,
		.choices = "wait|spill",
		.preset = "null",
		.help = "What `replay` does with a full table: `wait` (the default there) reads no "
			"further until it was harvested, `spill` counts without the source. Live "
			"traffic always spills."},
	{NULL},
};

static const struct option port_element = {.type = O_INT, .min = 1, .max = 65535};
static const struct option reflector[] = {
	{.name = "port",
		.type = O_INT,
		.flags = O_REQUIRED,
		.min = 1,
		.max = 65535,
		.help = "UDP source port."},
	{.name = "test",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.choices =
			"dns|ntp|ssdp|snmp|cldap|memcached|chargen|portmap|netbios|wsd|coap|none",
		.help = "Which response its payload must be for the packet to be a reflection; "
			"`none`: never."},
	{NULL},
};
static const struct option reflector_element = {.type = O_OBJECT, .of = reflector};

static const struct option packet[] = {
	{.name = "vxlan_ports",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.min = 1,
		.max = 8,
		.preset = "[4789]",
		.of = &port_element,
		.help = "UDP destination ports of VXLAN."},
	{.name = "geneve_ports",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.min = 1,
		.max = 8,
		.preset = "[6081]",
		.of = &port_element,
		.help = "UDP destination ports of GENEVE."},
	{.name = "reflectors",
		.type = O_LIST,
		.max = 1024,
		.preset = "[]",
		.of = &reflector_element,
		.unique = "port",
		.help = "Ports of amplifiers besides the built-in table, or other tests for "
			"those."},
	{NULL},
};

static const struct option publish[] = {
	{.name = "endpoint",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_endpoint,
		.preset = "null",
		.help = "Where the `live`, `stats` and `health` streams are published; null: "
			"nowhere."},
	{.name = "hwm",
		.type = O_INT,
		.min = 1,
		.max = 1000000,
		.preset = "1000",
		.help = "Messages that wait for a slow subscriber before it misses some."},
	{.name = "secret_key_file",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "File of `teiten keygen`; needed where the endpoint is not ipc, inproc or "
			"loopback."},
	{.name = "reader_keys",
		.type = O_LIST,
		.max = 4096,
		.preset = "[]",
		.of = &reader_key_element,
		.unique = "reader|key",
		.help = "Readers that may subscribe over CURVE; nobody else may. Read again by "
			"itself when the file changes, and on SIGHUP."},
	{NULL},
};

static const struct option collector[] = {
	{.name = "endpoint",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_endpoint,
		.preset = "null",
		.help = "Where the collector listens; null: observations go nowhere."},
	{.name = "server_key",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_key,
		.preset = "null",
		.help = "The collector's public key; needed where the endpoint is not ipc, inproc "
			"or "
			"loopback."},
	{.name = "secret_key_file",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "File of `teiten keygen` with this probe's own keys."},
	{.name = "spool",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "File that keeps batches until the collector has them; null: memory, lost "
			"when the probe ends."},
	{.name = "spool_mb",
		.type = O_INT,
		.min = 1,
		.max = 16777216,
		.preset = "1024",
		.help = "Most that the spool holds, in MiB; past that the oldest are given up and "
			"counted as lost."},
	{.name = "window",
		.type = O_INT,
		.min = 1,
		.max = 65536,
		.preset = "64",
		.help = "Batches on their way without an acknowledgement."},
	{NULL},
};

static const struct option options[] = {
	{.name = "probe",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of this probe in messages and in the store."},
	{.name = "epoch_s",
		.type = O_INT,
		.min = 1,
		.max = 3600,
		.preset = "60",
		.help = "Seconds of an epoch; divides 3,600."},
	{.name = "sensors",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "The sensors.json; null: every packet belongs to one sensor `default`."},
	{.name = "rir",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Folder of RIR delegation files, for the regions in the `stats` stream."},
	{.name = "uplinks",
		.type = O_LIST,
		.max = 32,
		.preset = "[]",
		.of = &uplink_element,
		.unique = "id",
		.help = "Where packets come from. `replay` does not use them."},
	{.name = "link_wait_s",
		.type = O_INT,
		.max = 600,
		.preset = "5",
		.help = "Seconds that the start waits for links to come up. It goes on without "
			"them; they may come at any time."},
	{.name = "idle",
		.type = O_STRING,
		.choices = "busy|adaptive|interrupt",
		.preset = "\"adaptive\"",
		.help = "What a worker does when little comes: `busy` polls on and takes a core "
			"whole; `adaptive` naps, at most as long as half a ring takes to fill; "
			"`interrupt` sleeps until the device says that something came, where the "
			"device can."},
	{.name = "eal", .type = O_OBJECT, .preset = "{}", .of = eal, .help = "DPDK's start."},
	{.name = "lcores",
		.type = O_OBJECT,
		.preset = "{}",
		.of = lcores,
		.check = check_lcores,
		.help = "Which cores do what."},
	{.name = "flow",
		.type = O_OBJECT,
		.preset = "{}",
		.of = flow,
		.help = "Sizes of the flow tables."},
	{.name = "packet",
		.type = O_OBJECT,
		.preset = "{}",
		.of = packet,
		.help = "What the parser is told."},
	{.name = "publish",
		.type = O_OBJECT,
		.preset = "{}",
		.of = publish,
		.help = "The PUB streams."},
	{.name = "collector",
		.type = O_OBJECT,
		.preset = "{}",
		.of = collector,
		.help = "The way of observations."},
	{.name = "user",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_line,
		.preset = "null",
		.help = "User to become once the uplinks are open, where it is started by root. "
			"The spool's folder has to be that user's."},
	{.name = "group",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_line,
		.preset = "null",
		.help = "Group to become with it; null: the user's own."},
	{NULL},
};

static int check_probe(const json_t *root, struct place *at) {
	const json_t *epoch = json_object_get(root, "epoch_s");
	size_t was = option_enter(at, "epoch_s");
	if (3600 % json_integer_value(epoch) != 0)
		return option_bad(at, epoch, "a divisor of 3600");
	option_leave(at, was);
	return 0;
}

const struct kind kind_probe = {
	.name = "probe",
	.title = "The data plane of one machine",
	.help = "Read by `teiten-probe -c`. Relative paths are relative to the file's folder.",
	.example = "{\n"
		   "  \"kind\": \"probe\", \"v\": 1, \"probe\": \"tokyo\", \"sensors\": "
		   "\"sensors.json\",\n"
		   "  \"uplinks\": [{\"id\": \"up0\", \"device\": "
		   "\"net_af_packet0,iface=veth1\"}],\n"
		   "  \"publish\": {\"endpoint\": \"tcp://127.0.0.1:5491\"},\n"
		   "  \"collector\": {\"endpoint\": \"tcp://127.0.0.1:5490\", \"spool\": "
		   "\"/var/lib/teiten/spool.db\"}\n"
		   "}\n",
	.options = options,
	.check = check_probe,
};
