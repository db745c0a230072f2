# Sourced by the scripts here, which are called as NAME.sh ZEEKTRACE TARGETS TOOLS, after the checks of tests/rough. They
# trace a real Zeek: $ZEEK_BIN, or the zeek in PATH. $ZEEK_TRACES is a directory with captures of Zeek's own tests
# (testing/btest/Traces of its source). Without them a script is skipped, with the reason.
. "$(dirname "$0")/../rough/check.sh"
limit=300
zeek=${ZEEK_BIN:-$(command -v zeek || true)}
skip() {
  printf 'skip zeek.%s: %s\n' "$name" "$1"
  exit 77
}
[ -x "$zeek" ] || skip 'there is no zeek in PATH, and ZEEK_BIN does not name one'
[ -d "${ZEEK_TRACES:-}" ] || skip "ZEEK_TRACES does not name a directory with the captures of Zeek's tests"
[ "$(id -u)" = 0 ] || skip 'root is needed'
need_bpf

# capture NAME: a capture's path. Before 8.1 some are called .trace. Used as x=$(capture NAME) || exit.
capture() {
  local each
  for each in "$1" "${1%.pcap}.trace"; do
    [ -r "$ZEEK_TRACES/$each" ] && printf '%s' "$ZEEK_TRACES/$each" && return
  done
  skip "$ZEEK_TRACES has no $1" >&2
}

# alone DIR WORD...: Zeek untraced, in a directory of its own; its status is in $alone_status.
alone() {
  local dir=$1
  shift
  mkdir -p "$dir"
  (cd "$dir" && timeout -k 1 "$limit" "$zeek" "$@" >stdout 2>stderr </dev/null)
  alone_status=$?
}

# traced DIR SCRIPT WORD...: Zeek under zeektrace; what the script printed is in DIR/answers, what Zeek printed is in its
# DIR/stdout.
traced() {
  local dir=$1 script=$2
  shift 2
  mkdir -p "$dir"
  (cd "$dir" && printf 'exec %s "$@" >stdout 2>stderr </dev/null\n' "$zeek" >run.sh &&
    timeout -k 1 "$limit" "$zeektrace" ${traced_options:-} -o answers -c "$zeek $*" -e "$script" >stdout 2>said </dev/null)
  traced_status=$?
}

# same WHAT EXPECTED FOUND LEAST: two files are equal, and have so many lines at least.
same() {
  local lines
  lines=$(wc -l <"$2")
  if [ "$lines" -lt "$4" ]; then
    head -5 "$2" >.out
    fail "$1" "only $lines lines to compare"
  elif diff "$2" "$3" >.out; then
    pass "$1: $lines lines are equal"
  else
    fail "$1" 'they differ'
  fi
}
