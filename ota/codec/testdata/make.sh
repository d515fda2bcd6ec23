#!/usr/bin/env bash
# Makes the fixtures of this folder again. README.md has the versions of the tools.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
rm -f sample* kernel*

# sample: 400 bytes of text, then what looks like code to each branch filter of
# xz: a branch in every second word, with operands of a linear congruence.
{
	for i in 1 2 3 4 5 6 7 8; do
		printf 'line %d of a text that is compressed again and again.\n' "$i"
	done | head -c 400
	x=1
	word() { # the bytes of the arguments, in octal
		local s
		printf -v s '\\%03o' "$@"
		printf "$s"
	}
	for i in {1..44}; do
		x=$(((x * 1103515245 + 12345) & 0x7fffffff))
		a=$((x >> 4 & 255)) b=$((x >> 12 & 255)) c=$((x >> 20 & 63))
		word $a $b 0 0xeb                                  # ARM BL
		word $((c & 7)) 0xf0 $a $((0xf8 | b & 7))          # ARM-Thumb BL
		word $a $b $c 0x94                                 # ARM64 BL
		word $((c & 31)) $a 0 0x90                         # ARM64 ADRP
		word 0x48 0 $a $((b & 0xfc | 1))                   # PowerPC bl
		word 0x40 $c $a $b                                 # SPARC call
		word 0xe8 $a $b 0 0 0x90 0xe9 $b                   # x86 call, jmp
		word 0x10 0 0 0 0 0 $((a & 0xe0)) $b 0 0 0 $((a & 0xf0)) $b 0 0 0x50 # IA-64, template MIB
	done
} >sample
touch -d @1400000000 sample # gzip keeps the time

# xz. A pipe keeps sizes out of block headers, threads put them in.
for c in none crc32 crc64 sha256; do xz -c --check=$c sample >sample.$c.xz; done
for f in x86 arm armthumb arm64 powerpc sparc ia64 delta=dist=4; do
	xz -c --$f --lzma2=preset=6 sample >sample.${f%%=*}.xz
done
xz -c --delta=dist=256 --arm=start=4096 --x86 --lzma2=preset=0,lc=0,lp=4,pb=0 sample >sample.chain.xz
xz -c --threads=2 --block-size=512 sample >sample.blocks.xz
{ head -c 700 sample | xz -c; head -c 8 /dev/zero; tail -c +701 sample | xz -c --check=sha256; head -c 4 /dev/zero; } >sample.multi.xz
xz -c </dev/null >sample.empty.xz
# What does not compress becomes an uncompressed chunk.
gzip -9nc sample | xz -c >sample.stored.xz

xz -c --format=lzma sample >sample.lzma
xz -c --format=lzma --lzma1=lc=1,lp=3,pb=4,dict=4096 sample >sample.props.lzma
xz -c --format=lzma </dev/null >sample.empty.lzma
xz -c --format=raw --lzma1=lc=3,lp=0,pb=2 sample >sample.lzma1

bzip2 -1c sample >sample.bz2
{ head -c 700 sample | bzip2 -1c; tail -c +701 sample | bzip2 -9c; } >sample.multi.bz2
bzip2 -1c </dev/null >sample.empty.bz2

gzip -9nc sample >sample.gz
gzip -1c sample >sample.name.gz
{ head -c 700 sample | gzip -nc; tail -c +701 sample | gzip -1nc; head -c 37 /dev/zero; } >sample.multi.gz
gzip -nc </dev/null >sample.empty.gz

zstd -q -19 --check -c sample >sample.zst
zstd -q -3 --no-check -c <sample >sample.nocheck.zst
zstd -q -1 --long=27 -c <sample >sample.long.zst
{ head -c 700 sample | zstd -qc; printf '\x50\x2a\x4d\x18\x05\0\0\0other'; tail -c +701 sample | zstd -qc -5; } >sample.multi.zst
zstd -q -c </dev/null >sample.empty.zst

brotli -q 11 -c sample >sample.br
brotli -q 1 --lgwin=10 -c sample >sample.fast.br
brotli -c </dev/null >sample.empty.br

lz4 -q -c sample >sample.lz4
lz4 -q -9 -B4 -BD -BX --content-size -c sample >sample.linked.lz4
lz4 -q --no-frame-crc -c sample >sample.nocheck.lz4
{ head -c 700 sample | lz4 -qc; printf '\x5f\x2a\x4d\x18\x05\0\0\0other'; tail -c +701 sample | lz4 -qc; } >sample.multi.lz4
lz4 -q -c </dev/null >sample.empty.lz4
lz4 -q -l -9 -c sample >sample.lz4l
{ head -c 700 sample | lz4 -qlc; tail -c +701 sample | lz4 -qlc; } >sample.multi.lz4l
# What scripts/Makefile.lib of Linux makes of a kernel: size_append.
n=$(stat -c %s sample)
{ lz4 -q -l -9 -c sample; printf "$(printf '\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24)))"; } >kernel.lz4l
