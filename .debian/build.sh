#!/usr/bin/env bash
# Three Debian packages out of what `make install` installs: the tool, the shared library, and what one needs to compile
# against it.
#   .debian/build.sh BUILD VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
version=$2
here=$PWD/.debian
out=$build/deb
architecture=$(dpkg --print-architecture)
libdir=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
soversion=${version%%.*}
rm -rf "$out"
mkdir -p "$out/all" "$out/debian"
umask 022
# The same tree gives the same bytes.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y core/base/version.h)}

make --no-print-directory BUILD="$build" DESTDIR="$out/all" prefix=/usr libdir="$libdir" \
  zshcompletiondir=/usr/share/zsh/vendor-completions install > "$out/install.log"
strip=(strip --remove-section=.comment --remove-section=.note)
"${strip[@]}" "$out/all/usr/bin/asyncrt-check"
"${strip[@]}" --strip-unneeded "$out/all$libdir/libasyncrt.so.$version"
strip --strip-debug --enable-deterministic-archives "$out/all$libdir/libasyncrt.a"
gzip -9n "$out"/all/usr/share/man/man*/*
rm "$out/all/usr/share/doc/asyncrt-check/LICENSE"  # it is the file `copyright`

# pick PACKAGE PATH...: moves paths of the whole into a package, which gets its documents, too.
pick() {
  local package=$1 path
  shift
  mkdir -p "$out/$package/DEBIAN" "$out/$package/usr/share/doc/$package"
  for path in "$@"; do
    mkdir -p "$out/$package$(dirname "$path")"
    mv "$out/all$path" "$out/$package$path"
  done
  cp "$here/copyright" "$out/$package/usr/share/doc/$package/copyright"
  sed "s/@VERSION@/$version/" "$here/changelog" | gzip -9n > "$out/$package/usr/share/doc/$package/changelog.gz"
}

pick libasyncrt-dev "$libdir/libasyncrt.a" "$libdir/libasyncrt.so" "$libdir/pkgconfig" /usr/include
pick "libasyncrt$soversion" "$libdir/libasyncrt.so.$soversion" "$libdir/libasyncrt.so.$version"
find "$out/all" -type d -empty -delete
pick asyncrt-check $(cd "$out/all" && for path in usr/bin usr/share/*/; do echo "/${path%/}"; done | grep -v /doc$)
mv "$out/all/usr/share/doc/asyncrt-check/README.md" "$out/asyncrt-check/usr/share/doc/asyncrt-check/"
find "$out/all" -type d -empty -delete
if [ -e "$out/all" ]; then
  echo "build.sh: no package has:" >&2
  find "$out/all" -type f >&2
  exit 1
fi

# What each of them needs of other packages is asked of the linker's point of view.
printf 'Source: asyncrt-check\n\nPackage: asyncrt-check\nArchitecture: any\n' > "$out/debian/control"
needs() { (cd "$out" && dpkg-shlibdeps -O "$1" 2> /dev/null | sed -n 's/^shlibs:Depends=//p'); }
tool_needs=$(needs asyncrt-check/usr/bin/asyncrt-check)
library_needs=$(needs "libasyncrt$soversion$libdir/libasyncrt.so.$version")

for package in asyncrt-check "libasyncrt$soversion" libasyncrt-dev; do
  size=$(du -k --apparent-size -s "$out/$package" | cut -f1)
  awk -v RS= -v package="$package" -v name="Package: ${package/$soversion/@SOVERSION@}" \
    'index($0, name "\n") == 1 {print}' "$here/control" |
    sed -e "s/@SOVERSION@/$soversion/g; s/@VERSION@/$version/g; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/" \
      -e "s/@TOOL_NEEDS@/$tool_needs/; s/@LIBRARY_NEEDS@/$library_needs/" > "$out/$package/DEBIAN/control"
  (cd "$out/$package" && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
done
printf 'activate-noawait ldconfig\n' > "$out/libasyncrt$soversion/DEBIAN/triggers"
printf 'libasyncrt %s libasyncrt%s (>= %s)\n' "$soversion" "$soversion" "$version" > "$out/libasyncrt$soversion/DEBIAN/shlibs"

for package in asyncrt-check "libasyncrt$soversion" libasyncrt-dev; do
  find "$out/$package" -newermt "@$SOURCE_DATE_EPOCH" -print0 |
    xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"
  dpkg-deb --root-owner-group --build "$out/$package" "$out/${package}_${version}_$architecture.deb" > /dev/null
  rm -r "${out:?}/$package"
done
rm -r "$out/debian"
ls "$out"/*.deb
