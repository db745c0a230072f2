#!/usr/bin/env bash
# A Zeek that starts when the script is compiled already, and declares its events otherwise: nothing of it is shown as what it is
# not, and what is left out is told. One with the same scripts is read. Without any Zeek to ask, the script is refused.
. "$(dirname "$0")/check.sh"
need_bpf
cp "$targets/evloop" evloop || exit 1
queries='zeek:event:dns_request { @[pid, str(args.query), args.c.orig.state] = count(); }'

./evloop --seconds 20 >/dev/null &
first=$!
"$zeektrace" -o answers -e "$queries" 2>said &
tracer=$!
for ((i = 0; i < 200; i++)); do
  grep -q '^Attached' said && break
  sleep 0.1
done
./evloop --seconds 1 >/dev/null &
alike=$!
./evloop --seconds 1 --other-scripts >/dev/null &
other=$!
wait $alike $other
kill -INT $tracer
wait $tracer
traced=$?
kill $first
cp answers .out
cp said .err
known='(example\.com|www\.example\.org|a\.very\.long\.name\.in\.the\.domain\.example\.net)'
if [ $traced -ne 0 ]; then fail 'processes with other scripts' "the tracer ended with $traced"; fi
for process in $first $alike; do
  if grep -qE "^@\[$process, $known, 4\]: [1-9]" answers && ! grep -E "^@\[$process, " answers | grep -qvE "^@\[$process, $known, 4\]"; then
    pass 'a process with the same scripts is read'
  else
    fail 'a process with the same scripts' 'its values are not what they should be'
  fi
done
if grep -qE "^@\[$other, , 0\]: [1-9]" answers && ! grep -E "^@\[$other, " answers | grep -qvE "^@\[$other, , 0\]"; then
  pass 'nothing is read of a process with other scripts'
else
  fail 'a process with other scripts' 'something was read of it'
fi
if grep -q 'reads of an argument left out' said; then pass 'what was left out is told'; else fail 'what was left out' 'it is not told'; fi

# One that is installed, and does not run.
cp evloop zeek
PATH=$work:$PATH
run "$zeektrace" -e "$queries"
if [ "$status" -eq 1 ] && grep -q 'no process runs .*/zeek now: start Zeek first' .err; then
  pass 'without a process to ask it is refused'
else
  fail 'without a process to ask' "status $status"
fi
answers 'what needs no types is traced without a process' 0 '^@: 0$' "$zeektrace" \
  -e 'zeek:function:Log::write { @own[args.name] = count(); } zeek:event:x { @ = count(); } interval:ms:100 { exit(); }'
answers 'under -c it is held until it knows' 0 '^@\[[0-9]*, example\.com, 4\]: [1-9]' "$zeektrace" \
  -c './zeek --events 640 --rate 0' -e "$queries"
answers 'under -c, with other scripts' 0 '^@\[[0-9]*, example\.com, 4\]: [1-9]' "$zeektrace" \
  -c './zeek --events 640 --rate 0 --other-scripts' -e "$queries"
close
