#!/bin/bash
# Scripts that were written for bpftrace: each of a folder's *.bt is compiled and shown to the kernel's verifier (--dry-run). Those
# that this kernel has no probes for are shown to one of Debian's in a virtual machine, if tests/vm can have one.
#
#   BPFTRACE_TOOLS=FOLDER tools.sh ZEEKTRACE [SECONDS]
#
# With SECONDS each script also runs for so long, while programs do what the scripts look at, and the first rows that it prints are
# shown; at least 20 must print some. Exits with 1 when that is not so, or when a script fails that is not among the exceptions
# below; with 77 when no folder is given.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
zeektrace=$1 seconds=${2:-0}
[ -d "${BPFTRACE_TOOLS:-}" ] || { echo "skip tools: BPFTRACE_TOOLS names no folder of scripts"; exit 77; }

work=$(mktemp -d --tmpdir=/var/tmp) || exit 2  # the guest has a /tmp of its own
stimulus=
trap '[ -z "$stimulus" ] || kill "$stimulus"; rm -rf "$work"' EXIT

# What no kernel here can do, and why.
exception() {
  case $1 in
    mdflush.bt) echo "md_flush_request is in a module that is not loaded" ;;
  esac
}
elsewhere='has no kprobes|which it does not have|Operation not permitted|no tracepoint|no such'

# Something for the scripts to see, over and over: files, names of hosts, users, threads, signals, connections that nobody takes. What
# the machine has no program for is left out.
cat >"$work/stimulus" <<'LOOP'
while :; do
  getent hosts localhost
  stat -L /etc/hostname; sync; nice true; kill -0 $$
  setpriv --reuid 1 --clear-groups true || su -s /bin/sh -c true nobody
  echo 'echo read' | bash --norc -i
  unshare --net sh -c 'ip link set lo up; bash -c "exec 3<>/dev/tcp/127.0.0.1/9"'
  nc -l -p 9009 -s 127.0.0.1 </dev/null & sleep 0.4; echo x | nc 127.0.0.1 9009; nc 127.0.0.1 9
  dd if=/dev/zero of=/tmp/tools-stimulus.$$ bs=64k count=4 conv=fsync
  sleep 0.1
done >/dev/null 2>&1
LOOP

# rows FILE: what a script printed beside its heading.
rows() { grep -v 'Ctrl-C' "$1" | grep -E '[0-9]'; }

passed=0 failed=0 printed=0 wants_vm=()
# judge_rows NAME FILE
judge_rows() {
  local count
  count=$(rows "$2" | wc -l)
  echo "    $1 printed $count rows"
  rows "$2" | head -n 6 | cut -c1-120 | sed 's/^/    | /'
  [ "$count" -eq 0 ] || printed=$((printed + 1))
}

if [ "$seconds" != 0 ]; then
  bash "$work/stimulus" &
  stimulus=$!
fi
for script in "$BPFTRACE_TOOLS"/*.bt; do
  name=$(basename "$script")
  if said=$(timeout 120 "$zeektrace" --unsafe --dry-run "$script" 2>&1 </dev/null); then
    passed=$((passed + 1)) && echo "ok $name"
    [ "$seconds" = 0 ] && continue
    timeout --signal=INT --kill-after=30 "$seconds" "$zeektrace" --unsafe "$script" </dev/null >"$work/printed" 2>/dev/null
    judge_rows "$name" "$work/printed"
  elif grep -qE "$elsewhere" <<<"$said"; then
    wants_vm+=("$script")
  else
    failed=$((failed + 1)) && echo "FAIL $name: $(grep -vm1 '^note' <<<"$said")"
  fi
done
if [ -n "$stimulus" ]; then kill "$stimulus"; stimulus=; fi

check_in_vm() {
  local kernel name commands=
  read -r name kernel _ <<<"$("$here/../vm/kernels.sh" '' "$1" 2>/dev/null)"
  [ -r "${kernel:-}" ] || return 77
  local program=$work/zeektrace
  cp "$zeektrace" "$program" && strip --strip-all "$program" 2>/dev/null
  local adds=(--add "$program" --add "$work/stimulus" --add /bin/bash)
  [ "$seconds" = 0 ] || commands="bash $work/stimulus & "
  for script in "${wants_vm[@]}"; do
    name=$(basename "$script")
    adds+=(--add "$script")
    commands+="if timeout 200 $program --unsafe --dry-run $script >/tmp/said 2>&1; then echo ok $name; "
    # Emulated, it takes some seconds until a script is attached.
    [ "$seconds" = 0 ] || commands+="timeout -s INT $((seconds + 15)) $program --unsafe $script </dev/null 2>/dev/null | sed 's/^/$name| /'; "
    commands+="else echo NO $name: ; grep -v ^note /tmp/said | head -n 2; fi; "
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
      [ "$seconds" = 0 ] && continue
      sed -n "s/^$name| //p" <<<"$answers" >"$work/printed"
      judge_rows "$name" "$work/printed"
    elif why=$(exception "$name"); [ -n "$why" ]; then
      echo "exception $name: $why"
    elif [ -z "$answers" ]; then
      echo "skip $name: this kernel has no such probe, and there is no other one"
    else
      failed=$((failed + 1)) && echo "FAIL $name: $(grep -A1 "^NO $name" <<<"$answers" | tail -1)"
    fi
  done
fi
echo "$passed passed, $failed failed$([ "$seconds" = 0 ] || echo "; $printed printed rows")"
[ "$failed" -eq 0 ] && { [ "$seconds" = 0 ] || [ "$printed" -ge 20 ]; }
