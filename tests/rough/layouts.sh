#!/usr/bin/env bash
# A layout that is wrong shows in the process before any answer is given, also of a Zeek that did not run when it was chosen: the
# command of -c, and one that somebody starts later.
. "$(dirname "$0")/check.sh"
need_bpf
limit=$((limit * 10))
mkdir right wrong bin
cp "$targets/evloop" bin/zeek
"$zeektrace" zeek layout bin/zeek >right/entry
sed 's/^EventHandler.local .*/EventHandler.local 40/' right/entry >wrong/entry
script='zeek:event:* { @[event] = count(); }'
wrong="runs $work/bin/zeek, Zeek 8\.2\.2, whose classes are not laid out as .*wrong/entry says: the handler of"

ZEEKTRACE_ZEEK_LAYOUTS=$work/right run "$zeektrace" -q -c "$work/bin/zeek --seconds 2" -e "$script"
if [ "$status" -eq 0 ] && grep -q '^@\[dns_request\]: ' .out && [ ! -s .err ]; then
  pass 'an entry that is right'
else
  fail 'an entry that is right' "status $status"
fi

export ZEEKTRACE_ZEEK_LAYOUTS=$work/wrong
refused 'a command' 2 "$wrong" "$zeektrace" -q -c "$work/bin/zeek --seconds 100" -e "$script"

# Without -p: it is found in $PATH, and looked at when it runs.
PATH=$work/bin:$PATH "$zeektrace" -e "$script" >.out 2>said </dev/null &
tracer=$!
for ((i = 0; i < 10 * limit; i++)); do
  grep -q '^Attached' said && break
  sleep 0.1
done
bin/zeek --seconds $((2 * limit)) &
started=$!
for ((i = 0; i < 10 * limit; i++)); do
  kill -0 $tracer 2>/dev/null || break
  sleep 0.1
done
kill -KILL $tracer 2>/dev/null
wait $tracer
status=$?
kill $started
wait $started
cp said .err
if [ "$status" -eq 2 ] && grep -q "process $started $wrong" said && [ ! -s .out ]; then
  pass 'one that starts later'
else
  fail 'one that starts later' "status $status"
fi
close
