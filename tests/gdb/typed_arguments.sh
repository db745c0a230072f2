#!/bin/sh
# typed_arguments.sh OPTIONS: runs typed_arguments.py in gdb, with a line of Python that sets its options.
here=$(dirname "$0")
if ! gdb -nx -batch -ex 'python print("python")' 2>/dev/null | grep -q '^python$'; then
  echo "skipped: no gdb with Python here"
  exit 77
fi
if [ "$(id -u)" != 0 ]; then
  echo "skipped: root is needed to attach probes"
  exit 77
fi
exec gdb -nx -batch -return-child-result -ex "$1" -x "$here/typed_arguments.py"
