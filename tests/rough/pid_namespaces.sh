#!/usr/bin/env bash
# Process ids in PID namespaces: those of zeektrace's own, those of the traced process, and a /proc that is of neither.
. "$(dirname "$0")/check.sh"
need_bpf
limit=$((3 * ${ROUGH_SECONDS:-2}))
if ! unshare --pid --fork --mount-proc true 2>/dev/null; then echo "skip rough.$name: no namespace can be made here"; exit 77; fi
run "$zeektrace" -l 'tracepoint:syscalls:sys_enter_clock_nanosleep'
if ! grep -q clock_nanosleep .out; then echo "skip rough.$name: the kernel has no tracepoints of system calls"; exit 77; fi
export tally=$targets/tally
export sleeps='tracepoint:syscalls:sys_enter_clock_nanosleep { @ticks = count(); } interval:ms:300 { exit(); }'
export who='tracepoint:syscalls:sys_enter_clock_nanosleep /pid != 0 && comm == "tally"/ { printf("%d %d\n", pid, tid); exit(); }'
inside=(unshare --pid --fork --kill-child --mount-proc bash -c)
seen='^@ticks: [1-9][0-9]*$'

# Tracepoints have no filter of the kernel's: the program itself compares the process's number.
answers 'inside: -c' 0 "$seen" "${inside[@]}" '"$zeektrace" -q -c "$tally sleep 0.3" -e "$sleeps"'
answers 'inside: -p' 0 "$seen" "${inside[@]}" '"$tally" sleep 9 >/dev/null & "$zeektrace" -q -p $! -e "$sleeps"'
answers 'inside: -p of another process counts nothing' 0 '^@ticks: 0$' "${inside[@]}" \
  '"$tally" sleep 9 >/dev/null & "$zeektrace" -q -p $$ -e "$sleeps"'
answers 'inside: pid and tid are those of the namespace' 0 '^same$' "${inside[@]}" \
  '"$tally" sleep 9 >/dev/null & told=$("$zeektrace" -q -e "$who"); [ "$told" = "$! $!" ] && echo same || echo "$told, not $!"'
answers 'inside: -p of a process in a further namespace' 0 "$seen" "${inside[@]}" \
  'unshare --pid --fork --kill-child "$tally" sleep 9 >/dev/null & sleep 0.3
   "$zeektrace" -q -p "$(pgrep -P $!)" -e "$sleeps"'
answers 'inside: -p, where the kernel filters' 0 "$seen" "${inside[@]}" \
  '"$tally" sleep 9 >/dev/null & "$zeektrace" -q -p $! -e "uprobe:$tally:traced_tick { @ticks = count(); } interval:ms:300 { exit(); }"'
limit=$((10 * ${ROUGH_SECONDS:-2}))  # unwind tables are made first
answers 'inside: stacks have names' 0 'traced_tick' "${inside[@]}" \
  '"$tally" sleep 9 >/dev/null & "$zeektrace" -q -p $! -e "uprobe:$tally:traced_tick { @[ustack(1)] = count(); } interval:ms:300 { exit(); }"'
unshare --pid --fork --kill-child "$tally" sleep 9 >/dev/null &
outer=$!
sleep 0.3
answers 'outside: -p of a process in a namespace' 0 "$seen" "$zeektrace" -q -p "$(pgrep -P $outer)" -e "$sleeps"
kill "$outer"
refused 'inside, with the /proc of outside' 2 '/proc is not that of the PID namespace' \
  unshare --pid --fork "$zeektrace" -c "$tally sleep 0.1" -e "$sleeps"
close
