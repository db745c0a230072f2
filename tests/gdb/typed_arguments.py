# Arguments as zeektrace prints them beside what gdb prints, at the same calls of the same program. gdb runs this:
#
#   gdb -nx -batch -ex 'py options = {...}' -x typed_arguments.py
#
# options: zeektrace (the tracer), binary and command (what is traced: without address randomisation and with an empty
# environment, so that it does the same each time), pattern (functions, as zeektrace lists them), list (how many with
# typed arguments there must be), compare (how many of those that are called are compared), stop ("entry": gdb stops
# where zeektrace's probe is, and reads location lists; "prologue": at the function's first line, where variables of
# unoptimised code have their values), ignore (arguments that differ from run to run, such as the time).
#
# Each function's first calls are compared: numbers, addresses, what references refer to, members of records. What
# zeektrace refuses is counted with its reason; what it gives must be equal, or gdb not know it (optimised out).
import collections
import re
import subprocess
import sys

CALLS = 3  # of each function
MEMBERS = 3  # of each record
BATCH = 50  # functions a script


def run(words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **more)


def traced(script, expect_status=True):
    command = "/usr/bin/env -i /usr/bin/setarch x86_64 -R " + options["command"]
    done = run([options["zeektrace"], "-e", script, "-c", command], timeout=300)
    if done.returncode != 0 and expect_status:
        sys.exit("FAIL zeektrace: " + done.stderr[-2000:])
    return done


def listed():
    """Function (as its probe names it) -> {argument: reason that it is not available, or None}."""
    done = run([options["zeektrace"], "-lv", f"uprobe:{options['binary']}:{options['pattern']}"])
    functions, current = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("uprobe:"):
            current = functions.setdefault(line.split(":", 2)[2], {})
        found = re.search(r" args\.([A-Za-z_]\w*)(?:\s+\(not available: (.*)\))?$", line)
        if found and current is not None:
            current[found[1]] = found[2]
    return functions


def called(functions):
    """Those that the command calls, the rarest first."""
    script = f"uprobe:{options['binary']}:{options['pattern']} {{ @[probe] = count(); }}"
    counts = {}
    for line in traced(script).stdout.splitlines():
        found = re.match(r"@\[uprobe:[^:]*:(.*)\]: (\d+)$", line)
        if found:
            counts[found[1]] = int(found[2])
    return sorted((name for name in counts if name in functions), key=lambda name: (counts[name], name))


def symbols():
    addresses = {}
    for line in run(["nm", options["binary"]]).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "tTwW":
            addresses[words[2]] = int(words[0], 16)
    return addresses


def plain(value_type):
    return value_type.strip_typedefs().unqualified()


def is_scalar(value_type):
    return plain(value_type).code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR,
                                      gdb.TYPE_CODE_PTR) and plain(value_type).sizeof <= 8


def paths(name, value_type):
    """What of an argument is compared: expressions that gdb and zeektrace both read, less "args."."""
    kind = plain(value_type)
    if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        kind = plain(kind.target())
    if is_scalar(kind):
        return [name]
    if kind.code not in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        return []
    fields = [f for f in kind.fields() if hasattr(f, "bitpos") and not f.is_base_class and f.name and
              re.fullmatch(r"[A-Za-z_]\w*", f.name) and not f.artificial and is_scalar(f.type)]
    return [f"{name}.{f.name}" for f in fields[:MEMBERS]]


def number(value):
    kind = plain(value.type)
    if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value, kind = value.referenced_value(), plain(kind.target())
    if kind.code == gdb.TYPE_CODE_PTR:
        return int(value.cast(gdb.lookup_type("unsigned long")))
    return int(value) % (1 << 64)


def gdb_value(frame, path):
    name, _, member = path.partition(".")
    value = frame.read_var(name)
    if plain(value.type).code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    return number(value[member] if member else value)


def zeektrace_values(chosen, wanted):
    """(function, call, path) -> number, for the first calls."""
    values = {}
    for start in range(0, len(chosen), BATCH):
        script = ""
        for index in range(start, min(start + BATCH, len(chosen))):
            name = chosen[index]
            body = "".join(f'printf("V {index} %lu {path} %lx\\n", @n{index}, (uint64)args.{path});' for path in wanted[name])
            script += f"uprobe:{options['binary']}:{name} {{ @n{index}++; if (@n{index} <= {CALLS}) {{ {body} }} }}\n"
        script += "END { " + " ".join(f"clear(@n{i});" for i in range(start, min(start + BATCH, len(chosen)))) + " }"
        done = traced(script)
        if "failed" in done.stderr or "lost" in done.stderr:
            print("note: " + done.stderr.strip()[-300:])
        for line in done.stdout.splitlines():
            found = re.match(r"V (\d+) (\d+) (\S+) ([0-9a-f]+)$", line)
            if found:
                values[chosen[int(found[1])], int(found[2]), found[3]] = int(found[4], 16)
    return values


class Stops(gdb.Breakpoint):
    """Reads what is wanted at a function's first calls."""

    def __init__(self, where, name, wanted, values):
        super().__init__(where, internal=True)
        self.silent, self.name, self.wanted, self.values, self.calls = True, name, wanted, values, 0

    def stop(self):
        self.calls += 1
        if self.calls <= CALLS:
            frame = gdb.newest_frame()
            for path in self.wanted:
                try:
                    self.values[self.name, self.calls, path] = gdb_value(frame, path)
                except (gdb.error, ValueError) as error:
                    self.values[self.name, self.calls, path] = str(error)
        if self.calls >= CALLS:
            self.enabled = False
        return False


def load_bias():
    for line in gdb.execute("info proc mappings", to_string=True).splitlines():
        words = line.split()
        if words and words[-1] == options["binary"]:
            return int(words[0], 16) - int(words[3], 16)
    sys.exit("FAIL gdb does not show where the program is")


def gdb_values(chosen, wanted, addresses):
    values = {}
    words = options["command"].split()
    for setting in ("pagination off", "confirm off", "exec-wrapper /usr/bin/env -i",
                    "disable-randomization on", "print thread-events off", "breakpoint pending off"):
        gdb.execute("set " + setting)
    gdb.execute("set args " + " ".join(words[1:]) + " > /dev/null")
    gdb.execute("starti", to_string=True)
    bias = load_bias()
    for name in chosen:
        place = addresses[name] + bias
        if options["stop"] == "prologue":
            place = gdb.find_pc_line(place).last + 1  # where the second row of the line table begins
        Stops(f"*{place:#x}", name, wanted[name], values)
    gdb.execute("continue", to_string=True)
    return values


def wanted_paths(functions, name, block):
    paths_of = []
    for symbol in block or []:
        if symbol.is_argument and functions[name].get(symbol.name, "not listed") is None and symbol.name not in options["ignore"]:
            paths_of += paths(symbol.name, symbol.type)
    return list(dict.fromkeys(paths_of))


def choose(functions, addresses):
    gdb.execute("file " + options["binary"])
    chosen, wanted = [], {}
    for name in called(functions):
        if name not in addresses or len(chosen) == options["compare"]:
            continue
        try:
            block = gdb.block_for_pc(addresses[name])
        except RuntimeError:
            block = None
        while block is not None and block.function is None:
            block = block.superblock
        found = wanted_paths(functions, name, block)
        if found:
            chosen.append(name)
            wanted[name] = found
    return chosen, wanted


def refusals(functions):
    reasons = collections.Counter()
    for arguments in functions.values():
        for reason in arguments.values():
            if reason is not None:
                reasons[re.sub(r"_Z\w+|\(\.[\w.]+\)|\d+", "…", reason)] += 1
    return reasons


def main():
    functions = listed()
    typed = [name for name, arguments in functions.items() if any(reason is None for reason in arguments.values())]
    count = sum(len(arguments) for arguments in functions.values())
    refused = refusals(functions)
    print(f"{len(functions)} functions listed, {len(typed)} with typed arguments; of {count} arguments "
          f"{sum(refused.values())} refused:")
    for reason, times in refused.most_common():
        print(f"  {times:6} {reason}")
    if len(typed) < options["list"]:
        sys.exit(f"FAIL at least {options['list']} functions with typed arguments are wanted")
    addresses = symbols()
    chosen, wanted = choose(functions, addresses)
    ours = zeektrace_values(chosen, wanted)
    theirs = gdb_values(chosen, wanted, addresses)
    equal, unknown, wrong, compared = 0, 0, [], set()
    for key, value in sorted(theirs.items()):
        if not isinstance(value, int):
            unknown += 1
        elif ours.get(key) == value:
            equal += 1
            compared.add(key[0])
        else:
            wrong.append((key, value, ours.get(key)))
    for (name, call, path), value, got in wrong[:40]:
        print(f"  DIFFERS {name} call {call} {path}: gdb {value:#x}, zeektrace {'nothing' if got is None else hex(got)}")
    print(f"{len(compared)} functions compared ({options['stop']}): {equal} values equal, {len(wrong)} differ, "
          f"{unknown} that gdb can't read")
    if wrong or len(compared) < options["compare"] * 9 // 10:
        sys.exit("FAIL")
    print("PASS")


main()
