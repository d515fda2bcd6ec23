#!/usr/bin/env bash
# Builds AOSP's fec and build_verity_tree, which Debian ships in source only, into the folder that is
# named: build-aosp.sh SOURCE CRYPTSETUP OUT. Both sources are unpacked, as this leaves them:
#
#     apt-get source --download-only android-platform-tools=1:34.0.5-12 cryptsetup=2:2.7.5-2   # Debian 13
#     tar xf android-platform-tools_34.0.5.orig.tar.xz; tar xf cryptsetup_2.7.5.orig.tar.gz
#
# Needs gcc, g++ and the headers of libssl-dev and zlib1g-dev. AOSP's sources are compiled as they are,
# but for one line of libbase that asks the compiler for a version of macOS. Phil Karn's Reed-Solomon
# coder, which AOSP keeps in external/fec, is taken from cryptsetup, which has a copy. OpenSSL has no
# BLAKE2b of 256 bits: asked for it, this build_verity_tree answers something else.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
s=$(cd "${1:?build-aosp.sh SOURCE CRYPTSETUP OUT}" && pwd) rs=$(cd "${2:?CRYPTSETUP}" && pwd)/lib/verity
out=$(mkdir -p "${3:?OUT}" && cd "$3" && pwd)
obj=$(mktemp -d)
trap 'rm -rf "$obj"' EXIT
cd "$obj"

# external/fec's own header is not in the source package. Only fec's questions about images with
# verity metadata need libfec's fec_open and the like: they are answered with an error.
cat >fec.h <<'H'
void* init_rs_char(int symsize, int gfpoly, int fcr, int prim, int nroots, int pad);
void encode_rs_char(void* rs, unsigned char* data, unsigned char* parity);
int decode_rs_char(void* rs, unsigned char* data, int* eras_pos, int no_eras);
void free_rs_char(void* rs);
H
cat >absent.cpp <<'H'
#include <fec/io.h>
int fec_open(fec_handle**, const char*, int, int, int) { return -1; }
int fec_close(fec_handle*) { return 0; }
int fec_ecc_get_metadata(fec_handle*, fec_ecc_metadata*) { return -1; }
int fec_verity_get_metadata(fec_handle*, fec_verity_metadata*) { return -1; }
H

flags=(-std=c++20 -O1 -w -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -DFMT_HEADER_ONLY
	-DEVP_blake2b256=EVP_blake2s256 -include cstdint -I. -I"$s/system/libbase" -I"$s/external/fmtlib/include")
for d in core/libsparse libbase logging/liblog core/libcutils core/libcrypto_utils core/libutils extras/libfec extras/verity; do
	flags+=(-I"$s/system/$d/include" -I"$s/system/$d")
done
sed 's/if (__builtin_available([^)]*))/if (true)/' "$s/system/libbase/logging.cpp" >logging.cpp
src=(logging.cpp absent.cpp "$here/../super/aosp-shim.cpp" "$s/system/core/libcutils/android_get_control_file.cpp")
for f in backed_block output_file sparse sparse_crc32 sparse_err sparse_read; do src+=("$s/system/core/libsparse/$f.cpp"); done
for f in cmsg errors_unix file mapped_file parsebool properties stringprintf strings threads; do src+=("$s/system/libbase/$f.cpp"); done
for f in "${src[@]}"; do g++ "${flags[@]}" -c "$f"; done
for f in encode decode; do gcc -O1 -w -c "$rs/rs_${f}_char.c"; done
mkdir fec tree
for f in main image; do g++ "${flags[@]}" -I"$s/system/extras/verity/fec" -c "$s/system/extras/verity/fec/$f.cpp" -o fec/$f.o; done
for f in build_verity_tree_main build_verity_tree build_verity_tree_utils hash_tree_builder; do
	g++ "${flags[@]}" -c "$s/system/extras/verity/$f.cpp" -o tree/$f.o
done
g++ fec/*.o ./*.o -o "$out/fec" -lcrypto -lz -lpthread
g++ tree/*.o ./*.o -o "$out/build_verity_tree" -lcrypto -lz -lpthread
