#!/usr/bin/env bash
# Scripts that are none, that are cut off, far too large or too deep: each is refused, at once, and says why.
. "$(dirname "$0")/check.sh"

repeat() { head -c "$(($1 * ${#2}))" < <(yes "$2" | tr -d '\n'); }

: >empty.bt
refused 'an empty file' 1 'empty\.bt:1:1: error: the script has no probe' "$zeektrace" empty.bt
refused '/dev/null' 1 '/dev/null:1:1: error: the script has no probe' "$zeektrace" /dev/null
printf '// nothing\n/* at\n   all */\n' >comments.bt
refused 'only comments' 1 'error: the script has no probe' "$zeektrace" comments.bt
refused 'a binary' 1 "$targets/tally:1:1: error: the script is not text: byte 0x7f" "$zeektrace" "$targets/tally"
refused 'a directory' 1 "can't read /: Is a directory" "$zeektrace" /
refused 'a file that is not there' 1 "can't open missing\.bt: No such file" "$zeektrace" missing.bt
refused 'a file without end' 1 '/dev/zero is larger than 4194304 bytes' "$zeektrace" /dev/zero
refused 'an empty -e' 1 'error: the script has no probe' "$zeektrace" -e ''
refused 'a standard input that is empty' 1 'the script has no probe' "$zeektrace" -

refused 'an unclosed comment' 1 'error: .*comment' "$zeektrace" -e 'BEGIN { exit(); } /* here'
refused 'an unclosed string' 1 'error: .*string' "$zeektrace" -e 'BEGIN { printf("here); }'
refused 'an unclosed block' 1 'error: .*(block|\})' "$zeektrace" -e 'BEGIN { if (1) { exit(); }'
refused 'an unclosed predicate' 1 'error: ' "$zeektrace" -e 'BEGIN / pid == 1 { exit(); }'
printf 'BEGIN\0 { exit(); }\0' >nul.bt
refused 'a NUL byte' 1 'nul\.bt:1:6: error: .*byte 0x00' "$zeektrace" nul.bt
printf 'BEGIN { printf("a\0b"); }' >nul_inside.bt
refused 'a NUL byte in a string' 1 'nul_inside\.bt:1:18: error: .*byte 0x00' "$zeektrace" nul_inside.bt
printf 'BEGIN { \xe9\xff }' >latin1.bt
refused 'bytes that are no UTF-8' 1 'latin1\.bt:1:9: error: .*byte 0xe9' "$zeektrace" latin1.bt

printf 'BEGIN { printf("%s"); }' "$(repeat 1000000 a)" >string.bt
refused 'a string of a million characters' 1 'string\.bt:1:17: error: .*1000000 bytes' "$zeektrace" string.bt
repeat 1000000 a >word.bt
refused 'a word of a million characters' 1 'word\.bt:1:1000001: error: ' "$zeektrace" word.bt
printf 'BEGIN { @ = %s; }' "$(repeat 1000000 9)" >number.bt
refused 'a number of a million digits' 1 'number\.bt:1:13: error: ' "$zeektrace" number.bt
repeat 90000 'x{{{;;"'\''\$@ ' >garbage.bt
refused 'a megabyte of garbage' 1 'garbage\.bt:1:[0-9]+: error: ' "$zeektrace" garbage.bt
head -c 5000000 < <(yes '// padding') >large.bt
refused 'five megabytes' 1 'large\.bt is larger than 4194304 bytes' "$zeektrace" large.bt
printf 'BEGIN { @ = %s1%s; }' "$(repeat 100000 '(')" "$(repeat 100000 ')')" >parentheses.bt
refused 'parentheses, 100000 deep' 1 'error: .*nested more than' "$zeektrace" parentheses.bt
printf 'BEGIN { @ = %s1; }' "$(repeat 100000 '-')" >signs.bt
refused 'signs, 100000 deep' 1 'error: .*nested more than' "$zeektrace" signs.bt
printf 'BEGIN { %s%s }' "$(repeat 20000 'if (1) {')" "$(repeat 20000 '}')" >blocks.bt
refused 'blocks, 20000 deep' 1 'error: .*nested more than' "$zeektrace" blocks.bt
printf 'BEGIN { @ = 1%s; }' "$(repeat 100000 '+1')" >sum.bt
refused 'a sum of 100000 parts' 1 'error: .*nested more than' "$zeektrace" sum.bt

yes 'uprobe:libc:malloc { @a = count(); }' | head -n 2000 >probes.bt
refused '2000 probes' 1 'probes\.bt:2000:1: error: the script has 2000 programs; at most 1024' "$zeektrace" probes.bt
seq 30000 | sed 's/.*/interval:s:& { @a& = count(); }/' >megabyte.bt
refused 'a megabyte of probes' 1 'megabyte\.bt:30000:1: error: the script has 30000 programs' "$zeektrace" megabyte.bt
seq 30000 | sed 's/.*/nonsense:& { @a& = cuont(); }/' >mistakes.bt
refused '30000 mistakes' 1 'mistakes\.bt:1:1: error: unknown probe type' "$zeektrace" mistakes.bt
if [ "$(tail -n 1 .err)" != 'and 29980 more errors' ]; then fail '30000 mistakes' 'the rest is not counted'; fi
close
