/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_socket.h"

#include <ctype.h>
#include <dirent.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>

static int by_number(const void *a, const void *b) {
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

void packet_sockets_list(struct packet_sockets *s) {
	DIR *d = opendir("/proc/self/fd");
	s->n = 0;
	for (struct dirent *x; d && s->n < PACKET_SOCKETS_MAX && (x = readdir(d));) {
		int fd = atoi(x->d_name), domain = 0;
		socklen_t len = sizeof(domain);
		if (isdigit((unsigned char)x->d_name[0]) &&
			getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
			domain == AF_PACKET)
			s->fds[s->n++] = fd;
	}
	if (d)
		closedir(d);
	qsort(s->fds, s->n, sizeof(s->fds[0]), by_number);
}

unsigned packet_sockets_new(const struct packet_sockets *before, const struct packet_sockets *after,
	int *fds, unsigned max) {
	unsigned n = 0;
	for (unsigned i = 0; i < after->n && n < max; i++)
		if (!bsearch(&after->fds[i], before->fds, before->n, sizeof(before->fds[0]),
			    by_number))
			fds[n++] = after->fds[i];
	return n;
}

uint64_t packet_socket_drops(int fd) {
	struct tpacket_stats s = {0};
	socklen_t len = sizeof(s);
	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0 ? s.tp_drops : 0;
}

void packet_socket_clear(int fd) {
	int error;
	socklen_t len = sizeof(error);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}
