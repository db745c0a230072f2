#!/usr/bin/env bash
# A release in build-release/, made in the builder image (build-docker.sh makes that); arguments are targets.
exec "$(dirname "$0")/docker/run" build-release "" "$@"
