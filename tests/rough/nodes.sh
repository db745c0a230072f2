#!/usr/bin/env bash
# Nodes of a cluster by name: those that run, that start later, that end and are started again while the script runs, and no
# others. Processes are nodes by the environment, as supervisors of other kinds start them.
. "$(dirname "$0")/check.sh"
need_bpf
limit=20
loop="$targets/evloop"

# node NAME SECONDS: one runs beside, as $!.
node() {
  CLUSTER_NODE=$1 "$loop" --rate 1000 --seconds "$2" >/dev/null 2>&1 &
}

# armed: waits until the tracer says so.
armed() {
  local i
  for ((i = 0; i < 150; i++)); do
    if grep -q '^Attached' .err; then return; fi
    sleep 0.1
  done
}

node worker-1 30
first=$!
node manager 30
manager=$!
"$loop" --rate 1000 --seconds 30 >/dev/null 2>&1 &
alone=$!
"$zeektrace" --node 'worker-*' -o .out -e "uprobe:$loop:*EventHandler*Call* { @[node] = count(); @pids[pid] = count(); }
  profile:hz:99 { @samples[node] = count(); } interval:s:1 { @seconds = count(); }" 2>.err &
tracer=$!
armed
node worker-2 30
second=$!
sleep 1
kill "$first"
wait "$first"
node worker-1 30
again=$!
sleep 1.5
kill -INT "$tracer"
wait "$tracer"
status=$?
kill "$second" "$again" "$manager" "$alone"
wait "$second" "$again" "$manager" "$alone"
named() { grep -cE "^@\[$1\]: [1-9]" .out; }
if [ "$status" -eq 0 ] && [ "$(named worker-1)" = 2 ] && [ "$(named worker-2)" = 1 ] && ! grep -qE 'manager|pid [0-9]' .out; then
  pass 'nodes that are called so, and no others'
else
  fail 'nodes that are called so, and no others' "status $status"
fi
for process in "$first" "$second" "$again"; do
  if grep -qE "^@pids\[$process\]: [1-9]" .out; then pass 'each of its processes counts'; else fail 'each of its processes counts' "$process does not"; fi
done
if grep -qE '^@seconds: [1-9]' .out; then pass 'the clock is of no node'; else fail 'the clock is of no node' 'it does not tick'; fi

node proxy-1 10
proxy=$!
answers 'no node is called so' 0 '^@: 0$' "$zeektrace" --node 'logger*' -e "uprobe:$loop:*EventHandler*Call* { @ = count(); } interval:ms:300 { exit(); }"
if grep -q 'no process is a node of Zeek.s called logger\*' .err; then pass 'which is told'; else fail 'that no node is called so' 'it is not told'; fi
kill "$proxy"
wait "$proxy"
refused 'a node and a process' 1 'node goes with neither -p nor -c' "$zeektrace" --node x -p 1 -e 'BEGIN { exit(); }'
close
