# Sourced by the scripts here, which are called as NAME.sh ZEEKTRACE TARGETS TOOLS. It gives them $zeektrace, $targets,
# $tools, an empty directory $work that they stand in, the checks below, and `close` for the end. Each check prints a line
# "PASS what" or "FAIL what: why", with what was printed. ROUGH_SECONDS is how long a command may take, 2 by default.
set -u
name=$(basename "$0" .sh)
zeektrace=$1 targets=$2 tools=$3
limit=${ROUGH_SECONDS:-2}
passed=0 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
export zeektrace

pass() {
  passed=$((passed + 1))
  printf 'PASS %s\n' "$1"
}

fail() {
  failed=$((failed + 1))
  printf 'FAIL %s: %s\n' "$1" "$2"
  for stream in .out .err; do
    if [ -s "$stream" ]; then sed 's/^/  /' "$stream" | cut -c1-200 | head -30; fi
  done
}

# run COMMAND...: its status is in $status, its output in .out and .err. What the tracer must never say is an error.
run() {
  : >.out
  : >.err
  timeout -k 1 "$limit" "$@" </dev/null >.out 2>.err
  status=$?
}

# What no run may end in, whatever it was given.
is_broken() {
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    why="it did not end within $limit s"
  elif grep -qE 'Sanitizer|runtime error:|terminate called|zeektrace: bug|Aborted' .err; then
    why='it broke'
  elif [ "$status" -ge 128 ]; then
    why="it ended with status $status"
  else
    return 1
  fi
}

# refused WHAT STATUS REGEX COMMAND...: it ends with that status, the first line of what it says matches, and it prints no
# answer.
refused() {
  local what=$1 wanted=$2 regex=$3 why
  shift 3
  run "$@"
  if is_broken; then
    fail "$what" "$why"
  elif [ "$status" -ne "$wanted" ]; then
    fail "$what" "status $status, not $wanted"
  elif ! head -n 1 .err | grep -qaE -- "$regex"; then
    fail "$what" "the first line does not match '$regex'"
  elif [ -s .out ]; then
    fail "$what" 'it printed answers'
  elif [ "$(wc -c <.err)" -gt 20000 ]; then
    fail "$what" "it said $(wc -c <.err) bytes"
  else
    pass "$what: $(head -n 1 .err | cut -c1-110)"
  fi
}

# answers WHAT STATUS REGEX COMMAND...: it ends with that status and a line of its answer matches; an empty regex wants no
# answer at all.
answers() {
  local what=$1 wanted=$2 regex=$3 why
  shift 3
  run "$@"
  if is_broken; then
    fail "$what" "$why"
  elif [ "$status" -ne "$wanted" ]; then
    fail "$what" "status $status, not $wanted"
  elif [ -z "$regex" ] && [ -s .out ]; then
    fail "$what" 'it printed something'
  elif [ -n "$regex" ] && ! grep -qaE -- "$regex" .out; then
    fail "$what" "no line matches '$regex'"
  else
    pass "$what"
  fi
}

# Leaves when BPF can't be used here: 77 is "skipped".
need_bpf() {
  local reason
  if reason=$("$tools/bpf_usable"); then return; fi
  printf 'skip rough.%s: %s\n' "$name" "$reason"
  exit 77
}

close() {
  printf '%s: %d passed, %d failed\n' "$name" "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}
