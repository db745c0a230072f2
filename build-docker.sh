#!/usr/bin/env bash
# Makes Docker images out of docker/.
#
#   ./build-docker.sh            zeektrace-builder, which build-release.sh and build-debug.sh build in
#   ./build-docker.sh tester     zeektrace-tester: the builder and what the tests need
#   ./build-docker.sh release    zeektrace: what build-release.sh has built, on a slim base, and nothing else
#
# The base is $ZEEKTRACE_BASE (debian:bookworm), for the release $ZEEKTRACE_RELEASE_BASE (that with -slim).
set -euo pipefail
cd "$(dirname "$0")"

read -ra flags <<<"${ZEEKTRACE_DOCKER_FLAGS---network host}"
base=${ZEEKTRACE_BASE:-debian:bookworm}
binary=build-release/src/zeektrace

docker version >/dev/null || {
  echo "build-docker.sh: docker does not answer (its message is above)" >&2
  echo "  start its daemon, join the group docker or be root, or build without it: ./build.sh --native" >&2
  exit 2
}

case ${1:-builder} in
  builder | tester)
    docker build "${flags[@]}" --build-arg "ZEEKTRACE_BASE=$base" --target "${1:-builder}" \
      --tag "zeektrace-${1:-builder}" docker
    ;;
  release)
    [ -x "$binary" ] || { echo "build-docker.sh: there is no $binary yet: run ./build.sh first" >&2; exit 1; }
    tar -c -C docker Dockerfile.release install-packages -C "../${binary%/*}" "${binary##*/}" |
      docker build "${flags[@]}" --build-arg "ZEEKTRACE_RELEASE_BASE=${ZEEKTRACE_RELEASE_BASE:-$base-slim}" \
        --tag zeektrace --file Dockerfile.release -
    ;;
  *)
    echo "build-docker.sh: no image is called $1; there are builder, tester and release" >&2
    exit 1
    ;;
esac
