#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rumpus doctor: each thing that it looks for taken away, and found to be missing."""

import json
import os
import re
import resource
import shutil
import subprocess

import harness
from harness import digest, expect, ok, run

GIB = 1 << 30


def doctor(*before, images=(), **more):
    """What it finds: by the name of a check, and the exit code. @before: programs that take something away."""
    process = subprocess.run([*before, harness.program(), "doctor", "--json", *images], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT, check=False, **more)
    try:
        found = {entry["check"]: entry for entry in json.loads(process.stdout)}
    except ValueError:
        found = {}
    return found, process


def lost(what, name, state, *before, code=None, detail=None, **more):
    found, process = doctor(*before, **more)
    entry = found.get(name, {})
    ok(entry.get("state") == state and ("remedy" in entry) == (state != "ok") and (code is None or process.returncode == code) and
       (detail is None or detail in entry["detail"]), f"{what}: {name} is {state}{', with a remedy' if state != 'ok' else ''}",
       f"{before}: exit {process.returncode}\n{process.stdout.decode()}\n{process.stderr.decode()}")


def whole():
    found, process = doctor()
    ok(process.returncode == 0 and found["kernel"]["state"] in ("ok", "limited") and "components" in found["kernel"]["detail"],
       "nothing that is needed is missing here", process)
    for name in ("namespaces", "rights", "data", "seccomp", "landlock", "io_uring", "overcommit", "page-size", "mappings", "cpu"):
        ok(name in found and (found[name]["state"] == "ok") == ("remedy" not in found[name]),
           f"{name} has a remedy unless it is well", found)
    text = run("doctor")
    ok(all(re.search(rf"^{name} +{entry['state']} ", text.text, re.M) for name, entry in found.items()), "the table has the same", text)
    ok(len({re.search(r"^(?!.* remedy: )\S+ +(?=ok|limited|missing)", line).end() for line in text.text.splitlines()
            if not line.startswith(" ")}) == 1, "in columns", text)


def calls():
    for call, name, state, code in (("namespaces", "namespaces", "limited", 0), ("landlock_create_ruleset", "landlock", "limited", 0),
                                    ("io_uring_setup", "io_uring", "limited", 0), ("seccomp", "seccomp", "missing", 1)):
        lost(f"without {call}", name, state, "./without", call, code=code)
    for call in ("landlock_add_rule!", "landlock_restrict_self!", "landlock_restrict_self"):
        lost(f"without {call}", "landlock", "limited", "./without", call, code=0)
    refused("prctl!", "prctl")
    refused("close_range,getdents64", "getdents64")
    refused("seccomp!", "seccomp", name="seccomp")
    if doctor()[0]["namespaces"]["state"] == "ok":
        refused("capset!", "capset")
        lost("nothing to drop without namespaces", "rights", "ok", "./without", "namespaces,capset!", code=0)
    else:
        harness.skip("without capset", "this host lets ordinary users have no namespaces, where they have capabilities to drop")
    lost("without landlock", "kernel", "limited", "./without", "landlock_create_ruleset", detail="without: landlock")
    lost("without seccomp", "kernel", "missing", "./without", "seccomp", code=1)


def refused(calls, call, name="rights"):
    """What a sandbox cannot be without: told by name."""
    lost(f"without {calls}", name, "missing", "./without", calls, code=1)
    lost(f"without {calls}", "kernel", "missing", "./without", calls, code=1, detail=f"the host refuses {call}: ")


def surroundings():
    lost("no kernel image", "kernel", "missing", code=1, detail="/nowhere", env=dict(os.environ, RUMPUS_IMAGE="/nowhere"))
    os.mkdir("alone")
    shutil.copy(harness.kernel_image(), "alone")
    lost("no components", "kernel", "limited", code=0, env=dict(os.environ, RUMPUS_IMAGE=f"{os.getcwd()}/alone/linux.img"))
    lost("nothing in PATH", "fusermount3", "missing", env=dict(os.environ, PATH="/nowhere"))
    lost("little address space", "overcommit", "missing", code=1,
         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * GIB, 4 * GIB)))
    for size, state, code in ((4 << 20, "missing", 1), (64 << 20, "limited", 0)):
        lost(f"{size >> 20} MiB of data", "data", state, code=code,
             preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_DATA, (size, size)))
    lost("larger pages", "page-size", "missing", code=1, env=dict(os.environ, LD_PRELOAD="./large_pages.so"))
    os.mkdir("bin")
    shutil.copy(shutil.which("true"), "bin/fusermount3")
    lost("a program that is not root's", "fusermount3", "limited", env=dict(os.environ, PATH=f"{os.getcwd()}/bin"))


def mounts():
    """A namespace of mounts, where an ordinary user may hide what there is."""
    if subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        harness.skip("hidden devices and limits", "this host lets ordinary users have no namespaces")
        return

    def hidden(script, *expected):
        for name, state in expected:
            lost(script.split(" && ")[-1], name, state, "unshare", "-rm", "sh", "-c", f'{script} && exec "$@"', "sh")

    hidden("mount -t tmpfs none /dev", ("fuse", "missing"), ("tun", "missing"), ("kvm", "missing"))
    for path, text, name in (("/proc/sys/vm/max_map_count", "1000", "mappings"), ("/proc/sys/vm/overcommit_memory", "2", "overcommit"),
                             ("/proc/meminfo", "MemAvailable:  1000 kB", "memory"), ("/proc/cpuinfo", "flags : fpu", "cpu")):
        with open("instead", "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
        hidden(f"mount --bind instead {path}", (name, "limited"))
    if os.path.isdir("/sys/fs/cgroup"):
        hidden("mount -t tmpfs none /sys/fs/cgroup && echo 67108864 > /sys/fs/cgroup/memory.max", ("memory", "limited"))
        # Of the first version
        with open("instead", "w", encoding="utf-8") as file:
            file.write("4:cpu:/\n3:memory:/some/group\n")
        hidden("mount -t tmpfs none /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/memory/some/group && "
               "echo 9223372036854771712 > /sys/fs/cgroup/memory/some/group/memory.limit_in_bytes && "
               "echo 67108864 > /sys/fs/cgroup/memory/some/memory.limit_in_bytes && mount --bind instead /proc/$$/cgroup",
               ("memory", "limited"))


def images():
    image = harness.mkfs("disk.img", "ext4", 16 << 20)
    before = digest(image)
    with open("noise.img", "wb") as file:
        file.write(os.urandom(1 << 20))
    found, process = doctor(images=[image, "noise.img", "nothing.img"])
    ok(process.returncode == 1, "an image that cannot be read counts", process)
    ok(found[image]["state"] == "ok" and "ext4" in found[image]["detail"], "one that can", found)
    ok(found["noise.img"]["state"] == "missing" and "no file system" in found["noise.img"]["detail"], "one without a file system", found)
    ok("check the path" in found["nothing.img"]["detail"], "one that does not exist", found)
    ok(digest(image) == before, "nothing is changed")
    os.chmod(image, 0o444)
    found, process = doctor(images=[image])
    ok(process.returncode == 0 and found[image]["state"] == "limited", "one that can only be read", found)
    os.chmod(image, 0)
    found, process = doctor(images=[image])
    ok(process.returncode == 1 and "no permission" in found[image]["detail"], "one that cannot", found)
    expect("wrong usage", 2, "doctor", "-Z", message="invalid option")


def main():
    helpers = harness.helpers("without", "large_pages.so")
    harness.start()
    harness.place(helpers)
    whole()
    calls()
    surroundings()
    mounts()
    images()
    harness.done()


main()
