#!/usr/bin/env bash
# Builds AOSP's BootSignature, VeritySigner, generate_verity_key and verity_verifier, which Debian ships in source only, into the
# folder that is named: build-aosp.sh SOURCE CRYPTSETUP OUT, with the sources that testdata/images/verity/build-aosp.sh names.
#
# Needs g++, javac, the headers of libssl-dev and zlib1g-dev, and libbcprov-java and libbcpkix-java. The sources are compiled as they
# are, but for one line of libbase that asks the compiler for a version of macOS. Two functions of BoringSSL's
# that libcrypto_utils calls have other names in OpenSSL; squashfs is not looked for.
set -euo pipefail
s=$(cd "${1:?build-aosp.sh SOURCE CRYPTSETUP OUT}" && pwd) rs=$(cd "${2:?CRYPTSETUP}" && pwd)/lib/verity
here=$(cd "$(dirname "$0")" && pwd) out=$(mkdir -p "${3:?OUT}" && cd "$3" && pwd)
shim=$here/../../../../testdata/images/super/aosp-shim.cpp
javac -nowarn -cp /usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar -d "$out" "$s"/system/extras/verity/{BootSignature,VeritySigner,Utils}.java "$here/Judge.java"

obj=$(mktemp -d)
trap 'rm -rf "$obj"' EXIT
cd "$obj"
cat >fec.h <<'H'
extern "C" {
void* init_rs_char(int symsize, int gfpoly, int fcr, int prim, int nroots, int pad);
int decode_rs_char(void* rs, unsigned char* data, int* eras_pos, int no_eras);
void free_rs_char(void* rs);
}
H
cat >absent.cpp <<'C'
#include <cstdarg>
#include <cstdio>
#include <squashfs_utils.h>
extern "C" {
size_t squashfs_get_sb_size() { return 96; }
int squashfs_parse_sb_buffer(const void*, struct squashfs_info*) { return -1; }
void klog_write(int, const char*, ...) {}
}
C
flags=(-std=c++20 -O1 -w -fpermissive -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -DFMT_HEADER_ONLY -DEVP_blake2b256=EVP_blake2s256 -DBN_le2bn=BN_lebin2bn
	-D'BN_bn2le_padded(o,l,n)=(BN_bn2lebinpad(n,o,l)==(int)(l))' -include cstdint -include cstring -include openssl/bn.h -I. -I"$s/system/libbase" -I"$s/external/fmtlib/include")
for d in core/libsparse libbase logging/liblog core/libcutils core/libcrypto_utils core/libutils extras/libfec extras/verity extras/ext4_utils extras/squashfs_utils; do
	flags+=(-I"$s/system/$d/include" -I"$s/system/$d")
done
g++ "${flags[@]}" -x c++ "$s/system/extras/verity/generate_verity_key.c" "$s/system/core/libcrypto_utils/android_pubkey.cpp" -o "$out/generate_verity_key" -lcrypto
sed 's/if (__builtin_available([^)]*))/if (true)/' "$s/system/libbase/logging.cpp" >logging.cpp
src=(logging.cpp absent.cpp "$shim" "$s/system/core/libcutils/android_get_control_file.cpp" "$s/system/core/libcrypto_utils/android_pubkey.cpp" "$s/system/extras/ext4_utils/ext4_sb.cpp")
for f in fec_open fec_process fec_read fec_verity avb_utils_stub; do src+=("$s/system/extras/libfec/$f.cpp"); done
for f in backed_block output_file sparse sparse_crc32 sparse_err sparse_read; do src+=("$s/system/core/libsparse/$f.cpp"); done
for f in cmsg errors_unix file mapped_file parsebool properties stringprintf strings threads; do src+=("$s/system/libbase/$f.cpp"); done
for f in "${src[@]}" "$s/system/extras/verity/verity_verifier.cpp"; do g++ "${flags[@]}" -c "$f"; done
for f in encode decode; do gcc -O1 -w -c "$rs/rs_${f}_char.c"; done
g++ ./*.o -o "$out/verity_verifier" -lcrypto -lz -lpthread
