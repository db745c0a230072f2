#!/usr/bin/env bash
# A stripped copy of the binary answers as the whole one does, by the table of releases; one whose release is faked is
# refused.
. "$(dirname "$0")/real.sh"
pcap=$(capture http/bro.org.pcap) || exit
script='zeek:event:* { @event[event] = count(); } zeek:function:* { @function[zfunc] = count(); }
zeek:body:* { @line[args.file, args.line] = count(); }'
whole=$zeek
traced whole "$script" -C -r "$pcap" local
sed 's/<[0-9]*>//' whole/answers | sort >whole.answers  # the number in a lambda's name is another one in each run
strip --strip-all -o stripped.zeek "$whole"
zeek=$work/stripped.zeek
traced stripped "$script" -C -r "$pcap" local
sed 's/<[0-9]*>//' stripped/answers | sort >stripped.answers
same 'stripped' whole.answers stripped.answers 100

# faked RELEASE: a stripped copy that says that it is of that release.
release=$("$whole" --version 2>&1 | sed -n 's/.*version \([0-9.]*\).*/\1/p')
faked() {
  local from=${release//./_} to=${1//./_}
  sed -e "s/zeek_version_$from/zeek_version_$to/g" -e "s/${release//./\\.}/$1/g" stripped.zeek >"faked.$1"
  chmod +x "faked.$1"
}
if [ ${#release} -eq 5 ]; then
  faked 9.9.9
  refused 'a release that nobody knows' 2 'is Zeek 9\.9\.9, of which it is not known' "$zeektrace" -c "$work/faked.9.9.9 -C -r $pcap" -e "$script"
  # A release of another layout: known, but not this one.
  case $release in 8.0.*) other=8.2.2 ;; *) other=8.0.1 ;; esac
  faked "$other"
  run "$zeektrace" -c "$work/faked.$other -C -r $pcap local" -e "$script"
  if [ "$status" -eq 0 ] && [ -s .out ]; then fail "a release that it is not ($other)" 'it answered'; else pass "a release that it is not ($other): $(head -n 1 .err)"; fi
fi
close
