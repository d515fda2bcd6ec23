#!/usr/bin/env bash
# Builds AOSP's lpmake and lpunpack, which Debian ships in source only, and ../sparse/mksparse.cpp
# with AOSP's libsparse, into the folder that is named: build-aosp.sh SOURCE OUT. SOURCE is the
# unpacked source package, as this leaves it:
#
#     apt-get source --download-only android-platform-tools=1:34.0.5-12   # Debian 13
#     tar xf android-platform-tools_34.0.5.orig.tar.xz
#
# Needs g++ and the headers of libssl-dev and zlib1g-dev. The sources are compiled as they are but for
# one line of libbase that asks the compiler for a version of macOS; aosp-shim.cpp stands in for liblog.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
s=$(cd "${1:?build-aosp.sh SOURCE OUT}" && pwd) out=$(mkdir -p "$2" && cd "$2" && pwd)
obj=$(mktemp -d)
trap 'rm -rf "$obj"' EXIT
cd "$obj"

flags=(-std=c++20 -O1 -w -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -DFMT_HEADER_ONLY -include cstdint
	-I"$s/system/libbase" -I"$s/external/fmtlib/include")
for d in core/fs_mgr/liblp core/fs_mgr/libstorage_literals core/libsparse libbase logging/liblog core/libcutils extras/ext4_utils; do
	flags+=(-I"$s/system/$d/include" -I"$s/system/$d")
done
sed 's/if (__builtin_available([^)]*))/if (true)/' "$s/system/libbase/logging.cpp" >logging.cpp
src=(logging.cpp "$here/aosp-shim.cpp" "$s/system/core/libcutils/android_get_control_file.cpp")
for f in builder images partition_opener property_fetcher reader utility writer; do src+=("$s/system/core/fs_mgr/liblp/$f.cpp"); done
for f in backed_block output_file sparse sparse_crc32 sparse_err sparse_read; do src+=("$s/system/core/libsparse/$f.cpp"); done
for f in cmsg errors_unix file mapped_file parsebool properties stringprintf strings threads; do src+=("$s/system/libbase/$f.cpp"); done
for f in "${src[@]}"; do g++ "${flags[@]}" -c "$f"; done
for tool in lpmake lpunpack; do
	g++ "${flags[@]}" -c "$s/system/extras/partition_tools/$tool.cc" -o "$tool.main"
	g++ "$tool.main" ./*.o -o "$out/$tool" -lcrypto -lz
done
g++ "${flags[@]}" -c "$here/../sparse/mksparse.cpp" -o mksparse.main
g++ mksparse.main ./*.o -o "$out/mksparse" -lcrypto -lz
