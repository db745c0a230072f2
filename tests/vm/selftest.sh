#!/bin/bash
# Tests vm.sh itself, with stand-ins for the runner and for zeektrace: a guest that passes, fails, hangs,
# dies, and hosts that cannot run one. Uses whichever kernel is cached, or fetches one. Exits 77 where no
# VM can be run.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
failed=0 passed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# expect STATUS 'REGEX' NAME COMMAND…: the command ends with that status and prints a line that matches.
expect() {
  local status=$1 pattern=$2 name=$3 started=$SECONDS got
  shift 3
  "$@" >"$work/output" 2>&1
  got=$?
  if [ $got -eq "$status" ] && grep -qE "$pattern" "$work/output"; then
    echo "ok $name ($((SECONDS - started)) s)"
    passed=$((passed + 1))
  else
    echo "FAIL $name: status $got, wanted $status and a line matching '$pattern'; it printed:"
    sed 's/^/  | /' "$work/output"
    failed=$((failed + 1))
  fi
}

# Runs a script in the guest in place of the runner.
guest() {
  local script=$1
  shift
  printf '#!/bin/sh\n%s\n' "$script" >"$work/run"
  chmod +x "$work/run"
  "$here/vm.sh" --kernel "$kernel" --zeektrace /bin/true --targets "$work/targets" --runner "$work/run" \
    --tests "$work/tests/first.rt $work/tests/second.rt" "$@"
}

# The same, and the checksum of what it printed.
flood() {
  local got
  guest "$1" --no-tracefs >"$work/flood"
  got=$?
  echo "sum $(cksum <"$work/flood")"
  return $got
}

mkdir "$work/targets" "$work/tests"
cp /bin/cat "$work/targets/copycat"
echo "# first" >"$work/tests/first.rt"
echo "# second" >"$work/tests/second.rt"
echo "BEGIN { exit() }" >"$work/tests/beside.bt"

kernel=$("$here/kernels.sh" '' 6.1 | cut -d' ' -f2)
[ -n "$kernel" ] || { echo "skip vm_selftest: kernels.sh could not get a kernel and says why above"; exit 77; }
"$here/vm.sh" --kernel "$kernel" --command true >"$work/output" 2>&1
[ $? -ne 77 ] || { cat "$work/output"; exit 77; }

# All that the runner and a tracer rely on; the first thing that is missing is named.
read -r -d '' whole <<'CHECK'
want() { "$@" >/dev/null 2>&1 || { echo "missing: $*"; exit 1; }; }
want test "$1 $2 $3 $4" = "--zeektrace /usr/bin/zeektrace --targets /vm/targets"
want test "$5 $6 $7 $8" = "-k x /vm/tests/first.rt /vm/tests/second.rt"
want /usr/bin/zeektrace
want test $# = 8
want /vm/targets/copycat /proc/version
want grep first /vm/tests/first.rt
want grep second /vm/tests/second.rt
want grep BEGIN /vm/tests/beside.bt
want test -e /sys/bus/event_source/devices/kprobe/type
want test -r /sys/kernel/btf/vmlinux
want grep -w __x64_sys_read /sys/kernel/tracing/available_filter_functions
want grep -E ' /sys/fs/bpf bpf ' /proc/mounts
want grep -E ' /sys/fs/cgroup cgroup2 ' /proc/mounts
want ping -c 1 127.0.0.1
want test -c /dev/null
want test -w /tmp
want test "$(id -u)" = 0
want test "$(nproc)" = 2
printf 'tab\there\n1 passed, 0 failed, 0 skipped\n'
CHECK

expect 0 '^1 passed, 0 failed, 0 skipped$' "a runner that passes, in a guest that is whole" \
  guest "$whole" -- -k x
expect 1 '^0 passed, 1 failed, 0 skipped$' "a runner that fails" \
  guest 'echo "0 passed, 1 failed, 0 skipped"; exit 1'
expect 0 "^sum $(seq 200000 | cksum)" "a flood of output arrives whole, without tracefs" \
  flood 'seq 200000; [ ! -e /sys/kernel/tracing/events ]'
expect 124 'killed after 20 s' "a guest that hangs" guest 'echo hanging; sleep 1000' --timeout 20
expect 125 'Kernel panic' "a guest that dies" guest 'echo c >/proc/sysrq-trigger; sleep 100' --timeout 60
expect 77 '^skip vm: no kernel' "no kernel" "$here/vm.sh" --kernel "$work/none" --command true
ln -s "$(command -v dirname)" "$work/targets/dirname"
expect 77 '^skip vm: qemu-system-x86_64 is not installed \(package qemu-system-x86\)' "no qemu" \
  env PATH="$work/targets" "$BASH" "$here/vm.sh" --kernel "$kernel" --command true
expect 125 'unknown option --nonsense' "an unknown option" "$here/vm.sh" --nonsense 1
expect 1 'unknown kernel 2.4' "an unknown kernel" "$here/kernels.sh" "$work/kernels" 2.4

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
