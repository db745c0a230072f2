#!/usr/bin/env bash
# Standard streams that are closed, full, or gone: the tracer ends in good order all the same.
. "$(dirname "$0")/check.sh"
need_bpf
export say='BEGIN { printf("x\n"); exit(); }'

refused '-o to a full disk: printf' 2 "can't write the answers: No space" "$zeektrace" -e "$say" -o /dev/full
refused '-o to a full disk: maps' 2 "can't write the answers: No space" \
  "$zeektrace" -e 'BEGIN { @ = 1; exit(); }' -o /dev/full
refused 'JSON to a full disk' 2 "can't write the answers: No space" bash -c '"$zeektrace" -f json -e "$say" >/dev/full'
refused 'stdout closed' 2 "can't write the answers: Bad file" bash -c '"$zeektrace" -e "$say" >&-'
answers 'stdout closed, and nothing to print' 0 '' bash -c '"$zeektrace" -e "BEGIN { exit(); }" >&-'
answers 'stderr closed' 0 '^x$' bash -c '"$zeektrace" -e "$say" 2>&-'
answers 'stdin closed' 0 '^x$' bash -c '"$zeektrace" -e "$say" <&-'
answers 'all three closed' 2 '' bash -c '"$zeektrace" -e "$say" <&- >&- 2>&-'
answers 'stderr on a full disk, with much to say' 0 '^x$' bash -c '"$zeektrace" -v -e "$say" 2>/dev/full'
answers 'stdout and stderr are one pipe that nobody reads' 0 '' \
  bash -c 'set -o pipefail; "$zeektrace" -e "interval:ms:1 { printf(\"x\n\"); }" 2>&1 | true'
answers 'a reader that leaves after a line' 0 '^x$' \
  bash -c 'set -o pipefail; "$zeektrace" -e "interval:ms:1 { printf(\"x\n\"); }" | head -n 1'
answers 'JSON to a reader that leaves' 0 'attached_probes' \
  bash -c 'set -o pipefail; "$zeektrace" -f json -e "interval:ms:1 { printf(\"x\n\"); }" | head -n 1'

printf 'BEGIN { printf("%s\\n"); exit(); }' "$(head -c 64000 /dev/zero | tr '\0' a)" >printf.bt
answers 'a printf of 64000 characters' 0 '^a{1000}' "$zeektrace" printf.bt
if [ "$(wc -c <.out)" -ne 64001 ]; then fail 'a printf of 64000 characters' "$(wc -c <.out) bytes came"; fi
yes '// padding' | head -n 90000 >padded.bt
echo 'BEGIN { printf("x\n"); exit(); }' >>padded.bt
answers 'a valid script of a megabyte' 0 '^x$' "$zeektrace" padded.bt
printf '\357\273\277BEGIN\r\n{\r\n  printf("x\\n");\r\n  exit();\r\n}\r\n' >windows.bt
answers 'a byte order mark and CR LF' 0 '^x$' "$zeektrace" windows.bt
{
  seq 200 | sed 's/.*/uprobe:libc:malloc { @a& = count(); }/'
  echo 'interval:ms:1 { printf("x\n"); exit(); }'
} >many.bt
answers '200 probes' 0 '^x$' "$zeektrace" many.bt
answers 'the largest strings' 0 '^@\[\]: 1$' \
  env ZEEKTRACE_MAX_STRLEN=16384 "$zeektrace" -e 'BEGIN { @[str(0)] = 1; exit(); }'
close
