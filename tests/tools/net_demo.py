#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rumpus net-demo: by a user without rights, with its capture read by tcpdump; what is missing is named."""

import os
import re
import resource
import shutil
import subprocess

import harness
from harness import expect, ok, run

def shows_all():
    text = run("net-demo", "-w", "demo.pcapng").text
    ok(re.search(rf"^kernel +Linux \S+, in this process, of user {os.geteuid()}: ", text, re.M), "a kernel, of this user", text)
    ok(re.search(r"^network .* address 10\.0\.2\.15 and name server 10\.0\.2\.3 by DHCP", text, re.M), "configured by DHCP", text)
    ok(re.search(r'^page +"Hello from the host, over TCP\."', text, re.M), "the page has arrived", text)
    ok(re.search(r"-> +TCP 10\.0\.2\.15:\d+ > 10\.0\.2\.2:\d+ SYN, 0 bytes, mss \d+, sackOK, wscale \d+$", text, re.M) and
       re.search(r"<- +TCP 10\.0\.2\.2:\d+ > 10\.0\.2\.15:\d+ SYN\+ACK", text, re.M), "a connection went over the wire", text)
    listed = len(re.findall(r"^ +\d+\.\d{3}  (?:->|<-)  ", text, re.M))
    total = re.search(r"^(\d+) frames: (\d+) sent, (\d+) received; .*\b\d+ TCP\b", text, re.M)
    ok(total and int(total[1]) == listed == int(total[2]) + int(total[3]), "the sum is that of the frames", text)
    return listed


def captures(listed):
    if not shutil.which("tcpdump"):
        harness.skip("tcpdump reads as many", "tcpdump is not installed")
        return
    result = subprocess.run(["tcpdump", "-nr", "demo.pcapng"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL, check=False)
    ok(len(result.stdout.splitlines()) == listed, "tcpdump reads as many", f"{listed} frames\n{result.stdout}{result.stderr}")


def refuses():
    expect("an operand", 2, "net-demo", "disk.img", message="takes no operand")
    expect("a capture that cannot be made", 1, "net-demo", "-w", "nowhere/demo.pcapng", message="nowhere/demo.pcapng: No such")
    expect("no more descriptors", 1, "net-demo", message="net-demo: .*[Tt]oo many",
           limits={resource.RLIMIT_NOFILE: (4, 4)})
    if os.path.exists(f"{os.environ['RUMPUS_PREFIX']}/lib/rumpus/linux-net.img"):
        harness.skip("no image", "one is installed")
        return
    os.makedirs("alone/bin")
    shutil.copy(harness.program(), "alone/bin/rumpus")
    result = subprocess.run(["alone/bin/rumpus", "net-demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT, check=False)
    ok(result.returncode == 1 and "linux-net.img" in result.stderr and "make net" in result.stderr,
       "no image, and how to get it", result)


def not_misled():
    """The kernel is that of the program, whatever who starts it says that its name is: it may have rights that he has not."""
    os.makedirs("elsewhere/lib/rumpus")
    os.mkdir("elsewhere/bin")
    with open("elsewhere/lib/rumpus/linux-net.img", "wb") as file:
        file.write(b"no kernel")
    result = subprocess.run([os.path.abspath("elsewhere/bin/rumpus"), "net-demo"], executable=harness.program(), capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT, check=False)
    ok(result.returncode == 0 and result.stdout.startswith("kernel "), "no kernel of somebody else's", result)


def main():
    harness.start(images=["linux-net.img"])
    captures(shows_all())
    refuses()
    not_misled()
    harness.done()


main()
