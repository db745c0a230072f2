#!/bin/bash
# Runs the run-time tests on one kernel; ctest calls it.
#
#   kernel_test.sh KERNEL ZEEKTRACE TARGETS-DIR RUNNER TESTS-DIR
#
# KERNEL is one of kernels.sh's names. Of the .rt files it takes those that need kprobes or uprobe_multi,
# and those with a line "# vm: yes"; all of them if ZEEKTRACE_VM_TESTS=all is set. Exits as vm.sh does, 77
# if the kernel can't be had. A guest that dies or hangs before its first test is the emulator's fault, not
# ours (about one boot in a hundred): it is booted once more.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
patience=6  # emulated, a test takes 2 to 13 s, and 20 beside two busy processors: the limit's 20 is too near
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
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
for boot in 1 2; do
  "$here/vm.sh" --kernel "$kernel" --zeektrace "$zeektrace" --targets "$targets" --runner "$runner" \
    --tests "$files" -- --patience "$patience" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  case $status in
    124 | 125) grep -qE '^(ok|FAIL|skip) ' "$output" && break
               [ $boot = 2 ] || echo "vm.$name: the guest never came to its tests: booting it once more" ;;
    *) break ;;
  esac
done
exit "$status"
