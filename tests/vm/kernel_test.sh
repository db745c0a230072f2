#!/bin/bash
# Runs the run-time tests on one kernel; ctest calls it.
#
#   kernel_test.sh KERNEL ZEEKTRACE TARGETS-DIR RUNNER TESTS-DIR
#
# KERNEL is one of kernels.sh's names. Of the .rt files it takes those that need kprobes or uprobe_multi,
# and those with a line "# vm: yes"; all of them if ZEEKTRACE_VM_TESTS=all is set. Exits as vm.sh does, 77
# if the kernel can't be had.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$1 zeektrace=$2 targets=$3 runner=$4 tests=$5

if [ "${ZEEKTRACE_VM_TESTS:-}" = all ]; then chosen=.; else
  chosen='^needs:(.*[[:space:]])?(kprobes|uprobe_multi)([[:space:]]|$)|^# *vm: *yes'
fi
files=$(grep -lE "$chosen" "$tests"/*.rt 2>/dev/null)
[ -n "$files" ] || { echo "skip vm.$name: no .rt file in $tests is meant for it"; exit 77; }
found=$("$here/kernels.sh" '' "$name") ||
  { echo "skip vm.$name: kernels.sh could not get this kernel; it says why above"; exit 77; }
read -r _ kernel version <<<"$found"
echo "vm.$name: Linux $version, $(wc -w <<<"$files") test files"
exec "$here/vm.sh" --kernel "$kernel" --zeektrace "$zeektrace" --targets "$targets" --runner "$runner" \
  --tests "$files"
