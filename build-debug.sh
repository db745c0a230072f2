#!/usr/bin/env bash
# A debug build in build-debug/, made in the builder image (build-docker.sh makes that); arguments are targets.
exec "$(dirname "$0")/docker/run" build-debug --debug "$@"
