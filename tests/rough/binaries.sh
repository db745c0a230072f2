#!/usr/bin/env bash
# Programs of every make, under -p and -c: what can be probed is, and what can't be is refused with the reason.
. "$(dirname "$0")/check.sh"
need_bpf
limit=$((5 * ${ROUGH_SECONDS:-2} / 2))
for tool in strip objcopy unshare chroot xz; do
  if ! command -v $tool >/dev/null; then printf 'skip rough.%s: there is no %s\n' "$name" $tool; exit 77; fi
done
seen='^@ticks: [1-9][0-9]*$'

# running COMMAND...: it is started beside us, and has come to its own code when this is over; $process is its pid.
running() {
  "$@" >/dev/null 2>&1 &
  process=$!
  disown "$process"
  sleep 0.2
}

# named WHAT PROBE: the stack of the running process there has the names of its functions up to main.
named() {
  answers "-p: names of a stack: $1" 0 '^    main\+[0-9]+$' "$zeektrace" -q -p "$process" \
    -e "$2 { @[ustack] = count(); } interval:ms:200 { exit(); }"
  if grep -qE '^    0x' .out; then fail "names of a stack: $1" 'frames without a name'; fi
}
# under_p WHAT PROBE: the running process ticks in that probe, then it is ended.
under_p() {
  answers "-p: $1" 0 "$seen" "$zeektrace" -q -p "$process" -e "$2 { @ticks = count(); } interval:ms:200 { exit(); }"
  kill "$process" 2>/dev/null
}
# under_c WHAT COMMAND PROBE
under_c() {
  answers "-c: $1" 0 "$seen" "$zeektrace" -q -c "$2" -e "$3 { @ticks = count(); }"
}
# both WHAT FILE [PROBE]
both() {
  local probe=${3:-uprobe:$2:traced_tick}
  running "$2" sleep 30
  under_p "$1" "$probe"
  under_c "$1" "$2 sleep 0.2" "$probe"
}
told() {
  if ! grep -qaE -- "$2" .err; then fail "$1" "nothing on stderr matches '$2'"; else pass "$1"; fi
}

cp "$targets/tally" "$targets/tally_static" "$targets/tally_fixed" .
both 'position-independent' "$work/tally"
both 'at a fixed address' "$work/tally_fixed"
both 'linked statically' "$work/tally_static"
both 'a relative path' ./tally
running ./tally sleep 30
under_p 'by its file name' uprobe:tally:traced_tick
under_c 'by its file name' './tally sleep 0.2' uprobe:tally:traced_tick

strip -o exporting tally
both 'stripped, with exported names' "$work/exporting"
strip -o stripped tally_fixed
refused '-c: stripped, no names' 1 '' "$zeektrace" -c './stripped sleep 0.2' -e "uprobe:./stripped:traced_tick { @ = count(); }"
told 'it says that it is stripped' 'it is stripped: only exported functions are known'
address=0x$(nm tally_fixed | awk '$3 == "traced_tick" {print $1}')
running ./stripped sleep 30
answers '-p: stripped, by address' 0 "$seen" "$zeektrace" -q --unsafe -p "$process" \
  -e "uprobe:./stripped:$address { @ticks = count(); } interval:ms:200 { exit(); }"
kill "$process"
objcopy --only-keep-debug tally_fixed linked.debug
objcopy --strip-all --add-gnu-debuglink=linked.debug tally_fixed linked
both 'stripped, with a debug file by its link' "$work/linked"
nm tally_fixed --format=posix --defined-only | awk '$2 == "t" || $2 == "T" {print $1}' >names
objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=names linked.debug mini 2>/dev/null
xz --stdout mini >mini.xz
objcopy --add-section .gnu_debugdata=mini.xz stripped with_mini
both 'stripped, with .gnu_debugdata' "$work/with_mini"

running ./tally_static sleep 30
refused '-p: a library of a program that is linked statically' 1 '' "$zeektrace" -p "$process" -e 'uprobe:libc:malloc { @ = count(); }'
told 'it says what to write' 'uprobe:.*/tally_static:FUNCTION'
kill "$process"
refused '-c: a library of a program that is linked statically' 1 '' "$zeektrace" -c './tally_static sleep 0.1' \
  -e 'uprobe:libc:malloc { @ = count(); }'
running ./tally sleep 30
answers '-p: a library that it has not loaded' 0 '^bye$' "$zeektrace" -p "$process" \
  -e 'uprobe:libstdc++:_Znwm { @ = count(); } interval:ms:50 { exit(); } END { printf("bye\n"); }'
told 'it says so' "^note: process $process has not loaded .*libstdc"
kill "$process"

mkdir -p 'a:b c'
cp tally 'a:b c/tally:1'
running "$work/a:b c/tally:1" sleep 30
under_p 'a path with colons and spaces' "uprobe:\"$work/a:b c/tally:1\":traced_tick"
under_c 'a path with colons and spaces' "'$work/a:b c/tally:1' sleep 0.2" "uprobe:\"$work/a:b c/tally:1\":traced_tick"

cp tally gone
running ./gone sleep 30
rm gone
answers '-p: deleted' 0 "$seen" "$zeektrace" -p "$process" \
  -e 'uprobe:./gone:traced_tick { @ticks = count(); } interval:ms:200 { exit(); }'
told 'it says so' '^note: .*/gone was deleted or replaced after process'
named 'deleted' uprobe:gone:traced_tick
under_p 'deleted, by its file name' uprobe:gone:traced_tick
cp tally replaced
running ./replaced sleep 30
cp exporting new && mv new replaced
named 'replaced' "uprobe:$work/replaced:traced_tick"
under_p 'replaced' "uprobe:$work/replaced:traced_tick"
cp "$(ldd tally | awk '/libc.so/ {print $3}')" libtick.so
running env LD_PRELOAD="$work/libtick.so" ./tally sleep 30
rm libtick.so
answers '-p: a library that was deleted' 0 "$seen" "$zeektrace" -q -p "$process" \
  -e 'uprobe:libtick:*nanosleep* { @ticks = count(); } interval:ms:300 { exit(); }'
kill "$process"

# A container: its own root and mounts. Its /usr/local/bin/inside is an absolute link, which means a file of its own; the
# file of that name outside is another one.
mkdir -p jail/opt jail/usr/local/bin jail/proc
cp tally_static jail/opt/inside
ln -s /opt/inside jail/usr/local/bin/inside
running chroot jail /usr/local/bin/inside sleep 30
named 'in a chroot' uprobe:/opt/inside:traced_tick
under_p 'in a chroot' uprobe:/opt/inside:traced_tick
running chroot jail /usr/local/bin/inside sleep 30
under_p 'in a chroot, through an absolute link' uprobe:/usr/local/bin/inside:traced_tick
running unshare --mount --pid --fork --kill-child chroot jail /opt/inside sleep 30
process=$(pgrep -P "$process" | head -n 1)
named 'in a container' uprobe:/usr/local/bin/inside:traced_tick
under_p 'in a container' uprobe:/usr/local/bin/inside:traced_tick
running unshare --mount --pid --fork --kill-child chroot jail /opt/inside sleep 30
process=$(pgrep -P "$process" | head -n 1)
under_p 'in a container, by its file name' uprobe:inside:traced_tick
under_c 'in a chroot' 'chroot jail /opt/inside sleep 0.2' "uprobe:$work/jail/opt/inside:traced_tick"
running chroot jail /opt/inside sleep 30
refused '-p: a file that is only outside of the container' 1 "in the process's root" "$zeektrace" -p "$process" \
  -e "uprobe:$work/tally:traced_tick { @ = count(); }"
kill "$process"

"$tools/many_symbols" many 20000
answers 'twenty thousand functions in one link' 0 '^@: 0$' "$zeektrace" \
  -e 'uprobe:./many:* { @ = count(); } interval:ms:1 { exit(); }'
told 'all of them' '^Attached 20001 probes$'
close
