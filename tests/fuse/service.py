#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mount as a service: what it tells its manager, and the unit that make install installs, as far as no manager is needed."""

import os
import re
import select
import shutil
import signal
import socket

import mounting

import harness
from harness import ok, skip, tool

UNIT, MEDIA = "rumpus-mount@.service", "rumpus-media@.service"


class Manager:
    """The socket of a service manager."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0"))

    def hear(self, process):
        """What @process tells."""
        mounting.wait_until(lambda: select.select([self.socket], [], [], 0)[0] or process.poll() is not None)
        if not select.select([self.socket], [], [], 0)[0]:
            process.kill()
            raise RuntimeError(f"the manager hears nothing: {harness.collect(process)}")
        return self.socket.recv(4096).decode()


def notified(image, manager):
    process = harness.spawn("mount", "-f", image, "m", env={**os.environ, "NOTIFY_SOCKET": manager.name})
    told = manager.hear(process)
    ok(told.split("\n")[0] == "READY=1", "a manager is told when it works", told)
    ok(mounting.mounted("m") and os.path.isdir("m/w"), "which it does then")
    process.send_signal(signal.SIGTERM)
    told = manager.hear(process)
    result = harness.collect(process)
    ok(told == "STOPPING=1" and not mounting.mounted("m"), "and when it ends", f"{told}\n{result}")


def restarted(image, manager):
    process = harness.spawn("mount", "-f", "--restart", image, "m", env={**os.environ, "NOTIFY_SOCKET": manager.name})
    manager.hear(process)
    os.kill(mounting.worker(process.pid), signal.SIGKILL)
    told = manager.hear(process)
    ok(told == "STATUS=served again, read-only", "of a second server it hears as well", told)
    process.send_signal(signal.SIGTERM)
    harness.collect(process)


def unheard(image):
    for name in (os.path.abspath("nobody"), "@", "relative", "/" + "x" * 200):
        process = mounting.start_foreground(image, "m", env={**os.environ, "NOTIFY_SOCKET": name})
        ok(mounting.umount("m").code == 0 and harness.collect(process).code == 0, f"without a manager at {name:.20} it works as well")


def commands(image):
    """What the unit starts and stops by, with its variables put in as systemd does: $X is words, ${X} is one."""
    with open(UNIT, encoding="utf-8") as file:
        unit = dict(re.findall(r"^(Exec\w+)=(.*)$", file.read(), re.MULTILINE))
    values = {"IMAGE": os.path.abspath(image), "DIRECTORY": os.path.abspath("with blank"), "ARGUMENTS": "-o ro,noexec --idmap"}

    def words(line):
        for word in line.split()[1:]:
            name = word.strip("${}")
            yield from [word] if name not in values else values[name].split() if word[1] != "{" else [values[name]]

    os.mkdir("with blank")
    manager = Manager(f"@rumpus-test-unit-{os.getpid()}")
    process = harness.spawn(*words(unit["ExecStart"]), env={**os.environ, "NOTIFY_SOCKET": manager.name})
    told = manager.hear(process)
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        line = next((line for line in table if line.split()[4].endswith("with\\040blank")), "")
    ok("READY=1" in told and "noexec" in line and " ro," in line, "the unit's way to start", f"{told}\n{line}")
    stopped = harness.run(*words(unit["ExecStop"]))
    ok(stopped.code == 0 and harness.collect(process).code == 0 and not mounting.mounted("with blank"), "and to stop", stopped)


def verify(scope, name, change=lambda text: text):
    """What systemd says about a unit. It looks for the programs that the unit names."""
    with open(name, encoding="utf-8") as file:
        text = change(re.sub(r"/\S*/bin/rumpus", harness.program(), file.read()))
    os.makedirs("units", exist_ok=True)
    unit = "units/" + name.replace("@", "@sdb1")
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text)
    return tool("systemd-analyze", "verify", f"--{scope}", "--man=no", unit,
                env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning", "HOME": os.getcwd()})


def verified():
    if not shutil.which("systemd-analyze"):
        skip("systemd-analyze verify", "it is not installed; its package is systemd")
        return
    for scope, name in (("system", UNIT), ("user", UNIT), ("user", MEDIA)):
        done = verify(scope, name)
        ok(done.returncode == 0 and not done.stdout, f"systemd-analyze verify --{scope}: {name}", done.stdout)
    done = verify("system", UNIT, lambda text: text.replace("KillMode=mixed", "KillMode=some"))
    ok("kill mode" in done.stdout, "which sees what is wrong in one", done.stdout)


def main():
    build, top = os.environ["RUMPUS_BUILD"], os.environ["RUMPUS_TOP"]
    with open(f"{build}/lib/systemd/{UNIT}", encoding="utf-8") as file:
        unit = file.read()
    with open(f"{top}/examples/media/{MEDIA}", encoding="utf-8") as file:
        media = file.read()
    mounting.start()
    for name, text in ((UNIT, unit), (MEDIA, media)):
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    notified(image, Manager(os.path.abspath("manager")))
    notified(image, Manager(f"@rumpus-test-{os.getpid()}"))
    restarted(image, Manager(f"@rumpus-test-again-{os.getpid()}"))
    unheard(image)
    commands(image)
    verified()
    harness.check(image, "ext4")
    mounting.finish()


main()
