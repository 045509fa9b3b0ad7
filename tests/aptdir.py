# SPDX-License-Identifier: BSD-2-Clause
"""apt for a system of its own, below a directory and without rights: as if nothing were installed."""

import os
import subprocess

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR, SECURITY = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"


def _mirror():
    """The one that this machine uses for Debian itself."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.splitlines()
    found = [line.split()[1] for line in listed if line.startswith("Debian ") and "security" not in line]
    return found[0] if found else MIRROR


def configure(directory, release, updates=False, arch=None):
    """
    Make, or renew, the files below @directory; packages come to "archives" there. @updates: also those since the release;
    @arch: of another processor. Returns what APT_CONFIG is to be.
    """
    for name in ("lists/partial", "archives/partial", "etc/empty.d"):
        os.makedirs(f"{directory}/{name}", exist_ok=True)
    sources = [(_mirror(), release)]
    if updates:
        sources += [(_mirror(), f"{release}-updates"), (SECURITY, f"{release}-security")]
    for name, text in {
        "status": "",
        "etc/sources.list": "".join(f"deb [signed-by={KEYS}] {mirror} {suite} main\n" for mirror, suite in sources),
        "apt.conf": f'Dir::State "{directory}"; Dir::State::lists "{directory}/lists"; Dir::State::status "{directory}/status";\n'
                    f'Dir::Cache "{directory}"; Dir::Cache::archives "{directory}/archives"; Dir::Etc "{directory}/etc";\n'
                    f'Dir::Etc::sourceparts "empty.d"; Dir::Etc::preferencesparts "empty.d"; APT::Sandbox::User "";\n'
                    'APT::Install-Recommends "false"; APT::Update::Error-Mode "any"; Acquire::Languages "none";\n'
                    'Acquire::Retries "3"; Debug::NoLocking "true";\n' +
                    (f'APT::Architecture "{arch}"; APT::Architectures "{arch}";\n' if arch else ""),
    }.items():
        with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    return f"{directory}/apt.conf"
