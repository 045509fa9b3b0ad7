#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The sandbox of a mount's server is there whatever who mounts says: only another build has none."""

import os
import subprocess

import mounting

import harness
from harness import expect, ok

SETTINGS = {
    "as it is": {},
    "SANDBOX=off": {"SANDBOX": "off"},
    "RUMPUS_SANDBOX=0": {"RUMPUS_SANDBOX": "0"},
    "RUMPUS_NO_SANDBOX=1": {"RUMPUS_NO_SANDBOX": "1"},
    "a command line of the kernel": {"RUMPUS_COMMAND_LINE": "nosandbox sandbox=off seccomp=0"},
}
NONE = "0" * 16


def facts(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def looseness(pid):
    """What a thread of the server has that it should not have."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        told = facts(pid, thread)
        wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapInh": NONE, "CapPrm": NONE, "CapEff": NONE, "CapAmb": NONE}
        found += [f"{thread}: {name} {told.get(name)}" for name, value in wanted.items() if told.get(name) != value]
        if len(told["NSpid"].split()) < 2:
            found.append(f"{thread}: no namespace of processes")
        if "0" in told["Uid"].split():
            found.append(f"{thread}: user 0")
    return found


def settings(image, who, users_name):
    for name, more in SETTINGS.items():
        process = mounting.start_foreground(image, "m", env={**os.environ, **more}, **who)
        found = looseness(mounting.worker(process.pid))
        ok(not found, f"{users_name}, {name}: every thread is confined", found)
        process.terminate()
        harness.collect(process)


def options(image):
    for words, code in ((["--no-sandbox"], 2), (["--sandbox=off"], 2), (["-o", "sandbox=off"], 1), (["-o", "nosandbox"], 1)):
        expect(f"{' '.join(words)} is no option", code, "mount", *words, image, "m")
        ok(not mounting.mounted("m"), "nothing is mounted")


def make(mode):
    """The sandbox alone, with the program that looks what it forbids. Returns what make, or else the program, says."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "SANDBOX"))}
    build = os.path.abspath("build-" + mode)
    program = f"{build}/tests/tools/sandbox"
    made = harness.tool("make", "-C", os.environ["RUMPUS_TOP"], f"BUILD={build}", f"SANDBOX={mode}", program, env=env)
    if made.returncode:
        return made.stdout
    return subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False).stdout


def main():
    off, other = make("off"), make("perhaps")
    privileged = not os.geteuid()
    mounting.start(as_root=privileged)
    ok("# seccomp: not" in off and "built or run without the filter" in off, "make SANDBOX=off has no filter", off)
    ok("SANDBOX is one of: off kill trap" in other, "a mistake in that is told, and is no way to have none", other)
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    settings(image, {}, "root" if privileged else "a user")
    if privileged:
        for path in (image, "m"):
            os.chown(path, harness.NOBODY, harness.NOBODY)
        os.chmod("run", 0o777)
        settings(image, {"user": harness.NOBODY, "group": harness.NOBODY, "extra_groups": []}, "a user")
    options(image)
    mounting.finish()


main()
