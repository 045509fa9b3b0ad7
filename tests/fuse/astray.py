#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Structures that lead astray, through the mount: programs get answers, and it ends as it should."""

import os

import mounting

import crafted
import damaged
from harness import ok


def judge(name, image, **more):
    """In place of what crafted.py does with each image: mount it, look at everything, change something."""
    os.rename(image, "disk.img")
    trouble, _ = damaged.mount_one()
    ok(not trouble, f"{name}: through the mount", trouble)
    os.rename("disk.img", image)


def main():
    mounting.start()
    os.environ["RUMPUS_COMMAND_LINE"] = "rump.hung_ms=5000"
    crafted.kinds.find_programs()
    crafted.judge = judge
    os.mkdir("m")
    for craft in crafted.CRAFTS:
        craft()
    mounting.finish()


main()
