#!/usr/bin/env bash
# Traced processes that end badly, or never begin: the tracer prints what it has and ends by itself.
. "$(dirname "$0")/check.sh"
need_bpf
limit=${ROUGH_SECONDS:-5}
ticks="uprobe:$targets/tally:traced_tick { @ticks = count(); }"
stacks="uprobe:$targets/tally:traced_tick { @ticks = count(); @[ustack] = count(); }"

# dies SIGNAL SCRIPT: a process under -p that ends so a while after it was attached to.
dies() {
  : >.err
  "$targets/tally" sleep 30 >/dev/null &
  local process=$!
  disown "$process"  # or the shell tells how it ended
  (until grep -q '^Attached' .err; do sleep 0.1; done; sleep 0.3; kill -s "$1" "$process") &
  local killer=$!
  answers "under -p, the process gets SIG$1 ($3)" 0 '^@ticks: [1-9][0-9]*$' "$zeektrace" -p "$process" -e "$2"
  kill "$killer" "$process" 2>/dev/null
}
for signal in TERM KILL SEGV; do dies "$signal" "$ticks" 'one probe'; done
dies KILL "$stacks" 'stacks'

"$targets/tally" burst 1 >/dev/null &
gone=$!
wait "$gone"
refused 'under -p, the process has ended before' 2 "there is no process $gone" "$zeektrace" -p "$gone" -e "$ticks"

for script in "$ticks" "$stacks"; do
  answers 'under -c, the command ends' 0 '^@ticks: [1-9][0-9]*$' "$zeektrace" -c "$targets/tally sleep 0.3" -e "$script"
  for signal in TERM KILL SEGV; do
    answers "under -c, the command gets SIG$signal" 0 '^@ticks: [1-9][0-9]*$' "$zeektrace" \
      -c "bash -c '(sleep 0.3; kill -s $signal \$\$) & exec $targets/tally sleep 30'" -e "$script"
    if [ "$signal" != TERM ] && ! grep -q '^the command ended with signal' .err; then
      fail "SIG$signal is told" 'it is not'
    fi
  done
done
answers 'under -c, the command fails' 0 '^bye$' "$zeektrace" -c 'sh -c "exit 3"' -e 'END { printf("bye\n"); }'
if ! grep -q '^the command ended with status 3$' .err; then fail 'the status is told' 'it is not'; fi
answers 'under -c, the command closes everything and stays' 0 '^bye$' "$zeektrace" \
  -c 'bash -c "exec <&- >&- 2>&-; sleep 0.3"' -e 'END { printf("bye\n"); }'

printf 'echo hello\n' >no_first_line
printf '#!/missing/shell\necho hello\n' >missing_shell
printf '\177ELF and no more' >broken_elf
chmod +x no_first_line missing_shell broken_elf
for file in no_first_line:'Exec format error' missing_shell:'No such file or directory' broken_elf:'Exec format error'; do
  refused "-c of ${file%%:*}" 2 "-c: can't run './${file%%:*}': ${file#*:}" "$zeektrace" -q -c "./${file%%:*}" \
    -e 'END { printf("x\n"); }'
done

# It begins with a lock prefix, which the kernel steps over for nobody.
refused 'a function that cannot be probed' 2 'odd_locked can.t be probed: the kernel probes no instruction with such a prefix' \
  "$zeektrace" -e "uprobe:$targets/tally:odd_locked { @ = count(); }"

# A static probe's semaphore is raised in the process that is traced, in no other one, and is back at zero afterwards.
if [ -x "$targets/marks" ]; then
  "$targets/marks" guard 4 >.traced &
  traced=$!
  "$targets/marks" guard 4 >.other &
  other=$!
  answers 'a semaphore' 0 '^@n: [1-9]' "$zeektrace" -p "$traced" -e 'usdt::guard:checked { @n = count(); }
    interval:ms:300 { exit(); }'
  wait "$traced" "$other"
  if grep -qE '^passed [1-9][0-9]* times, semaphore 0$' .traced; then pass 'a semaphore is lowered again'; else
    fail 'a semaphore is lowered again' "$(cat .traced)"
  fi
  if grep -q '^passed 0 times, semaphore 0$' .other; then pass 'a semaphore is of one process'; else
    fail 'a semaphore is of one process' "$(cat .other)"
  fi
fi
close
