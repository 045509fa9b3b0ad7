# SPDX-License-Identifier: BSD-2-Clause
"""gdb on processes that hold rump kernels: symbols where images lie, the kernel's own commands, stacks of its tasks.

Source this file before or after the program starts, or attach and source it then. The kernel image must be one with
debug information (make DEBUG=1). lib/debug.h says what is read here; doc/debugging.md tells how to use it.
"""

import os
import struct

import gdb

POINTER = 8
NAME_SIZE = 256
FRAMES = 100  # of a task, at most


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def words(address, count):
    return struct.unpack(f"<{count}Q", read(address, POINTER * count))


def quietly(command):
    """Run a command without its questions."""
    confirm = gdb.parameter("confirm")
    gdb.execute("set confirm off", to_string=True)
    try:
        return gdb.execute(command, to_string=True)
    finally:
        gdb.execute("set confirm " + ("on" if confirm else "off"), to_string=True)


def running():
    return gdb.selected_inferior().pid != 0


class Image:
    """A kernel image in the program: its place there, and the file that it came from."""

    def __init__(self, base, size, name):
        self.base = base
        self.size = size
        self.name = name
        self.components = None  # the directory that lx-symbols has looked for them in

    def key(self):
        return self.base, self.size, self.name

    def file(self):
        """The file that is mapped there, or the one named. None when there is no such file, as for embedded images."""
        for line in gdb.execute("info proc mappings", to_string=True).splitlines():
            fields = line.split(None, 5)
            if fields and fields[0].startswith("0x") and int(fields[0], 16) == self.base and len(fields) > 4:
                path = fields[-1]
                if path.startswith("/") and os.path.isfile(path):
                    return path
        return os.path.abspath(self.name) if os.path.isfile(self.name) else None


def listed():
    """What the program has in memory now, the oldest first."""
    if not running():
        return []
    try:
        head = int(gdb.parse_and_eval("(unsigned long)&rumpus_debug"))
        version, at = words(head, 2)
    except gdb.error:
        return []  # without librumpus, or before it is loaded
    if version != 1:
        raise gdb.GdbError(f"librumpus has a list of kernels of version {version}; this script knows version 1")
    found = []
    while at:
        following, base, size = words(at, 3)
        name = read(at + 3 * POINTER, NAME_SIZE).split(b"\0")[0].decode("utf-8", "replace")
        found.append(Image(base, size, name))
        at = following
    return found[::-1]


class Kernels:
    """The images whose symbols gdb has. Names mean the chosen one's: gdb finds that which was loaded first."""

    def __init__(self):
        self.images = []
        self.chosen = None
        self.extensions = False

    def update(self):
        now = listed()
        keys = [image.key() for image in now]
        if keys == [image.key() for image in self.images]:
            return
        for image in self.images:
            if image.key() not in keys:
                self.drop(image)
        had = [image.key() for image in self.images]
        self.images = [next((old for old in self.images if old.key() == new.key()), new) for new in now]
        for image in self.images:
            if image.key() not in had:
                self.load(image)
        if self.chosen not in self.images:
            self.chosen = None
            if self.images:
                self.choose(self.images[0])

    def load(self, image):
        path = image.file()
        if not path:
            gdb.write(f"rumpus: a kernel at {image.base:#x}, but no file with its symbols: {image.name}\n")
            return
        quietly(f"add-symbol-file {path} -o {image.base:#x}")
        self.load_extensions(path)

    def drop(self, image):
        for path in [objfile.filename for objfile in gdb.objfiles()]:
            if image.components and path and path.startswith(image.components + "/"):
                quietly(f"remove-symbol-file {path}")
        try:
            # Any address inside; the first page holds the ELF header and belongs to no section.
            quietly(f"remove-symbol-file -a {self.text(image):#x}")
        except gdb.error:
            pass  # it had none

    @staticmethod
    def text(image):
        return image.base + 0x1000

    def load_extensions(self, path):
        """The tree's own commands (lx-dmesg and others), which the build leaves beside the image."""
        script = os.path.join(os.path.splitext(path)[0] + ".gdb", "vmlinux-gdb.py")
        if self.extensions or not os.path.isfile(script):
            return
        self.extensions = True
        gdb.execute(f"source {script}", to_string=True)
        import linux.symbols  # the tree's, found by what was sourced

        def load_modules_alone(command):
            image = self.chosen
            if image and image.file():
                release = gdb.parse_and_eval("init_uts_ns.name.release").string()
                image.components = os.path.join(os.path.dirname(image.file()), release)
                command.module_paths.insert(0, image.components)
            command.loaded_modules = []
            for module in linux.modules.module_list():
                command.load_module_symbols(module)

        # The tree's would drop all symbols and load vmlinux where it was linked, which is nowhere here.
        linux.symbols.LxSymbols.load_all_symbols = load_modules_alone

    def choose(self, image):
        if self.chosen is image:
            return
        first = self.chosen is None and self.images and self.images[0] is image
        self.chosen = image
        if first:
            return
        for other in self.images:
            self.drop(other)
        for other in sorted(self.images, key=lambda other: other is not image):
            self.load(other)


kernels = Kernels()


class Changed(gdb.Breakpoint):
    """librumpus has loaded an image, or is about to unload one."""

    def __init__(self):
        super().__init__("rumpus_debug_changed", internal=True)
        self.silent = True

    def stop(self):
        kernels.update()
        return False


class ListKernels(gdb.Command):
    """List the rump kernels of this process: rumpus-kernels
The one with a star is what names of the kernel and the lx- commands mean; rumpus-kernel chooses another."""

    def __init__(self):
        super().__init__("rumpus-kernels", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        kernels.update()
        if not kernels.images:
            gdb.write("no kernels\n")
        for number, image in enumerate(kernels.images, 1):
            mark = "*" if image is kernels.chosen else " "
            gdb.write(f"{mark} {number}  {image.base:#x}-{image.base + image.size:#x}  {image.file() or image.name}\n")


class ChooseKernel(gdb.Command):
    """Choose the kernel that names and the lx- commands mean: rumpus-kernel NUMBER"""

    def __init__(self):
        super().__init__("rumpus-kernel", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        kernels.update()
        if not argument.isdigit() or not 1 <= int(argument) <= len(kernels.images):
            raise gdb.GdbError("rumpus-kernel takes a number that rumpus-kernels shows")
        kernels.choose(kernels.images[int(argument) - 1])


def stack_top(task):
    """The struct rump_top of a task."""
    size = int(gdb.parse_and_eval("sizeof(init_stack)"))
    kind = gdb.lookup_type("struct rump_top")
    return gdb.Value(int(task["stack"]) + size - kind.sizeof).cast(kind.pointer())


def member_offset(kind, name):
    """Bytes from the start of a structure to a member of it."""
    return next(field.bitpos // 8 for field in gdb.lookup_type(kind).fields() if field.name == name)


def tasks():
    """Every task of the chosen kernel."""
    init = gdb.parse_and_eval("&init_task")
    in_all = member_offset("struct task_struct", "tasks")
    in_group = member_offset("struct task_struct", "thread_node")
    leader = init
    while True:
        yield leader
        head = leader["signal"]["thread_head"].address
        node = head["next"]
        while int(node) != int(head):
            task = gdb.Value(int(node) - in_group).cast(init.type)
            if int(task) != int(leader):
                yield task
            node = node["next"]
        leader = gdb.Value(int(leader["tasks"]["next"]) - in_all).cast(init.type)
        if int(leader) == int(init):
            return


def host_thread(low, high):
    """The host thread whose stack pointer lies there."""
    selected = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            if low <= int(gdb.parse_and_eval("(unsigned long)$sp")) < high:
                return thread
    finally:
        if selected:
            selected.switch()
    return None


def where(pc):
    """Name and line of a return address, functions that were taken in line included."""
    names = []
    block = gdb.block_for_pc(pc - 1)
    while block and not block.is_static and not block.is_global:
        if block.function:
            names.append(block.function.print_name)
        block = block.superblock
    line = gdb.find_pc_line(pc - 1)
    place = f" at {line.symtab.filename}:{line.line}" if line.symtab else ""
    if not names:
        names = [gdb.execute(f"info symbol {pc - 1:#x}", to_string=True).split(" in section")[0].strip()]
    return " in ".join(names) + place


def print_frames(record, low, high):
    """Follow frame records, each the next one's address and where to return to."""
    for number in range(FRAMES):
        if not low <= record < high:
            break
        record, pc = words(record, 2)
        if pc == int(gdb.parse_and_eval("(unsigned long)&rump_context_link")):
            break
        gdb.write(f"  #{number:<2} {pc:#x} {where(pc)}\n")


class TaskStack(gdb.Command):
    """Show the kernel stack of a task that sleeps: rumpus-bt PID, or rumpus-bt all
A task that runs is on the stack of a host thread: rumpus-bt says which, and bt shows it there."""

    def __init__(self):
        super().__init__("rumpus-bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        kernels.update()
        if not kernels.chosen:
            raise gdb.GdbError("there is no kernel in this process")
        if argument != "all" and not argument.isdigit():
            raise gdb.GdbError("rumpus-bt takes the number of a task, as lx-ps shows it, or \"all\"")
        found = [task for task in tasks() if argument == "all" or int(task["pid"]) == int(argument)]
        if not found:
            raise gdb.GdbError(f"there is no task {argument}")
        for task in found:
            self.show(task)

    @staticmethod
    def show(task):
        gdb.write(f"task {int(task['pid'])} \"{task['comm'].string()}\"\n")
        low = int(task["stack"])
        top = stack_top(task)
        record = int(task["thread"]["sp"])
        if int(task["on_cpu"]):
            cpu = top["cpu"].dereference()
            if int(cpu["token"]):
                thread = host_thread(low, int(top))
                number = f"thread {thread.num}" if thread else "a host thread"
                gdb.write(f"  runs on virtual CPU {int(cpu['id'])}, carried by {number}\n")
                return
            gdb.write(f"  is current on virtual CPU {int(cpu['id'])}, which nobody carries now\n")
            record = int(cpu["kernel_sp"])
        print_frames(record, low, int(top) + top.type.target().sizeof)


def program_ended(event):
    for image in kernels.images:
        kernels.drop(image)
    kernels.images = []
    kernels.chosen = None


ListKernels()
ChooseKernel()
TaskStack()
quietly("set breakpoint pending on")
Changed()
quietly("set breakpoint pending auto")
gdb.events.stop.connect(lambda event: kernels.update())
gdb.events.exited.connect(program_ended)
kernels.update()
