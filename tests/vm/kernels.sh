#!/bin/bash
# Fetches Debian kernels for the VM tests into a cache directory, and installs nothing.
#
#   kernels.sh [DIR [NAME…]]
#
#   DIR      the cache; $ZEEKTRACE_KERNELS or ~/.cache/zeektrace/kernels if it is empty or not given
#   NAME     6.1, 6.12, sid (default: all of them)
#
# Prints "NAME PATH VERSION" for every kernel that DIR then holds, and on stderr why one could not be had.
# A kernel in the cache is never fetched again and needs no network; delete DIR/NAME for a newer one.
# Exits 1 if any kernel is missing. The packages come from the mirror this machine's apt already uses,
# with apt's proxy settings, through a private apt root that trusts Debian's archive keyring alone; apt's
# own lists, caches and sources stay as they are.
set -uo pipefail

dir=${1:-${ZEEKTRACE_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/zeektrace/kernels}}
shift
[ $# -gt 0 ] || set -- 6.1 6.12 sid
mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 1

# Where a kernel is looked for: suite/package, the first that is found wins. The cloud flavour is a third
# of the size.
candidates() {
  case $1 in
    6.1) echo bookworm/linux-image-cloud-amd64 bookworm/linux-image-amd64 ;;
    6.12)
      if [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = bookworm ]; then
        echo bookworm-backports/linux-image-cloud-amd64 bookworm-backports/linux-image-amd64
      fi
      echo trixie/linux-image-cloud-amd64 trixie/linux-image-amd64 ;;
    sid) echo sid/linux-image-cloud-amd64 sid/linux-image-amd64 ;;
    *) return 1 ;;
  esac
}

say() { echo "kernels.sh: $*" >&2; }

# The URI of the archive that this machine's own release comes from; -security and third parties have
# others.
mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' 2>/dev/null |
    awk -v own="^($codename|oldstable|stable|testing)\$" '$1 == "Packages" && $2 ~ own { print $3; exit }'
}

# Runs an apt program in the private root of one suite.
private_apt() {
  local suite=$1 root=$dir/.apt/$1
  shift
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
  [ -e "$root/status" ] || : >"$root/status"
  echo "deb [arch=amd64 signed-by=$keyring] $uri $suite main" >"$root/sources.list"
  local options=(-o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State="$root" -o Dir::State::Lists="$root/lists" -o Dir::State::status="$root/status"
    -o Dir::Cache="$root/cache" -o Dir::Cache::archives="$root/cache/archives"
    -o APT::Architecture=amd64 -o APT::Sandbox::User="$(id -un)"
    -o Acquire::Languages=none -o Acquire::Retries=3 -o quiet=2
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  local program=$1
  shift
  "$program" "${options[@]}" "$@"
}

# Brings a suite's index, once in a run.
update() {
  local suite=$1
  [ -z "${updated[$suite]:-}" ] || return "${updated[$suite]}"
  private_apt "$suite" apt-get update >&2
  updated[$suite]=$?
  return "${updated[$suite]}"
}

# The first dependency of a package whose name begins with a prefix.
depends_on() {
  private_apt "$1" apt-cache depends "$2" 2>/dev/null |
    awk -v prefix="$3" '$1 == "Depends:" && index($2, prefix) == 1 { print $2; exit }'
}

# The package with vmlinuz in it: linux-image-VERSION, or from 7.x on the linux-binary-VERSION which that
# depends on.
image_package() {
  local image binary
  image=$(depends_on "$1" "$2" linux-image-)
  [ -n "$image" ] && binary=$(depends_on "$1" "$image" linux-binary-)
  echo "${binary:-$image}"
}

# Downloads SUITE/PACKAGE and keeps its vmlinuz as DIR/NAME/vmlinuz, which appears last and whole.
fetch() {
  local name=$1 suite=${2%/*} meta=${2#*/} work package deb image
  update "$suite" || { say "$name: the index of $suite can't be fetched from $uri"; return 1; }
  package=$(image_package "$suite" "$meta")
  [ -n "$package" ] || { say "$name: $suite has no $meta"; return 1; }
  work=$(mktemp -d "$dir/.fetch.XXXXXX") || return 1
  if (cd "$work" && private_apt "$suite" apt-get download "$package" >&2) && deb=$(ls "$work"/*.deb) &&
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" --wildcards '*/vmlinuz*' &&
    image=$(find "$work" -type f -name 'vmlinuz*' | head -n 1) && [ -n "$image" ]; then
    mkdir -p "$dir/$name"
    echo "$(dpkg-deb -f "$deb" Version) ($suite, ${package#linux-*-})" >"$dir/$name/version"
    mv "$image" "$dir/$name/vmlinuz"
  else
    say "$name: $package of $suite can't be fetched or holds no vmlinuz"
  fi
  rm -rf "$work"
  [ -e "$dir/$name/vmlinuz" ]
}

# What must be true before anything is fetched; sets uri and keyring.
prepare() {
  command -v apt-get >/dev/null || { say "this is no Debian: it has no apt-get"; return 1; }
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] || { say "$keyring is missing; install debian-archive-keyring"; return 1; }
  uri=$(mirror)
  [ -n "$uri" ] || { say "apt's sources name no Debian archive for this machine's release"; return 1; }
}

declare -A updated
missing=0
exec 9>"$dir/.lock" && flock 9  # two tests may ask for the same kernel at once
trap 'rm -rf "$dir/.apt" "$dir"/.fetch.*' EXIT
for name; do
  places=$(candidates "$name") || { say "unknown kernel $name; known: 6.1 6.12 sid"; exit 1; }
  if [ ! -e "$dir/$name/vmlinuz" ]; then
    prepare && for place in $places; do fetch "$name" "$place" && break; done
  fi
  if [ -e "$dir/$name/vmlinuz" ]; then
    echo "$name $dir/$name/vmlinuz $(cat "$dir/$name/version")"
  else
    say "$name: no such kernel here; its tests are skipped"
    missing=1
  fi
done
exit $missing
