#!/usr/bin/env bash
# Builds zeektrace: in Docker, or with --native on this machine, whose missing packages it installs first.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
usage: ./build.sh [--native] [--debug] [TARGET...]

Builds zeektrace, inside Docker (into build-release/, with --debug into build-debug/) or, with --native, on this
machine (into build/). Targets are handed to the build tool, among them:

  demo    traces a small event loop for three seconds and prints what it does
  test    runs the tests
  bench   measures; asan, fuzz: builds and tests of that kind; clean

Environment:
  ZEEKTRACE_BUILD_DIR      another build directory (with --native)
  ZEEKTRACE_BASE           the image to build on (Docker), debian:bookworm by default
  ZEEKTRACE_DOCKER_FLAGS   flags for docker build and docker run, "--network host" by default
TEXT
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# As many jobs as there are processors, but no more than memory bears: a link against LLVM takes about 1.5 GB.
jobs_that_fit() {
  local available limit jobs
  available=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [ "$limit" != max ] && [ $((limit >> 20)) -lt "$available" ]; then available=$((limit >> 20)); fi
  jobs=$((available / 1536))
  if [ "$jobs" -gt "$(nproc)" ]; then jobs=$(nproc); fi
  if [ "$jobs" -lt 1 ]; then jobs=1; fi
  echo "$jobs"
}

configure() {
  local dir=$1 type=$2 generator=()
  if [ ! -e "$dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then generator=(-G Ninja); fi
  cmake -S . -B "$dir" -DCMAKE_BUILD_TYPE="$type" "${generator[@]}"
}

# attribute NAME ELEMENT: the number that an XML element's attribute holds.
attribute() {
  sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$2"
}

# Runs every test, says why those that were skipped were, and closes with the counts.
run_tests() {
  local dir=$1 status=0 counts tests failures skipped
  as_root ctest --test-dir "$dir" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit test-results.xml || status=$?
  if [ "$(id -u)" -ne 0 ]; then sudo chown -R "$(id -u):$(id -g)" "$dir"; fi
  # What the run-time runner says of a test that it skips, and GoogleTest, a line further down.
  sed -n -e 's/^skip /skipped: /p' -e '/: Skipped$/ {N; s/: Skipped\n/: /; s/^/skipped: /p}' \
    "$dir/Testing/Temporary/LastTest.log" | sort -u
  counts=$(tr '\n\t' '  ' <"$dir/test-results.xml" | grep -o '<testsuite [^>]*>')
  tests=$(attribute tests "$counts")
  failures=$(attribute failures "$counts")
  skipped=$(attribute skipped "$counts")
  echo "tests: $((tests - failures - skipped)) passed, $failures failed, $skipped skipped"
  return "$status"
}

build_native() {
  local dir=$1 type=$2 target lists=(docker/packages) targets=() test=no
  shift 2
  for target in "$@"; do
    if [ "$target" = test ]; then
      test=yes
      targets+=(all)
      lists+=(docker/packages-test)
    else
      targets+=("$target")
    fi
  done
  docker/install-packages "${lists[@]}"
  configure "$dir" "$type"
  cmake --build "$dir" --parallel "$(jobs_that_fit)" ${targets[0]:+--target "${targets[@]}"}
  if [ "$test" = yes ]; then run_tests "$dir"; fi
}

native=no
type=RelWithDebInfo
while [ $# -gt 0 ]; do
  case $1 in
    --native) native=yes ;;
    --debug) type=Debug ;;
    -h | --help) usage; exit 0 ;;
    -*) printf 'build.sh: unknown option %s\n\n' "$1" >&2; usage >&2; exit 1 ;;
    *) break ;;
  esac
  shift
done

if [ "$native" = yes ]; then
  build_native "${ZEEKTRACE_BUILD_DIR:-build}" "$type" "$@"
  exit
fi
./build-docker.sh
case " $* " in *" test "*) ./build-docker.sh tester ;; esac
if [ "$type" = Debug ]; then
  exec ./build-debug.sh "$@"
fi
exec ./build-release.sh "$@"
