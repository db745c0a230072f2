#!/usr/bin/env bash
# kill -9 of the tracer, under load and at any moment of its start: the traced process goes on, ends with its full tally,
# and its code in memory is its file's again, byte for byte.
. "$(dirname "$0")/check.sh"
need_bpf
functions=(malloc free calloc realloc fopen fclose fread fwrite fputs fgets getenv setenv opendir closedir readdir
  strtol qsort bsearch getpwnam)
script="uprobe:$targets/tally:traced_step { @steps = count(); @[tid] = hist(arg0); }"
for function in "${functions[@]}"; do script+=" uprobe:libc:$function { @$function = count(); }"; done
probes=$((${#functions[@]} + 1))

# changes PROCESS WANTED: waits, up to two seconds, until so many places of its code differ from its files.
changes() {
  local i
  for i in $(seq 40); do
    places=$("$tools/text_changes" "$1") || return 1
    if [ "$places" -eq "$2" ]; then return 0; fi
    sleep 0.05
  done
  return 1
}

# start_target WORDS...: it runs beside, its tally goes to .tally. It is waited for until it is that program: before, the process is
# a shell, whose mappings go while they are read.
start_target() {
  "$targets/tally" "$@" >.tally 2>.err &
  target=$!
  local i
  for i in $(seq 1000); do
    if [ "/proc/$target/exe" -ef "$targets/tally" ] && grep -q '/libc[.-]' "/proc/$target/maps"; then return; fi
    sleep 0.01
  done
}

# whole COUNT EACH WHAT: the target ends with status 0 and has done all that it had to.
whole() {
  local calls=$1 sum=$2 ended
  wait "$target"
  ended=$?
  cp .tally .out
  if [ "$ended" -ne 0 ]; then
    fail "$3" "status $ended"
  elif ! grep -qx "tally @calls: $calls" .tally || ! grep -qx "tally @sum: $sum" .tally; then
    fail "$3" 'its tally is not complete'
  else
    pass "$3"
  fi
}

# kill_armed WHAT: the tracer is armed on the target and killed while it counts.
kill_armed() {
  "$zeektrace" -e "$script" -p "$target" >.out 2>.err &
  local tracer=$! i
  for i in $(seq 200); do
    if grep -q Attached .err; then break; fi
    sleep 0.02
  done
  if changes "$target" "$probes"; then
    pass "$1: $places places of its code are probed"
  else
    fail "$1" "$places places of its code are probed, not $probes"
  fi
  sleep 0.3
  kill -KILL "$tracer"
  wait "$tracer" 2>/dev/null
  if ! changes "$target" 0; then
    fail "$1: no probe is left" "$places are, or the target has gone"
  else
    pass "$1: no probe is left"
  fi
}

billion=1000000000
start_target burst $((3 * billion))
kill_armed 'one thread'
whole $((3 * billion)) $((3 * billion / 2 * (3 * billion - 1))) 'one thread: all of 3000000000 calls were made'

start_target threads "$billion" 4
kill_armed 'four threads'
whole $((4 * billion)) $((billion / 2 * (billion - 1) * 4)) 'four threads: all of 4000000000 calls were made'

start_target burst $((6 * billion))
for delay in 0.005 0.010 0.015 0.020 0.030 0.040 0.060 0.080 0.120; do
  "$zeektrace" -e "$script" -p "$target" >.out 2>.err &
  tracer=$!
  sleep "$delay"
  kill -KILL "$tracer"
  wait "$tracer" 2>/dev/null
  if changes "$target" 0; then
    pass "killed ${delay} s after its start: no probe is left"
  else
    fail "killed ${delay} s after its start" "$places probes are left, or the target has gone"
  fi
done
kill -TERM "$target"
wait "$target" 2>/dev/null
if [ $? -ne 143 ]; then fail 'the target lived until the end' 'it did not'; else pass 'the target lived until the end'; fi
close
