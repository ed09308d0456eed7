#!/bin/bash
# The crates that a newer Tokio needs, as a directory for cargo: registry.sh FOLDER
#
# They come from Debian 13, whose packages install on no Debian 12 but are plain sources: fetched with an apt configuration
# of its own, so that the system's sources and its list of what is installed stay as they are, and unpacked. No root.
# Debian 13 itself has Tokio 1.43.1. Any other release from 1.43 on builds with the same crates, from a checkout of its
# tag: `make fidelity TOKIO=1.53 TOKIO_PATH=CHECKOUT/tokio`; the macros are taken from beside it. I/O (the feature `net`)
# needs newer crates from 1.50 on, which Debian 13 does not have: scenarios with pipes are then not run.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
registry=$folder/root/usr/share/cargo/registry
test -e "$registry/tokio-1.43.1" && { echo "$registry"; exit 0; }
fail() { echo "Debian 13's Rust packages cannot be had here: $1" >&2; exit 3; }

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -1)
test -n "$mirror" || fail "apt knows no mirror"
mkdir -p "$folder"/{etc,state/lists/partial,cache/archives/partial,packages}
touch "$folder/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$folder/etc/sources.list"
apt=(-o "Dir::Etc::sourcelist=$folder/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$folder/state"
     -o "Dir::State::status=$folder/status" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update > "$folder/apt.log" 2>&1 || fail "$(tail -1 "$folder/apt.log")"
names=()
for crate in tokio tokio-macros tokio-util pin-project-lite proc-macro2 quote syn unicode-ident mio socket2 libc bytes log memchr slab \
             pin-utils autocfg num-cpus futures futures-core futures-sink futures-channel futures-executor futures-io futures-macro \
             futures-task futures-util; do names+=("librust-$crate-dev"); done
(cd "$folder/packages" && apt-get "${apt[@]}" download "${names[@]}" >> "$folder/apt.log" 2>&1) || fail "$(tail -1 "$folder/apt.log")"
for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
# Cargo wants to see a crate that only an unstable cfg uses.
mkdir -p "$registry/backtrace-0.3.58/src"
printf '[package]\nname = "backtrace"\nversion = "0.3.58"\n' > "$registry/backtrace-0.3.58/Cargo.toml"
echo '{"files":{},"package":""}' > "$registry/backtrace-0.3.58/.cargo-checksum.json"
touch "$registry/backtrace-0.3.58/src/lib.rs"
echo "$registry"
