// SPDX-License-Identifier: BSD-2-Clause
/* nftables in a kernel between two others: masquerading, a port that leads inside, what is dropped; all of it by
 * netlink */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../tap.h"
#include "message.h"
#include "node.h"

#define MIB (UINT64_C(1) << 20)
#define REGISTER 1U /* that expressions hand values over in, of 16 bytes */
#define NAT_TABLE "nat"

static struct node a, b, middle;

/* ---- transactions, rules, expressions ---- */

static void add(struct message *message, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	const struct nfgenmsg body = { .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource) };

	message_next(message, type, flags, &body, sizeof(body));
}

static void transaction_begin(struct message *message)
{
	*message = (struct message){ 0 };
	add(message, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

static void change(struct message *message, uint16_t type, uint16_t flags)
{
	add(message, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags | NLM_F_CREATE, NFPROTO_IPV4, 0);
}

/* The kernel says a word on the last change, and on each that fails. */
static int transaction_end(struct message *message)
{
	message->awaited = message->last;
	add(message, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	return message_send(&middle, NETLINK_NETFILTER, message);
}

static void add_chain(struct message *message, const char *name, const char *type, uint32_t hook, int32_t priority)
{
	size_t nested;

	change(message, NFT_MSG_NEWCHAIN, 0);
	message_put_text(message, NFTA_CHAIN_TABLE, NAT_TABLE);
	message_put_text(message, NFTA_CHAIN_NAME, name);
	nested = message_open(message, NFTA_CHAIN_HOOK);
	message_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(hook));
	message_put_u32(message, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
	message_close(message, nested);
	message_put_text(message, NFTA_CHAIN_TYPE, type);
}

/* Of a rule that is being made: where its list of expressions and the present one were opened */
struct rule {
	struct message *message;
	size_t list, expression, data;
};

static void rule_begin(struct rule *rule, struct message *message, const char *chain)
{
	rule->message = message;
	change(message, NFT_MSG_NEWRULE, NLM_F_APPEND);
	message_put_text(message, NFTA_RULE_TABLE, NAT_TABLE);
	message_put_text(message, NFTA_RULE_CHAIN, chain);
	rule->list = message_open(message, NFTA_RULE_EXPRESSIONS);
}

static void rule_end(struct rule *rule)
{
	message_close(rule->message, rule->list);
}

static void expression_begin(struct rule *rule, const char *name)
{
	rule->expression = message_open(rule->message, NFTA_LIST_ELEM);
	message_put_text(rule->message, NFTA_EXPR_NAME, name);
	rule->data = message_open(rule->message, NFTA_EXPR_DATA);
}

static void expression_end(struct rule *rule)
{
	message_close(rule->message, rule->data);
	message_close(rule->message, rule->expression);
}

static void put_value(struct rule *rule, uint16_t type, const void *value, size_t size)
{
	size_t nested = message_open(rule->message, type);

	message_put(rule->message, NFTA_DATA_VALUE, value, size);
	message_close(rule->message, nested);
}

static void compare(struct rule *rule, const void *value, size_t size)
{
	expression_begin(rule, "cmp");
	message_put_u32(rule->message, NFTA_CMP_SREG, htonl(REGISTER));
	message_put_u32(rule->message, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	put_value(rule, NFTA_CMP_DATA, value, size);
	expression_end(rule);
}

static void match_outgoing(struct rule *rule, const char *interface)
{
	char name[16] = "";

	snprintf(name, sizeof(name), "%s", interface);
	expression_begin(rule, "meta");
	message_put_u32(rule->message, NFTA_META_DREG, htonl(REGISTER));
	message_put_u32(rule->message, NFTA_META_KEY, htonl(NFT_META_OIFNAME));
	expression_end(rule);
	compare(rule, name, sizeof(name));
}

static void match_port(struct rule *rule, uint16_t port)
{
	const uint16_t wire = htons(port);
	const uint8_t protocol = IPPROTO_TCP;

	expression_begin(rule, "meta");
	message_put_u32(rule->message, NFTA_META_DREG, htonl(REGISTER));
	message_put_u32(rule->message, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	expression_end(rule);
	compare(rule, &protocol, sizeof(protocol));
	expression_begin(rule, "payload");
	message_put_u32(rule->message, NFTA_PAYLOAD_DREG, htonl(REGISTER));
	message_put_u32(rule->message, NFTA_PAYLOAD_BASE, htonl(NFT_PAYLOAD_TRANSPORT_HEADER));
	message_put_u32(rule->message, NFTA_PAYLOAD_OFFSET, htonl(2));
	message_put_u32(rule->message, NFTA_PAYLOAD_LEN, htonl(2));
	expression_end(rule);
	compare(rule, &wire, sizeof(wire));
}

static void translate_to(struct rule *rule, const char *address)
{
	struct in_addr value;

	inet_pton(AF_INET, address, &value);
	expression_begin(rule, "immediate");
	message_put_u32(rule->message, NFTA_IMMEDIATE_DREG, htonl(REGISTER));
	put_value(rule, NFTA_IMMEDIATE_DATA, &value, sizeof(value));
	expression_end(rule);
	expression_begin(rule, "nat");
	message_put_u32(rule->message, NFTA_NAT_TYPE, htonl(NFT_NAT_DNAT));
	message_put_u32(rule->message, NFTA_NAT_FAMILY, htonl(NFPROTO_IPV4));
	message_put_u32(rule->message, NFTA_NAT_REG_ADDR_MIN, htonl(REGISTER));
	expression_end(rule);
}

static void drop(struct rule *rule)
{
	size_t data, verdict;

	expression_begin(rule, "immediate");
	message_put_u32(rule->message, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	data = message_open(rule->message, NFTA_IMMEDIATE_DATA);
	verdict = message_open(rule->message, NFTA_DATA_VERDICT);
	message_put_u32(rule->message, NFTA_VERDICT_CODE, htonl(NF_DROP));
	message_close(rule->message, verdict);
	message_close(rule->message, data);
	expression_end(rule);
}

/* ---- the tests ---- */

static void check_masquerade(const char *outside)
{
	struct message message;
	struct rule rule;

	transaction_begin(&message);
	change(&message, NFT_MSG_NEWTABLE, 0);
	message_put_text(&message, NFTA_TABLE_NAME, NAT_TABLE);
	add_chain(&message, "post", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	rule_begin(&rule, &message, "post");
	match_outgoing(&rule, outside);
	expression_begin(&rule, "masq");
	expression_end(&rule);
	rule_end(&rule);
	tap_is(transaction_end(&message), 0, "a table, a chain and a rule that masquerades");
	tap_is(node_connect_to(&a, "10.2.0.2", 1000), -ECONNREFUSED, "the outside answers, if only with a refusal");
}

/* Who does the outside see? */
static void check_seen(void)
{
	long listener = node_listen_at(&b, "10.2.0.2", 1001), near = node_connect_to(&a, "10.2.0.2", 1001), far;
	struct sockaddr_in peer = { 0 };
	char text[INET_ADDRSTRLEN];

	far = near < 0 ? near : node_accept(&b, listener);
	node_peer(&b, far, &peer);
	inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
	tap_ok(!strcmp(text, "10.2.0.254"), "the outside sees %s", text);
	node_close(&a, near);
	node_close(&b, far);
	node_close(&b, listener);
}

static void check_port(void)
{
	struct message message;
	struct rule rule;
	long time;

	transaction_begin(&message);
	add_chain(&message, "pre", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	rule_begin(&rule, &message, "pre");
	match_port(&rule, 8080);
	translate_to(&rule, "10.1.0.1");
	rule_end(&rule);
	tap_is(transaction_end(&message), 0, "a port that leads inside");
	time = node_transfer(&b, &a, "10.2.0.254", 8080, 8 * MIB);
	tap_ok(time >= 0, "carries 8 MiB in %ld ms", time);
	tap_is(node_connect_to(&b, "10.2.0.254", 8081), -ECONNREFUSED, "another one does not");
}

static void check_drop(void)
{
	struct message message;
	struct rule rule;

	transaction_begin(&message);
	add_chain(&message, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	rule_begin(&rule, &message, "forward");
	drop(&rule);
	rule_end(&rule);
	tap_is(transaction_end(&message), 0, "everything that is forwarded is dropped");
	tap_ok(node_silent(&a, "10.2.0.2"), "nothing passes");
	tap_is(node_ping(&a, "10.1.0.254", 1, 64), 1, "what is not forwarded does");
	transaction_begin(&message);
	change(&message, NFT_MSG_DELTABLE, 0);
	message_put_text(&message, NFTA_TABLE_NAME, NAT_TABLE);
	tap_is(transaction_end(&message), 0, "the table is deleted");
	tap_is(node_ping(&a, "10.1.0.254", 1, 64), 1, "and all is well");
}

static void check_errors(void)
{
	struct message message;
	struct rule rule;

	transaction_begin(&message);
	rule_begin(&rule, &message, "nowhere");
	drop(&rule);
	rule_end(&rule);
	tap_is(transaction_end(&message), -ENOENT, "a rule for a chain that is not there");
	transaction_begin(&message);
	change(&message, NFT_MSG_NEWTABLE, 0);
	message_put_text(&message, NFTA_TABLE_NAME, NAT_TABLE);
	add_chain(&message, "post", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	rule_begin(&rule, &message, "post");
	expression_begin(&rule, "no-such");
	expression_end(&rule);
	rule_end(&rule);
	tap_is(transaction_end(&message), -ENOENT, "an expression that nobody knows");
	transaction_begin(&message);
	change(&message, NFT_MSG_DELTABLE, 0);
	message_put_text(&message, NFTA_TABLE_NAME, NAT_TABLE);
	tap_is(transaction_end(&message), -ENOENT, "nothing of a transaction that failed is there");
}

int main(int argc, char **argv)
{
	struct node outside;
	long time;

	node_boot(&a, "inside", 1);
	node_boot(&middle, "middle", 1);
	node_boot(&b, "outside", 1);
	node_link(&a, "pair:left", "10.1.0.1/24");
	node_link(&middle, "pair:left", "10.1.0.254/24");
	outside = middle;
	node_link(&outside, "pair:right", "10.2.0.254/24");
	node_link(&b, "pair:right", "10.2.0.2/24");
	node_put(&middle, "/proc/sys/net/ipv4/ip_forward", "1");
	rumpus_net_configure(a.kernel, a.device, "via=10.1.0.254", NULL, 0);
	tap_ok(node_silent(&a, "10.2.0.2"), "the outside knows no way to the inside");
	check_errors();
	check_masquerade(outside.device);
	tap_is(node_ping(&a, "10.2.0.2", 3, 64), 3, "echo requests come back");
	time = node_transfer(&a, &b, "10.2.0.2", 1002, 16 * MIB);
	tap_ok(time >= 0, "TCP through the kernel in the middle: 16 MiB in %ld ms", time);
	check_seen();
	check_port();
	check_drop();
	node_halt(&b);
	node_halt(&middle);
	node_halt(&a);
	return tap_done();
}
