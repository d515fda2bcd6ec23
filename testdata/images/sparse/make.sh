#!/usr/bin/env bash
# Makes the sparse images beside it again. Installs nothing. Needs Debian's android-sdk-libsparse-utils,
# python3, and in AOSP_BIN the folder that ../super/build-aosp.sh filled.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bin=${AOSP_BIN:?the folder that ../super/build-aosp.sh filled}

# Ten blocks of 4096: data, zeros, a fill, data, and data whose last word differs.
python3 - "$tmp" <<'P'
import hashlib, struct, sys
def noise(seed, n):
    out = b''
    while len(out) < n:
        seed = hashlib.sha256(seed).digest()
        out += seed
    return out[:n]
b = 1024
raw = noise(b'a', 2*b) + bytes(3*b) + struct.pack('<I', 0x11223344)*(b//2) + noise(b'b', b) + bytes(b-1) + b'\1' + bytes(b)
raw += bytes(-len(raw) % 4096)
open(sys.argv[1] + '/raw', 'wb').write(raw)
P
img2simg "$tmp/raw" basic.simg 1024 >/dev/null
img2simg "$tmp/raw" block4096.simg 4096 >/dev/null
simg2simg basic.simg split 2000
"$bin/mksparse" crc.simg 1024 plain
# What libsparse's writer sums here its own reader refuses: status 1.
"$bin/mksparse" crc-fill.simg 1024 fills || [ $? = 1 ]
"$bin/mksparse" crc-hole.simg 1024 hole || [ $? = 1 ]

# What the reference expands them to.
for f in basic block4096 crc crc-fill crc-hole; do
	simg2img $f.simg "$tmp/$f.simg"
done
simg2img split.* "$tmp/split"
(cd "$tmp" && sha256sum basic.simg block4096.simg crc.simg crc-fill.simg crc-hole.simg split) >SHA256SUMS
