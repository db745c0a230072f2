#!/bin/bash
# Scripts that were written for bpftrace: each of a folder's *.bt is compiled and shown to the kernel's verifier (--dry-run). Those
# that this kernel has no probes for are shown to Debian's kernels in a virtual machine, where tests/vm has one.
#
#   BPFTRACE_TOOLS=FOLDER tools.sh ZEEKTRACE [SECONDS]
#
# With SECONDS each script that this kernel takes also runs for so long, and the first lines that it prints are shown. Exits with 1
# when a script fails that is not among the exceptions below, with 77 when no folder is given.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
zeektrace=$1 seconds=${2:-0}
[ -d "${BPFTRACE_TOOLS:-}" ] || { echo "skip tools: BPFTRACE_TOOLS names no folder of scripts"; exit 77; }

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# What no kernel here can do, and why.
exception() {
  case $1 in
    mdflush.bt) echo "md_flush_request is in a module that is not loaded" ;;
    xfsdist.bt) echo "the functions of XFS are in a module that is not loaded" ;;
  esac
}
elsewhere='has no kprobes|which it does not have|Operation not permitted|no tracepoint|no such'

passed=0 failed=0 wants_vm=()
for script in "$BPFTRACE_TOOLS"/*.bt; do
  name=$(basename "$script")
  if said=$(timeout 120 "$zeektrace" --unsafe --dry-run "$script" 2>&1 </dev/null); then
    passed=$((passed + 1)) && echo "ok $name"
    [ "$seconds" = 0 ] && continue
    timeout --signal=INT --kill-after=30 "$seconds" "$zeektrace" --unsafe "$script" </dev/null 2>&1 | head -n 12 | sed "s/^/    /"
  elif grep -qE "$elsewhere" <<<"$said"; then
    wants_vm+=("$script")
  else
    failed=$((failed + 1)) && echo "FAIL $name: $(grep -vm1 '^note' <<<"$said")"
  fi
done

check_in_vm() {
  local kernel name found
  read -r name kernel _ <<<"$("$here/../vm/kernels.sh" '' "$1" 2>/dev/null)"
  [ -r "${kernel:-}" ] || return 77
  local program=$work/zeektrace commands=
  cp "$zeektrace" "$program" && strip --strip-all "$program" 2>/dev/null
  local adds=(--add "$program")
  for script in "${wants_vm[@]}"; do
    adds+=(--add "$script")
    commands+="timeout 200 $program --unsafe --dry-run $script >/tmp/said 2>&1 && echo ok $(basename "$script") || "
    commands+="{ echo NO $(basename "$script"): ; grep -v ^note /tmp/said | head -n 2; }; "
  done
  "$here/../vm/vm.sh" --kernel "$kernel" "${adds[@]}" --timeout 3000 --command "$commands true"
}

if [ ${#wants_vm[@]} -gt 0 ]; then
  echo "in a virtual machine:"
  answers=$(check_in_vm 6.12) || answers=''
  for script in "${wants_vm[@]}"; do
    name=$(basename "$script")
    if grep -q "^ok $name" <<<"$answers"; then
      passed=$((passed + 1)) && echo "ok $name (6.12)"
    elif why=$(exception "$name"); [ -n "$why" ]; then
      echo "exception $name: $why"
    elif [ -z "$answers" ]; then
      echo "skip $name: this kernel has no such probe, and there is no other one"
    else
      failed=$((failed + 1)) && echo "FAIL $name: $(grep -A1 "^NO $name" <<<"$answers" | tail -1)"
    fi
  done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
