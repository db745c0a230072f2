#!/usr/bin/env bash
# Flags, files and variables that make no sense: each is refused, at once, and says why.
. "$(dirname "$0")/check.sh"
exit_now='BEGIN { exit(); }'

refused 'no arguments' 1 'give a script' "$zeektrace"
refused 'an unknown flag' 1 'unknown option --nonsense' "$zeektrace" --nonsense
refused 'an unknown letter' 1 'unknown option -Z' "$zeektrace" -Z
refused 'an unknown letter among others' 1 'unknown option -qZ' "$zeektrace" -qZ -e "$exit_now"
for flag in -e -p -c -f -o --pid --output; do
  refused "$flag without its value" 1 "^zeektrace: $flag wants" "$zeektrace" "$flag"
done
refused 'a value where none belongs' 1 '--quiet takes no argument' "$zeektrace" --quiet=yes
refused '-e twice' 1 '-e is given twice' "$zeektrace" -e "$exit_now" -e "$exit_now"
refused '-p and -c' 1 '-p and -c do not go together' "$zeektrace" -e "$exit_now" -p 1 -c true
refused '-l and -e' 1 '-l and -e do not go together' "$zeektrace" -l -e "$exit_now"
printf 'uprobe:nonsense { }\n' >one.bt
printf 'BEGIN { exit(); }\n' >two.bt
refused 'two scripts: the second is a parameter' 1 'one\.bt:1:1: error: ' "$zeektrace" one.bt two.bt

for pid in abc 0 -5 12abc 99999999999999999999 ''; do
  refused "-p '$pid'" 1 "-p wants the number of a process, not '$pid'" "$zeektrace" -e "$exit_now" -p "$pid"
done
refused '-p of no process' 2 'there is no process 999999999' "$zeektrace" -e "$exit_now" -p 999999999
refused '-f nonsense' 1 "-f: unknown format 'nonsense'" "$zeektrace" -e "$exit_now" -f nonsense
refused '-o to a directory' 2 "-o: can't write /: Is a directory" "$zeektrace" -e "$exit_now" -o /
refused '-o where no directory is' 2 "-o: can't write missing/x: No such file" "$zeektrace" -e "$exit_now" -o missing/x
refused '-l of an unknown type' 1 "unknown probe type 'nonsense'" "$zeektrace" -l nonsense:x
refused '-l of an unknown function' 1 "no function of .* matches 'nonsense\*'" "$zeektrace" -l 'uprobe:libc:nonsense*'
refused '-l of a missing binary' 1 'cannot open /missing: No such file' "$zeektrace" -l 'uprobe:/missing:*'
refused '-l of two patterns' 1 '-l takes one pattern' "$zeektrace" -l a b

for value in abc 0 7 1000000000 99999999999999999999 -1 ' 64' 0x40 ''; do
  refused "ZEEKTRACE_MAX_STRLEN='$value'" 1 "ZEEKTRACE_MAX_STRLEN is '$value'; it must be a number from" \
    env ZEEKTRACE_MAX_STRLEN="$value" "$zeektrace" -e "$exit_now"
done
refused 'BPFTRACE_MAX_MAP_KEYS=0' 1 "BPFTRACE_MAX_MAP_KEYS is '0'; it must be" \
  env BPFTRACE_MAX_MAP_KEYS=0 "$zeektrace" -e "$exit_now"

: >data
refused '-c of a missing path' 2 "-c: can't run '/missing': No such file" "$zeektrace" -e "$exit_now" -c /missing
refused '-c of a missing name' 2 "-c: can't run 'no-such-program': no such program in PATH" \
  "$zeektrace" -e "$exit_now" -c no-such-program
refused '-c of a directory' 2 "-c: can't run '/': Is a directory" "$zeektrace" -e "$exit_now" -c /
refused '-c of a file that is no program' 2 "-c: can't run './data': Permission denied" \
  "$zeektrace" -e "$exit_now" -c ./data
refused '-c of nothing' 2 '-c: the command is empty' "$zeektrace" -e "$exit_now" -c ''
refused '-c with an open quote' 2 'never closed' "$zeektrace" -e "$exit_now" -c '"true'

answers 'errors to a closed stderr' 1 '' bash -c '"$zeektrace" --nonsense 2>&-'
answers 'errors to a full disk' 1 '' bash -c '"$zeektrace" --nonsense 2>/dev/full'
for flags in '-h' '-V' '-l uprobe:libc:*' '-d two.bt'; do
  refused "$flags to a full disk" 2 "can't write the answer: No space left" \
    bash -c 'set -f; "$zeektrace" $1 >/dev/full' sh "$flags"
done
refused 'the version to a closed stdout' 2 "can't write the answer: Bad file" bash -c '"$zeektrace" -V >&-'
refused 'a script from a closed stdin' 1 "can't read standard input" bash -c '"$zeektrace" - <&-'

# Without privileges, whoever runs this. The program is copied to where everybody may run it.
cp "$zeektrace" ours
as_nobody=()
if [ "$(id -u)" -eq 0 ]; then as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups); fi
if [ "${#as_nobody[@]}" -eq 0 ] || command -v setpriv >/dev/null; then
  for script in "$exit_now" 'uprobe:libc:malloc { @ = count(); }' 'profile:hz:99 { @ = count(); }'; do
    refused "no privileges: $script" 2 'the kernel does not let us load BPF programs' \
      "${as_nobody[@]}" "$work/ours" -e "$script"
    if ! grep -q 'sudo zeektrace.*CAP_BPF' .err; then fail "no privileges: $script" 'no word of sudo or capabilities'; fi
  done
fi
close
