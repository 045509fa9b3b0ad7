#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""PostgreSQL on a mount: a cluster is made, used by several clients, and is whole after its server or its mount has died."""

import glob
import os
import signal
import subprocess
import sys
import time

import mounting

import harness
from harness import ok

CLIENTS = 4
TRANSACTIONS = 250  # of each client
ACCOUNTS = 100000  # of pgbench's scale 1


class Cluster:
    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.server = None
        self.env = {**os.environ, "PGHOST": os.path.abspath("."), "PGDATABASE": "postgres", "PGUSER": "tester"}

    def call(self, name, *arguments):
        return harness.tool(f"{self.programs}/{name}", *arguments, env=self.env, stdin=subprocess.DEVNULL)

    def make(self):
        made = self.call("initdb", "-D", self.folder, "-U", "tester", "-A", "trust", "-E", "UTF8", "--data-checksums")
        ok(made.returncode == 0, "initdb", made.stdout)
        # Everything is to be in the image when a transaction ends, and nothing of it outside but the socket.
        with open(f"{self.folder}/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{os.path.abspath('.')}'\n"
                       "fsync = on\nsynchronous_commit = on\nmax_wal_size = 64MB\n")

    def ready(self):
        return self.call("pg_isready", "-q").returncode == 0

    def start(self):
        with open("postgres.log", "ab") as log:
            self.server = subprocess.Popen([f"{self.programs}/postgres", "-D", self.folder], stdout=log, stderr=log,
                                           stdin=subprocess.DEVNULL, env=self.env)
        mounting.wait_until(lambda: self.ready() or self.server.poll() is not None)
        return self.server.poll() is None

    def end(self, number):
        """SIGINT: orderly and at once; SIGQUIT: as after a crash. Returns its exit status."""
        self.server.send_signal(number)
        try:
            return self.server.wait(mounting.PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            return self.server.wait()

    def ask(self, text):
        return self.call("psql", "-XAtqc", text).stdout.strip()

    def work(self, *more):
        return subprocess.Popen([f"{self.programs}/pgbench", "-n", "-c", str(CLIENTS), "-j", "2", *more],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                                env=self.env)

    def whole(self, name):
        """pgbench moves the same sums in four tables: they agree when each transaction is there wholly or not at all."""
        sums = self.ask("select (select sum(abalance) from pgbench_accounts), (select sum(bbalance) from pgbench_branches),"
                        " (select sum(tbalance) from pgbench_tellers), (select coalesce(sum(delta), 0) from pgbench_history)")
        ok(len(set(sums.split("|"))) == 1 and sums.count("|") == 3, f"{name}: no transaction is there by half", sums)
        ok(self.ask("select count(*) from pgbench_accounts") == str(ACCOUNTS), f"{name}: all rows are there")
        checked = self.call("pg_amcheck", "--install-missing", "--heapallindexed")
        ok(checked.returncode == 0, f"{name}: pg_amcheck finds nothing wrong with tables and indexes", checked.stdout)


def programs():
    """The newest PostgreSQL's, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4]))) if found else None


def used(cluster):
    ok(cluster.start(), "it starts", mounting.read("postgres.log"))
    made = cluster.call("pgbench", "-i", "-q")
    ok(made.returncode == 0, "pgbench makes its tables", made.stdout)
    worked = cluster.work("-t", str(TRANSACTIONS))
    said = worked.communicate()[0]
    ok(worked.returncode == 0 and f"{CLIENTS * TRANSACTIONS}/{CLIENTS * TRANSACTIONS}" in said, "pgbench works", said)
    ok(cluster.ask("select count(*) from pgbench_history") == str(CLIENTS * TRANSACTIONS), "each transaction is there")
    cluster.whole("in use")


def killed_server(cluster):
    """The database's own server dies while clients work: its log is replayed."""
    working = cluster.work("-T", "60")
    time.sleep(1)
    cluster.end(signal.SIGQUIT)
    working.communicate()
    ok(cluster.start(), "killed, it starts again", mounting.read("postgres.log"))
    cluster.whole("after a crash of PostgreSQL")


def killed_mount(cluster, image, kind):
    """The mount dies while clients work: what was committed is in the image, by its journal and the database's."""
    working = cluster.work("-T", "60")
    time.sleep(1)
    before = int(cluster.ask("select count(*) from pgbench_history"))
    os.kill(mounting.worker(mounting.supervisor("m")), signal.SIGKILL)
    cluster.end(signal.SIGQUIT)
    working.communicate()
    ok(mounting.wait_until(lambda: not mounting.mounted("m")), "a mount that dies under it goes")
    result = mounting.mount(image, "m", "--idmap")
    ok(result.code == 0, f"{kind}: mounted again", result)
    ok(cluster.start(), "it starts again", mounting.read("postgres.log"))
    after = cluster.ask("select count(*) from pgbench_history")
    ok(after.isdigit() and int(after) >= before, "what was committed is there", f"{before} before, {after} after")
    cluster.whole("after a crash of the mount")


def main():
    kind = sys.argv[1]
    mounting.start()
    if not programs():
        print("1..0 # SKIP no PostgreSQL; scripts/packages long installs it")
        os._exit(77)
    image = mounting.make("disk.img", kind)
    result = mounting.mount(image, "m", "--idmap")
    ok(result.code == 0, f"{kind}: mounted", result)
    cluster = Cluster(programs(), os.path.abspath("m/w/cluster"))
    cluster.make()
    try:
        used(cluster)
        killed_server(cluster)
        killed_mount(cluster, image, kind)
        ok(cluster.end(signal.SIGINT) == 0, "it ends")
    finally:
        if cluster.server and cluster.server.poll() is None:
            cluster.end(signal.SIGQUIT)
    checked = cluster.call("pg_checksums", "--check", "-D", cluster.folder)
    ok(checked.returncode == 0, "every page has its checksum", checked.stdout)
    result = mounting.umount("m")
    ok(result.code == 0, f"{kind}: unmounted", result)
    harness.check(image, kind)
    mounting.finish()


main()
