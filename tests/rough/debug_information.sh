#!/usr/bin/env bash
# Debug information of every make: typed arguments, inlined functions and lines come out the same, or the reason is told why
# there are none. The program is tests/targets/inlined.cpp, whose lines are known.
. "$(dirname "$0")/check.sh"
need_bpf
limit=$((5 * ${ROUGH_SECONDS:-2}))
source=$(realpath "$(dirname "$0")/../targets/inlined.cpp")
for tool in c++ objcopy strip; do
  if ! command -v $tool >/dev/null; then printf 'skip rough.%s: there is no %s\n' "$name" $tool; exit 77; fi
done
absent() { printf 'SKIP %s: there is no %s here\n' "$1" "$2"; }

# build FILE FLAG...: by GCC; clang FILE FLAG...: by clang.
build() { c++ -std=c++20 -O2 -o "$@" "$source" || fail "$1" 'it does not compile'; }
clang=$(command -v clang++-19 || command -v clang++)
by_clang() {
  if [ -z "$clang" ]; then absent "$1" clang; return 1; fi
  "$clang" -std=c++20 -O2 -o "$@" "$source" || { fail "$1" 'it does not compile'; return 1; }
}

# tells WHAT REGEX: a line of what was printed, answers or messages, is so.
tells() { if cat .out .err | grep -qaE -- "$2"; then pass "$1"; else fail "$1" "nothing matches '$2'"; fi; }
# whole WHAT FILE: the argument, the inlined functions and the lines of both calls.
whole() {
  local wanted
  run "$zeektrace" -q --source -c "./$2" -e "uprobe:./$2:reached { @[args.at->x, args.count, ustack(3)] = count(); }"
  sed -E 's/ at .*inlined.cpp:/ /; s/\([^)]*\)//; s/\+[0-9]+//' .out | grep -vE '^[0-9]+$' >got
  wanted='@[1, 4, 
    reached 10
    here::direct 400
    main 501
]: 1
@[3, 3, 
    reached 10
    here::innermost (inlined) 100
    here::middle (inlined) 200
    here::outer 300
    main 500
]: 1'
  if [ "$status" -eq 0 ] && [ "$(sed '/^$/d; s/ *$//' got)" = "$(sed 's/ *$//' <<<"$wanted")" ]; then pass "$1"; else fail "$1" 'it is not as it should be'; fi
}
# plain WHAT FILE WHY: names as ever, nothing invented, and the reason.
plain() {
  run "$zeektrace" --source -c "./$2" -e "uprobe:./$2:reached { @[ustack(3)] = count(); }"
  if [ "$status" -ne 0 ] || ! grep -qE '^    here::direct\(int\)\+[0-9]+$' .out; then
    fail "$1" 'the names are missing'
  elif grep -qE 'inlined\)| at .*:[0-9]' .out; then
    fail "$1" 'lines that nobody can know'
  else
    tells "$1" "^no lines: .*$3"
  fi
}
# untyped WHAT FILE WHY: args.NAME is refused with the reason.
untyped() {
  run "$zeektrace" -c "./$2" -e "uprobe:./$2:reached { @ = args.at->x; }"
  if [ "$status" -eq 1 ]; then tells "$1: args.NAME" "$3"; else fail "$1" "status $status, not 1"; fi
}

for version in 4 5; do
  build gcc$version -g -gdwarf-$version && whole "GCC, DWARF $version" gcc$version
  by_clang clang$version -g -gdwarf-$version && whole "clang, DWARF $version" clang$version
  build split$version -g -gdwarf-$version -gsplit-dwarf && whole "GCC, DWARF $version, .dwo files" split$version
  by_clang clang_split$version -g -gdwarf-$version -gsplit-dwarf && whole "clang, DWARF $version, .dwo files" clang_split$version
done
build packed -g -gz && whole 'compressed sections' packed
build lines_only -g1
run "$zeektrace" -q --source -c ./lines_only -e 'uprobe:./lines_only:reached { @[ustack(3)] = count(); }'
tells 'lines without types (-g1)' '^    here::innermost.*\(inlined\) at .*inlined.cpp:100$'
untyped 'lines without types (-g1)' lines_only 'args.at is not available|has no argument'

cp gcc5 apart
objcopy --only-keep-debug gcc5 apart.debug
objcopy --strip-debug --add-gnu-debuglink=apart.debug apart
whole 'a debug file apart' apart
objcopy --only-keep-debug --compress-debug-sections gcc5 small.debug
cp gcc5 small
objcopy --strip-debug --add-gnu-debuglink=small.debug small
whole 'a compressed debug file apart' small
rm apart.debug
plain 'a debug file that is missing' apart 'has no debug information$'
build exporting -rdynamic && strip exporting
plain 'stripped, with exported names' exporting 'has no debug information$'

mkdir elsewhere
mv ./*split5*.dwo elsewhere
plain '.dwo files that are missing' split5 'stands in .*\.dwo, which is not there'
untyped '.dwo files that are missing' split5 'stands in .*\.dwo, which is not there'
if command -v llvm-dwp-19 >/dev/null; then
  cp split4 packaged && llvm-dwp-19 -e split4 -o packaged.dwp
  mv ./*split4*.dwo elsewhere
  run "$zeektrace" -c ./packaged -e 'uprobe:./packaged:reached { @ = args.at->x; }'
  if [ "$status" -eq 0 ]; then  # elfutils 0.191
    whole 'a .dwp file' packaged
  else
    untyped 'a .dwp file' packaged 'stands in .*\.dwo, which is not there'
  fi
else
  absent 'a .dwp file' llvm-dwp-19
fi

if command -v dwz >/dev/null; then
  build one -g -Wl,--build-id && cp one two && dwz -m shared.dwz one two && whole "dwz'ed" one
  mv shared.dwz elsewhere
  plain "dwz'ed, the shared file is missing" one 'shared.dwz, which can.t be found'
  untyped "dwz'ed, the shared file is missing" one 'shared.dwz, which can.t be found'
  build other -g -O1 -Wl,--build-id && cp other another && dwz -m other.dwz other another && mv other.dwz shared.dwz
  untyped "dwz'ed, another shared file" one 'shared.dwz, which is there, but of another build'
else
  absent "dwz'ed" dwz
fi
close
