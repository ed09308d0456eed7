#!/usr/bin/env bash
# What leaves the build folder: an installation and the programs that use it, its removal, and the Debian packages.
# usage: tests/packages.sh BUILD
set -euo pipefail
build=$(realpath "${1:?usage: tests/packages.sh BUILD}")
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*kToolVersion = "\(.*\)".*/\1/p' core/base/version.h)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { printf '== %s\n' "$*"; }
fail() {
  printf 'FAIL: %s\n' "$*" >&2
  exit 1
}
exits() {  # exits STATUS COMMAND...
  local expected=$1 status=0
  shift
  "$@" > "$work/out" 2> "$work/err" || status=$?
  [ "$status" = "$expected" ] || { cat "$work/err" >&2; fail "exit status $status, not $expected: $*"; }
}

step 'an installation in a prefix of its own'
make --no-print-directory BUILD="$build" prefix="$work/prefix" install > "$work/log"
PATH=$work/prefix/bin:$PATH
exits 0 asyncrt-check --version
exits 0 asyncrt-check test "$work/prefix/share/asyncrt-check/scenarios/tour"
exits 0 jq -e . "$work/prefix/share/asyncrt-check/schema/scenario.json"
exits 0 man -M "$work/prefix/share/man" -w asyncrt-check
exits 0 man -M "$work/prefix/share/man" -w asyncrt-scenario
exits 0 bash -c 'source "$1"/bash-completion/completions/asyncrt-check && complete -p asyncrt-check' - "$work/prefix/share"

step 'a program that uses the library'
cat > "$work/embed.cc" <<'END'
#include <asyncrt.h>

#include <iostream>
#include <stdexcept>

int main() {
  using namespace asyncrt::build;
  const std::string text = Scenario("relock")
                               .Object("m", Object("std_mutex"))
                               .Main({Op("lock").On("m"), Op("lock").On("m")})
                               .Expect({"deadlock/relock"})
                               .Json();
  const asyncrt::Result result = asyncrt::Check(text, {.file = "relock.json", .format = "short"});
  std::cout << text << result.report << asyncrt::Version() << "\n";
  if (result.outcome != asyncrt::Outcome::kErrors || !result.differences.empty()) return 1;
  try {
    asyncrt::Check(text, {.format = "jsn"});
    return 1;
  } catch (const std::invalid_argument& error) {
    std::cout << error.what() << "\n";
  }
}
END
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
[ "$(pkg-config --modversion asyncrt)" = "$version" ] || fail "pkg-config has another version"
cxx=${CXX:-g++}
flags="-std=c++20 -Wall -Wextra -Wshadow -Wpedantic -Werror"
$cxx $flags $(pkg-config --cflags asyncrt) "$work/embed.cc" -o "$work/shared" $(pkg-config --libs asyncrt)
exits 0 env LD_LIBRARY_PATH="$work/prefix/lib" "$work/shared"
grep -q '^relock.json:.*deadlock/relock' "$work/out" || fail 'the shared library found nothing'
grep -q 'did you mean `json`' "$work/out" || fail 'an exception did not come through'
jq -e '.main | length == 2' <(sed '/^}/q' "$work/out") > /dev/null || fail 'the builder wrote no JSON'
awk '$0 == "```cpp" {inside = 1; next} /^```$/ {inside = 0} inside' README.md > "$work/readme.cc"
$cxx $flags "$work/readme.cc" -o "$work/readme" $(pkg-config --cflags --libs asyncrt)
exits 1 env LD_LIBRARY_PATH="$work/prefix/lib" "$work/readme"
grep -q '^error\[deadlock/relock\]' "$work/out" || fail "README.md's program reports nothing"
readelf -d "$work/shared" | grep -q "NEEDED.*libasyncrt\.so\.${version%%.*}\]" || fail 'the program names no version of the library'
$cxx $flags $(pkg-config --cflags asyncrt) "$work/embed.cc" -o "$work/static" \
  "$work/prefix/lib/libasyncrt.a" $(pkg-config --static --libs-only-other asyncrt)
exits 0 "$work/static"
! readelf -d "$work/static" | grep -q libasyncrt || fail 'the static program needs the shared library'
# Only what the header has can be called from outside.
exported=$(nm -DC --defined-only "$work/prefix/lib/libasyncrt.so" | sed 's/^[0-9a-f]* . //' | grep -v '^asyncrt::v1::' || true)
[ -z "$exported" ] || fail "the library exports: $exported"

step 'its removal'
make --no-print-directory BUILD="$build" prefix="$work/prefix" uninstall > "$work/log"
left=$(find "$work/prefix" ! -type d)
[ -z "$left" ] || fail "uninstall left $left"

step 'an installation in DESTDIR'
make --no-print-directory BUILD="$build" DESTDIR="$work/root" prefix=/opt/x install > "$work/log"
exits 0 "$work/root/opt/x/bin/asyncrt-check" --version
grep -qx 'prefix=/opt/x' "$work/root/opt/x/lib/pkgconfig/asyncrt.pc" || fail 'the pkg-config file names DESTDIR'
[ "$(ls "$work/root")" = opt ] || fail "something stands outside of the prefix: $(ls "$work/root")"

step 'the Debian packages'
make --no-print-directory BUILD="$build" deb > "$work/log" || { cat "$work/log"; fail 'make deb'; }
debs=("$build"/deb/*.deb)
[ "${#debs[@]}" = 3 ] || fail "there are ${#debs[@]} packages, not 3"
lintian --tag-display-limit 0 --fail-on error --allow-root "${debs[@]}" > "$work/lintian" || { cat "$work/lintian"; fail 'lintian'; }
cat "$work/lintian"
if [ "$(id -u)" != 0 ]; then
  printf 'skipped: only root can install packages\n'
  exit 0
fi
PATH=${PATH#*:}
unset PKG_CONFIG_PATH
if dpkg-query -W -f '${Status}' asyncrt-check 2> /dev/null | grep -q 'ok installed'; then
  printf 'skipped: asyncrt-check is installed on this machine\n'
  exit 0
fi
remove() { dpkg --purge libasyncrt-dev "libasyncrt${version%%.*}" asyncrt-check > "$work/dpkg" 2>&1; }
trap 'remove || true; rm -rf "$work"' EXIT
dpkg -i "${debs[@]}" > "$work/dpkg" 2>&1 || { cat "$work/dpkg"; fail 'dpkg -i'; }
exits 0 /usr/bin/asyncrt-check test /usr/share/asyncrt-check/scenarios/tour
$cxx $flags $(pkg-config --cflags asyncrt) "$work/embed.cc" -o "$work/packaged" $(pkg-config --libs asyncrt)
exits 0 "$work/packaged"
remove || { cat "$work/dpkg"; fail 'dpkg --purge'; }
for path in /usr/bin/asyncrt-check /usr/share/asyncrt-check /usr/include/asyncrt.h /usr/share/doc/asyncrt-check; do
  [ ! -e "$path" ] || fail "the packages left $path"
done
printf 'all of it passed\n'
