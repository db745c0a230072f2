#!/bin/sh
# Tests the runner itself: selftest.sh RUN. A shell script stands in for zeektrace (it runs its -e text as
# shell, with -c's command in $target), another for a target. Needs no privileges. Leaves with 1 if anything
# is not as it must be.
set -u
runner=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/targets" "$work/tests"
failures=0
checks=0

cat >"$work/tracer" <<'END'
#!/bin/sh
target='' script='' words=''
while [ $# -gt 0 ]; do
  case $1 in
    -e) script=$2; shift ;;
    -c) target=$2; shift ;;
    *) words="$words[$1]" ;;
  esac
  shift
done
eval "$script"
END
cat >"$work/targets/counter" <<'END'
#!/bin/sh
echo "starting $*"
echo 'tally @[a]: 1'
echo 'tally @[b]: 2'
END
cat >"$work/targets/daemon" <<'END'
#!/bin/sh
trap 'echo "tally @ticks: 3"; exit 0' TERM
while :; do sleep 0.05; done
END
chmod +x "$work/tracer" "$work/targets/counter" "$work/targets/daemon"

# test_file NAME: the text of tests/NAME.rt is standard input.
test_file() { cat >"$work/tests/$1.rt"; }

# runs EXIT-STATUS NAME…: runs these files and keeps what is printed in $printed.
runs() {
  wanted=$1
  shift
  files=''
  for name in "$@"; do files="$files $work/tests/$name.rt"; done
  # shellcheck disable=SC2086
  printed=$("$runner" --zeektrace "$work/tracer" --targets "$work/targets" ${options:-} $files 2>&1)
  status=$?
  checks=$((checks + 1))
  [ $status -eq "$wanted" ] || complain "$*: the runner left with $status instead of $wanted"
}

# says TEXT: it is part of what was printed.
says() {
  checks=$((checks + 1))
  case $printed in *"$1"*) ;; *) complain "'$1' was not printed" ;; esac
}

complain() {
  failures=$((failures + 1))
  printf 'FAILED: %s; it printed:\n%s\n' "$1" "$printed"
}

# malformed LINE MESSAGE: the file on standard input is refused for that line.
malformed() {
  test_file malformed
  runs 1 malformed
  says "malformed.rt:$1: "
  says "$2"
  says '0 passed, 1 failed, 0 skipped'
}

test_file passes <<'END'
# Everything that a test can say, and all of it is true.
covers: hist str
needs: nothing
target: counter "one two"
args: -q "a b" $DIR
params: $TMP
script:
  echo "$words" >&2
  [ -d $TMP ] && echo scratch
  $target
  echo '@[a]: 1'

  echo '@[b]: 2'; echo last $TARGETS; exit 3
expect:
  ^scratch$
  ^starting
  @\[a\]: \d+$
  last $TARGETS$
reject:
  ^tally
  [Pp]anic
stderr:
  ^\[-q\]\[a b\]\[/.*/tests\]\[/.*\]$
tally: yes
status: 3
END
runs 0 passes
says 'ok passes'
says '1 passed, 0 failed, 0 skipped'

# One thing wrong at a time.
sed 's/^  @.*/  @\\[c\\]/' "$work/tests/passes.rt" | test_file expects_other
runs 1 expects_other
says 'FAIL expects_other: expects_other.rt:17: no line of stdout matches'
says 'stdout | @[b]: 2'
sed 's/^  ^scratch\$/  ^last/' "$work/tests/passes.rt" | test_file wrong_order
runs 1 wrong_order
says 'a line before the ones matched so far does'
sed 's/^status: 3/status: 4/' "$work/tests/passes.rt" | test_file other_status
runs 1 other_status
says 'exit status 3 instead of exit status 4'
sed 's/^  \[Pp\]anic/  ^@.b/' "$work/tests/passes.rt" | test_file rejected
runs 1 rejected
says 'a line of stdout matches what is rejected'
sed 's/\[-q\\\]/[-v]/' "$work/tests/passes.rt" | test_file other_stderr
runs 1 other_stderr
says 'no line of stderr matches'
sed "s/echo '@\[b\]: 2'/echo '@[b]: 3'/" "$work/tests/passes.rt" | test_file other_tally
runs 1 other_tally
says '1 of 2 tally lines are not what the tracer printed'
says '- @[b]: 2'
says '+ @[b]: 3'
sed "s/echo '@\[a\]: 1'/:/; s/echo '@\[b\]: 2'/echo '@[b]: 2'; echo '@[a]: 1'/; /^expect/,/^  last/d" \
  "$work/tests/passes.rt" | test_file tally_order
runs 1 tally_order
says '(out of order)'
# shellcheck disable=SC2016
sed 's/^  $target/  :/; /^  ^starting/d' "$work/tests/passes.rt" | test_file no_tally
runs 1 no_tally
says 'the target printed no tally'
sed 's/counter/no_such/' "$work/tests/passes.rt" | test_file no_target
runs 1 no_target
says "there is no target program $work/targets/no_such"

# Tracers that hang, crash, flood, and leave a child with the pipes behind.
test_file hangs <<'END'
# Killed in time, with its child.
needs: nothing
within: 0.5
script:
  echo before; sleep 600 & echo $! >$DIR/child; sleep 600
expect:
  before
END
runs 1 hangs
says 'still running after 0.5 s, killed'
says 'stdout | before'
child=$(cat "$work/tests/child")
state=$(sed -n 's/^State:\t//p' "/proc/$child/status" 2>/dev/null)
checks=$((checks + 1))
case $state in '' | Z*) ;; *) complain "the hanging child still lives: $state" ;; esac
test_file crashes <<'END'
# A crash is a failure, whatever was printed.
needs: nothing
script:
  echo fine; kill -SEGV $$
expect:
  fine
END
runs 1 crashes
says 'killed by signal 11 instead of exit status 0'
sed 's/^expect:/status: signal SEGV\nexpect:/' "$work/tests/crashes.rt" | test_file crash_wanted
runs 0 crash_wanted
test_file floods <<'END'
# A flood is cut, and a failure.
needs: nothing
within: 20
script:
  yes flood | head -c 20000000
expect:
  flood
END
runs 1 floods
says 'more than 8 MiB of output'
test_file long_line <<'END'
# One endless line does not upset the regex.
needs: nothing
script:
  head -c 3000000 /dev/zero | tr '\0' x; echo; echo '@: 1'
expect:
  ^x.*x$
  ^@: 1
END
runs 0 long_line
test_file leaves <<'END'
# A child that outlives the tracer does not hold the test up.
needs: nothing
script:
  sleep 600 & echo done
expect:
  done
END
runs 0 leaves

# Signals, standard input, background targets.
test_file signalled <<'END'
# The signal comes after "Attached".
needs: nothing
within: 10
script:
  trap 'echo interrupted; exit 0' INT; sleep 0.3; echo Attached 1 probe >&2; while :; do sleep 0.05; done
signal: INT after 0.2
expect:
  ^interrupted$
END
runs 0 signalled
sed 's/Attached/Nothing/; s/within: 10/within: 0.5/' "$work/tests/signalled.rt" | test_file never_attached
runs 1 never_attached
says "never said 'Attached'"
sed 's/INT after 0.2/INT at 1 probe/; s/Attached/Nothing of/' "$work/tests/signalled.rt" | test_file at_a_text
runs 0 at_a_text
sed 's/INT after 0.2/INT at 2 probes/; s/within: 10/within: 0.5/' "$work/tests/signalled.rt" | test_file never_said
runs 1 never_said
says "never said '2 probes'"
test_file input <<'END'
# What is given as standard input arrives.
needs: nothing
script:
  while read -r line; do echo "<$line>"; done
stdin:
  first
    second
expect:
  ^<first>
  ^<second>
END
runs 0 input
test_file background <<'END'
# A target beside the tracer: its pid is known, SIGTERM ends it, its tally counts.
needs: nothing
background: daemon
script:
  kill -0 $PID && echo alive; echo '@ticks: 3'
expect:
  alive
tally: yes
END
runs 0 background
test_file from_file <<'END'
# The script is a file beside the test.
needs: nothing
file: some.bt
params: 1 two
args: --flag
expect:
  .
END
runs 1 from_file
says "command: $work/tracer --flag $work/tests/some.bt 1 two"

# Needs, counts and exit codes.
printf '# Needs both kinds of kernel, so it never runs.\nneeds: kprobes no-kprobes\nargs: x\nstatus: 0\n' |
  test_file skipped
runs 0 skipped
says 'skip skipped: needs '
says '0 passed, 0 failed, 1 skipped'
options='--skip-code 77'
runs 77 skipped
runs 0 skipped passes
says '1 passed, 0 failed, 1 skipped'
runs 1 skipped passes crashes
says '1 passed, 1 failed, 1 skipped'
options='-k asses'
runs 0 skipped passes crashes
says '1 passed, 0 failed, 0 skipped'
options='-k nothing_of_this_name'
runs 2 passes
options='--no-such-option'
runs 2 passes
says "unknown option '--no-such-option'"
options=
printed=$("$runner" --list-covers "$work/tests/passes.rt" "$work/tests/hangs.rt" 2>&1)
checks=$((checks + 1))
[ "$printed" = 'hist passes
str passes' ] || complain 'the rows covered are other ones'
printed=$("$runner" --zeektrace "$work/no-tracer" --targets "$work" "$work/tests/input.rt" 2>&1)
says "cannot run $work/no-tracer: No such file or directory"

# Malformed files.
malformed 1 'the first line must say' <<'END'
covers: hist
END
malformed 3 "unknown key 'excpect'" <<'END'
# A misspelt key.
args: x
excpect:
  y
END
malformed 2 "unknown need 'kprobe'" <<'END'
# A misspelt need.
needs: kprobe
args: x
status: 0
END
malformed 4 "'(' is no ECMAScript regex" <<'END'
# A regex that is none.
args: x
expect:
  (
END
malformed 3 "'args' comes twice" <<'END'
# A key twice.
args: x
args: y
END
malformed 1 'asserts nothing' <<'END'
# No assertion.
args: x
END
malformed 1 'nothing to run' <<'END'
# No script.
status: 0
END
malformed 2 'an indented line that belongs to no block' <<'END'
# A stray line.
  args: x
END
malformed 2 "'script' takes an indented block" <<'END'
# A block on the key's line.
script: BEGIN { exit() }
END
malformed 3 "'expect' is empty" <<'END'
# An empty block.
args: x
expect:
status: 0
END
malformed 2 "is neither of the form 'INT after 1.0' nor 'INT at TEXT'" <<'END'
# A signal at no time.
signal: INT
END
malformed 2 "is neither 0 to 255 nor 'signal 9'" <<'END'
# A status that is none.
status: fine
END
malformed 2 'is not a number of seconds' <<'END'
# A time that is none.
within: soon
END
malformed 2 "is not of the form 'key: value'" <<'END'
# No key.
hello
END
runs 1 no_such_file
says 'no_such_file.rt:0: cannot be read'

echo "$checks checks, $failures failed"
[ $failures -eq 0 ]
