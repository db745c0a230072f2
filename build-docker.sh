#!/usr/bin/env bash
# Makes the images of docker/: the builder always; with "test" among the arguments the one that also holds what the
# tests need; with "release" the small image that holds build-release's zeektrace and nothing else.
set -euo pipefail
cd "$(dirname "$0")"

read -ra flags <<<"${ZEEKTRACE_DOCKER_FLAGS---network host}"
base=${ZEEKTRACE_BASE:-debian:bookworm}

docker version >/dev/null || {
  echo "build-docker.sh: docker does not answer (its message is above)" >&2
  echo "  start its daemon, join the group docker or be root, or build without it: ./build.sh --native" >&2
  exit 2
}

# image TAG DOCKERFILE STAGE: builds from the docker/ directory alone.
image() {
  docker build "${flags[@]}" --build-arg "ZEEKTRACE_BASE=$base" --target "$2" --tag "$1" docker
}

image zeektrace-builder builder
for target in "$@"; do
  case $target in
    test) image zeektrace-tester tester ;;
    release)
      [ -x build-release/zeektrace ] || { echo "build-docker.sh: no build-release/zeektrace yet: run ./build.sh" >&2; exit 1; } ;;
  esac
done
