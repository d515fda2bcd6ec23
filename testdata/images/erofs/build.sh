#!/usr/bin/env bash
# Builds mkfs.erofs, fsck.erofs and dump.erofs 1.9.4 with every compressor into the folder $1, from the source of
# Debian's erofs-utils 1.9.4-1, whose .orig.tar.gz is $2. Needs autoconf, automake, libtool, pkg-config, a C compiler,
# liblz4-dev, liblzma-dev, libzstd-dev, zlib1g-dev, libdeflate-dev and uuid-dev.
set -euo pipefail
out=$(realpath -m "$1") src=$(realpath "$2")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tar xf "$src" -C "$tmp" --strip-components=1
cd "$tmp"
./autogen.sh
./configure --enable-lzma --with-zlib --with-libzstd --with-libdeflate --disable-fuse --prefix="$out"
make
make install
