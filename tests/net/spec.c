// SPDX-License-Identifier: BSD-2-Clause
/* Specifications of network devices: what is understood, what is refused, and that messages name it and the remedy */
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/hyp_net.h>

#include "space.h"
#include "../tap.h"

#define MEMORY 9 /* a descriptor that is handed over */

static void refused(const char *spec, int expected, const char *named, const char *remedy)
{
	struct hyp_net *net = NULL;
	char error[512] = "";
	int result = hyp_net_open(spec, 0, &net, error, sizeof(error));

	tap_ok(result == expected && !net, "\"%s\": error %d", spec, result);
	tap_ok(strstr(error, named) && strstr(error, remedy) && !strchr(error, '\n'), "\"%s\": %s", spec, error);
}

static struct hyp_net *opened(const char *spec, uint32_t flags)
{
	struct hyp_net *net = NULL;
	char error[512] = "";

	tap_ok(!hyp_net_open(spec, flags, &net, error, sizeof(error)), "\"%s\" opens%s", spec, error);
	if (!net)
		tap_abort("nothing else makes sense");
	return net;
}

static void check_options(void)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
	struct hyp_net *net = opened("pair,mac=52-54-00-12-34-56,mtu=9000,queues=3:options", 0);

	tap_ok(!memcmp(net->info.mac, mac, 6), "the address is the one that was given");
	tap_is(net->info.mtu, 9000, "so is the MTU");
	tap_is(net->info.queues, 3, "and so are the queues");
	net->ops->close(net);
	net = opened("pair,offload=0:plain", 0);
	tap_is(net->info.caps, 0, "offload=0: no capabilities");
	net->ops->close(net);
	net = opened("pair:plain", HYP_NET_OPEN_PLAIN);
	tap_is(net->info.caps, 0, "HYP_NET_OPEN_PLAIN: no capabilities");
	net->ops->close(net);
}

/* An end is free again when it is closed, and a pair is gone with its last end */
static void check_pair(void)
{
	struct hyp_net *a = opened("pair:p", 0), *b = opened("pair:p", 0), *c;

	tap_ok(memcmp(a->info.mac, b->info.mac, 6), "the ends of a pair have addresses that differ");
	refused("pair:p", -HYP_EBUSY, "both ends of p", "another name");
	b->ops->close(b);
	refused("pair,queues=2:p", -HYP_EINVAL, "1 queues", "the same here");
	refused("pair,offload=0:p", -HYP_EINVAL, "offload=1", "the same here");
	b = opened("pair:p", 0);
	a->ops->close(a);
	a = opened("pair:p", 0);
	refused("pair:p", -HYP_EBUSY, "both ends of p", "another name");
	a->ops->close(a);
	b->ops->close(b);
	c = opened("pair,queues=2:p", 0);
	c->ops->close(c);
}

static void make_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	fputs(text, file);
	fclose(file);
}

/* What the first member says holds for all of a bus, as long as there is one */
static void check_shm(void)
{
	struct hyp_net *a = opened("shm,members=2,queues=2,ring=128k:bus", 0), *b;

	tap_is(a->info.queues, 2, "a bus has the queues that were given");
	refused("shm,members=3:bus", -HYP_EINVAL, "members=2", "leave members= out");
	refused("shm,queues=1:bus", -HYP_EINVAL, "queues=2", "leave queues= out");
	refused("shm,ring=1M:bus", -HYP_EINVAL, "ring=131072", "leave ring= out");
	refused("shm,offload=0:bus", -HYP_EINVAL, "checksums", "offload=1");
	b = opened("shm:bus", 0);
	tap_ok(b->info.queues == 2 && memcmp(a->info.mac, b->info.mac, 6), "who joins has them, and another address");
	refused("shm:bus", -HYP_EBUSY, "all 2 places", "members=64");
	a->ops->close(a);
	a = opened("shm:bus", 0);
	a->ops->close(a);
	b->ops->close(b);
	a = opened("shm,offload=0:bus", 0);
	b = opened("shm:bus", 0);
	tap_is(b->info.caps, 0, "the next bus in that file has no offloads, for nobody");
	a->ops->close(a);
	b->ops->close(b);
	make_file("letter", "Dear bus, this is no bus, but long enough to be one.");
	refused("shm:letter", -HYP_EINVAL, "letter is not empty", "another file");
	refused("shm:", -HYP_EINVAL, "no file", "/dev/shm/NAME");
	refused("shm:/nonexistent/bus", -HYP_ENOENT, "/nonexistent/bus", "/dev/shm");
	refused("shm:/dev/null", -HYP_EINVAL, "/dev/null is no file", "/dev/shm");
	refused("shm,fd=999:", -HYP_EBADF, "fd=999", "open descriptor");
	refused("shm,members=1:x", -HYP_EINVAL, "members=1", "from 2 to 64");
	refused("shm,ring=100k:x", -HYP_EINVAL, "ring=100k", "power of two");
	refused("shm,mode=rw:x", -HYP_EINVAL, "mode=rw", "mode=660");
}

static bool has_slirp(void)
{
	struct hyp_net *net;
	int result = hyp_net_open("slirp:", 0, &net, NULL, 0);

	if (!result)
		net->ops->close(net);
	return !result;
}

static void check_slirp(void)
{
	struct hyp_net *a, *b;

	if (!has_slirp()) {
		tap_skip(1, "built without libslirp, or it is not here");
		return;
	}
	refused("slirp:8080", -HYP_EINVAL, "8080", "tcp:127.0.0.1:8080-:80");
	refused("slirp:tcp:8080", -HYP_EINVAL, "tcp:8080", "tcp:127.0.0.1:8080-:80");
	refused("slirp:tcp::70000-:80", -HYP_EINVAL, "70000", "tcp:127.0.0.1:8080-:80");
	refused("slirp:tcp:1.2.3:80-:80", -HYP_EINVAL, "1.2.3", "tcp:127.0.0.1:8080-:80");
	refused("slirp,isolated=2:", -HYP_EINVAL, "isolated=2", "0 or 1");
	refused("slirp,mtu=65521:", -HYP_EINVAL, "mtu=65521", "to 65520");
	a = opened("slirp:tcp::45117-:80,udp::45117-:80", 0);
	refused("slirp:udp::45118-:80,tcp::45117-:80", -HYP_EBUSY, "45117", "another one");
	b = opened("slirp:udp::45118-:80", 0);
	a->ops->close(a);
	b->ops->close(b);
}

static bool says(const char *spec, int expected, const char *remedy)
{
	struct hyp_net *net;
	char error[512] = "";

	return hyp_net_open(spec, 0, &net, error, sizeof(error)) == expected && strstr(error, remedy);
}

/* For an instant the kernel gives what a device's thread accepts the lowest number, before the thread has moved it. */
static bool stays_free(int fd)
{
	unsigned int tries = 10000;

	while (fcntl(fd, F_GETFD) >= 0 && --tries)
		usleep(1000);
	return tries > 0;
}

/* One after the other, and closed again, which removes their sockets. Return: the first that stays a standard stream */
static const char *opened_as_stream(const char *const *specs)
{
	const char *wrong = NULL;
	struct hyp_net *net;

	if (!*specs)
		return NULL;
	if (hyp_net_open(*specs, 0, &net, NULL, 0))
		return *specs;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !wrong; fd++)
		wrong = stays_free(fd) ? NULL : *specs;
	if (!wrong)
		wrong = opened_as_stream(specs + 1);
	net->ops->close(net);
	return wrong;
}

/* In a child: @specs find no standard streams, and MEMORY to hand over. Return: as above */
static const char *opened_without_streams(const char *const *specs)
{
	closefrom(STDIN_FILENO);
	dup2(memfd_create("rumpus", MFD_ALLOW_SEALING), MEMORY);
	close(STDIN_FILENO);
	return opened_as_stream(specs);
}

/* What a program prints that has closed its standard streams goes to no network, capture or bus. @specs: one or more */
static void check_streams(const char *const *specs)
{
	char *wrong;
	pid_t child;
	int status;

	wrong = mmap(NULL, 256, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		const char *found = opened_without_streams(specs);

		snprintf(wrong, 256, "%s", found ? found : "");
		_exit(found != NULL);
	}
	tap_ok(child > 0 && waitpid(child, &status, 0) == child && !status, "%s and others are no standard streams %s",
	       *specs, wrong);
	munmap(wrong, 256);
}

/* In a child without rights. Return: everything was refused as it should */
static bool refused_without_rights(void)
{
	if (!geteuid() && (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return false;
	if (!says("packet:lo", -HYP_EPERM, "CAP_NET_RAW") || !says("shm:closed", -HYP_EACCES, "have its owner permit"))
		return false;
	if (access("/dev/net/tun", F_OK))
		return says("tap:rumpus7", -HYP_ENOENT, "modprobe tun");
	if (access("/dev/net/tun", R_OK | W_OK))
		return says("tap:rumpus7", -HYP_EACCES, "unshare -rn");
	return says("tap:rumpus7", -HYP_EPERM, "ip tuntap add");
}

static void check_permission(void)
{
	pid_t child;
	int status;

	make_file("closed", "");
	chmod("closed", 0);
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(!refused_without_rights());
	tap_ok(child > 0 && waitpid(child, &status, 0) == child && !status, "without rights: refused, with the remedy");
}

/* A persistent interface of the host's. @flags: IFF_TAP and the like */
static void make_interface(const char *name, short flags)
{
	struct ifreq request = { .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETPERSIST, 1))
		tap_abort("%s cannot be made", name);
	close(fd);
}

/* The rest of this program has a network namespace of its own, with interfaces of all kinds. */
static void check_interfaces(void)
{
	const char *obstacle = space_enter();
	struct hyp_net *net;

	if (obstacle) {
		tap_skip(1, "%s", obstacle);
		return;
	}
	make_interface("plain0", IFF_TAP | IFF_NO_PI);
	make_interface("many0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	make_interface("tun0", IFF_TUN | IFF_NO_PI);
	refused("tap:lo", -HYP_EINVAL, "lo is no tap interface", "queues=");
	refused("tap:tun0", -HYP_EINVAL, "tun0 is no tap interface", "queues=");
	refused("tap,queues=2:plain0", -HYP_EINVAL, "plain0", "as it was made");
	refused("packet:tun0", -HYP_EINVAL, "tun0 has no Ethernet frames", "link/ether");
	net = opened("tap:plain0", 0);
	refused("tap:plain0", -HYP_EBUSY, "plain0 is in use", "another name");
	net->ops->close(net);
	net = opened("tap:plain0", 0);
	net->ops->close(net);
	net = opened("tap,queues=2:many0", 0);
	net->ops->close(net);
	net = opened("packet:plain0", 0);
	net->ops->close(net);
	check_streams((const char *const[]){ "tap,queues=2:many0", "packet:plain0", NULL });
}

int main(void)
{
	struct hyp_net *net;
	char small[8];

	check_options();
	check_pair();
	refused("eth0", -HYP_EINVAL, "eth0", "tap:eth0");
	refused("", -HYP_EINVAL, "names no backend", "slirp:");
	refused("par:x", -HYP_EINVAL, "par", "pair");
	refused("pair:", -HYP_EINVAL, "no name", "pair:left");
	refused("pair,queues=0:x", -HYP_EINVAL, "queues=0", "from 1 to 16");
	refused("pair,queues=17:x", -HYP_EINVAL, "queues=17", "from 1 to 16");
	refused("pair,mtu=67:x", -HYP_EINVAL, "mtu=67", "from 68 to");
	refused("pair,mtu=70000:x", -HYP_EINVAL, "mtu=70000", "from 68 to");
	refused("pair,mac=1:x", -HYP_EINVAL, "mac=1", "mac=52-54-00-12-34-56");
	refused("pair,mac=01-00-00-00-00-00:x", -HYP_EINVAL, "mac=01-", "one station");
	refused("pair,offload=2:x", -HYP_EINVAL, "offload=2", "0 or 1");
	refused("pair,colour=red:x", -HYP_EINVAL, "colour", "mac, mtu, offload, queues");

	refused("tap:", -HYP_EINVAL, "no name", "tap:NAME");
	refused("tap:interface-of-a-long-name", -HYP_EINVAL, "interface-of-a-long-name", "1 to 15");
	refused("tap,fd=999:", -HYP_EBADF, "fd=999", "open descriptor");
	refused("tap,fd=0:", -HYP_EINVAL, "fd=0", "no tap");
	refused("tap,queues=17:x", -HYP_EINVAL, "queues=17", "from 1 to 16");
	refused("packet:nothere", -HYP_ENODEV, "nothere", "ip link");
	refused("packet:", -HYP_EINVAL, "no name", "packet:INTERFACE");
	refused("stream:", -HYP_EINVAL, "no socket", "unix:/path");
	refused("stream:unix:", -HYP_EINVAL, "no socket", "unix:/path");
	refused("stream:tcp:localhost:http", -HYP_EINVAL, "localhost", "tcp:127.0.0.1:7000");
	refused("stream:unix:/nonexistent/s", -HYP_ENOENT, "/nonexistent/s", "listen=1");
	refused("stream,listen=1:unix:/dev/null", -HYP_EBUSY, "/dev/null", "remove it");
	refused("stream,listen=2:unix:x", -HYP_EINVAL, "listen=2", "0 or 1");
	refused("pcap:pair:x", -HYP_EINVAL, "no file", "file=x.pcapng");
	refused("pcap,file=/nonexistent/x:pair:x", -HYP_ENOENT, "/nonexistent/x", "No such");
	refused("pcap,file=x:", -HYP_EINVAL, "nothing to stand on", "pcap,file=PATH:SPEC");
	refused("pcap,file=x:nothing:x", -HYP_EINVAL, "nothing", "pair, shm");
	refused("pcap,file=x,snap=1:pair:x", -HYP_EINVAL, "snap=1", "from 14");
	refused("impair,loss=101:pair:x", -HYP_EINVAL, "loss=101", "0 to 100");
	refused("impair,loss=much:pair:x", -HYP_EINVAL, "loss=much", "loss=0.5");
	refused("impair,loss=nan:pair:x", -HYP_EINVAL, "loss=nan", "0 to 100");
	refused("impair,rate=1:pair:x", -HYP_EINVAL, "rate=1", "from 1000");
	refused("impair:", -HYP_EINVAL, "nothing to stand on", "impair,seed=N");
	check_shm();
	check_slirp();
	check_permission();
	check_streams((const char *const[]){ "pcap,file=streams.pcapng:pair:streams", "shm:streams", "shm,fd=9:memory",
					     "stream,listen=1:unix:socket", "stream:unix:socket",
					     has_slirp() ? "slirp:" : NULL, NULL });

	tap_is(hyp_net_open("pair:", 0, &net, NULL, 0), -HYP_EINVAL, "no buffer for the message");
	tap_ok(hyp_net_open("pair:", 0, &net, small, sizeof(small)) == -HYP_EINVAL && strlen(small) == 7,
	       "a small buffer for the message");
	tap_is(hyp_net_open("pair:x", 0x80, &net, NULL, 0), -HYP_EINVAL, "unknown flags");
	check_interfaces();
	return tap_done();
}
