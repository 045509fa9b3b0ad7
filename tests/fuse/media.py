#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The example of a udev rule for removable media: which devices it takes, by what udev itself makes of it."""

import os
import re
import shutil
import stat
import subprocess

import mounting

import harness
from harness import ok, tool

RULES = "72-rumpus-media.rules"
PRETENDED = 'KERNEL=="loop*", ENV{ID_BUS}="usb"\n'  # a loop device is the one that a test may make


def isolate(number):
    """A /dev and rules that this program alone sees, as udevadm test makes links and changes modes there."""
    mounting.own_mounts()
    for place in ("dev", "rules"):
        os.mkdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "none", "dev"], check=True)
    os.mknod("dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(f"dev/loop{number}", stat.S_IFBLK | 0o660, os.makedev(7, number))
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["mount", "--bind", "rules", "/etc/udev/rules.d"], check=True)
    subprocess.run(["mount", "--bind", "dev", "/dev"], check=True)


def properties(device, rules, extra, action="add"):
    """What udev knows of @device with these rules after such an event, and what it complains about."""
    for name, text in ((RULES, rules), ("61-test.rules", extra)):
        with open(f"rules/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    done = tool("udevadm", "test", f"--action={action}", f"/sys/block/{os.path.basename(device)}")
    complaints = [line for line in done.stdout.splitlines() if re.search(rf"{RULES}:\d+.*(Invalid|Unknown|ignor|Failed)", line)]
    return dict(re.findall(r"^(\w+)=(.*)$", done.stdout, re.MULTILINE)), complaints


def judge(device, rules):
    name = os.path.basename(device)
    told, complaints = properties(device, rules, PRETENDED)
    ok(not complaints, "udev understands every line", complaints)
    ok(told.get("ID_FS_TYPE") == "ext4", "it sees what is on the device", told)
    ok(told.get("SYSTEMD_USER_WANTS") == f"rumpus-media@{name}.service", "a removable one is mounted by its user", told)
    ok(told.get("UDISKS_IGNORE") == "1" and ":uaccess:" in told.get("CURRENT_TAGS", ""), "who may use it, and udisks leaves it alone", told)
    told, _ = properties(device, rules, PRETENDED, "change")
    ok("SYSTEMD_USER_WANTS" not in told, "not again when it has been unmounted, which closes a device that was written to", told)
    ok(told.get("UDISKS_IGNORE") == "1" and ":uaccess:" in told.get("CURRENT_TAGS", ""), "whose it is stays so", told)
    told, _ = properties(device, rules, PRETENDED + 'KERNEL=="loop*", ENV{DISK_MEDIA_CHANGE}="1"\n', "change")
    ok("SYSTEMD_USER_WANTS" in told, "another medium in the same drive is mounted", told)
    told, _ = properties(device, rules, "")
    ok("SYSTEMD_USER_WANTS" not in told and "UDISKS_IGNORE" not in told, "one that stays in the machine is not", told)
    told, _ = properties(device, rules, PRETENDED + 'KERNEL=="loop*", ENV{ID_FS_TYPE}="LVM2_member", ENV{ID_FS_USAGE}="raid"\n')
    ok("SYSTEMD_USER_WANTS" not in told, "nor what is no file system", told)
    _, complaints = properties(device, rules + 'NONSENSE=="1"\n', PRETENDED)
    ok(complaints, "a line that is wrong is seen")


def main():
    with open(f"{os.environ['RUMPUS_TOP']}/examples/media/{RULES}", encoding="utf-8") as file:
        rules = file.read()
    mounting.start(as_root=True)
    if not shutil.which("udevadm") or not os.path.isdir("/etc/udev/rules.d"):
        print("1..0 # SKIP no udev on this host")
        os._exit(77)
    image = harness.mkfs("disk.img", "ext4", 8 << 20)
    done = subprocess.run(["losetup", "--show", "-f", image], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print("1..0 # SKIP no loop devices here")
        os._exit(77)
    device = done.stdout.strip()
    try:
        isolate(os.minor(os.stat(device).st_rdev))
        judge(device, rules)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
        for point in ("/dev", "/etc/udev/rules.d", "/run", "dev"):
            subprocess.run(["umount", "-l", point], check=True)
    mounting.finish()


main()
