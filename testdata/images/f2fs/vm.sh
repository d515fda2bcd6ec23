#!/bin/bash
# Starts Debian's kernel with this machine's files, read-only: vm.sh KERNEL OUT DISK... runs OUT/kernel.sh
# as root with the disks as /dev/vda and so on. KERNEL is the unpacked package linux-image-amd64. Needs
# qemu-system-x86, busybox-static, cpio.
set -euo pipefail
kernel=$(cd "$1" && pwd) out=$(cd "$2" && pwd)
shift 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
v=$(cd "$kernel/lib/modules" && echo *)
mkdir -p "$tmp"/ird/{bin,proc,sys,dev,host,out} "$tmp/ird/lib/modules/$v"
cp /bin/busybox "$tmp/ird/bin/"
(cd "$kernel/lib/modules/$v" && cp --parents -r modules.builtin modules.order kernel/{fs/f2fs,fs/9p,fs/netfs,fs/fscache,net/9p,drivers/virtio,drivers/block/virtio_blk.ko,crypto,lib,arch/x86/crypto} "$tmp/ird/lib/modules/$v")
busybox depmod -b "$tmp/ird" "$v"
cat >"$tmp/ird/init" <<'I'
#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for m in virtio_pci virtio_blk 9pnet_virtio 9p f2fs crc32_generic xts cts ecb lz4 zstd sha256_generic sha512_generic hmac; do $B modprobe $m; done
$B mount -t 9p -o trans=virtio,version=9p2000.L,ro host /host
$B mount -t 9p -o trans=virtio,version=9p2000.L out /out
$B mount --bind /proc /host/proc; $B mount --bind /sys /host/sys; $B mount --bind /dev /host/dev
$B mount -t tmpfs t /host/tmp; $B mkdir /host/tmp/m /host/tmp/out; $B mount --bind /out /host/tmp/out
$B env LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin $B chroot /host /bin/bash /tmp/out/kernel.sh >/out/kernel.log 2>&1 && echo done >>/out/kernel.log
$B sync; $B poweroff -f
I
chmod +x "$tmp/ird/init"
(cd "$tmp/ird" && find . | cpio -o -H newc 2>/dev/null) | gzip -1 >"$tmp/initrd"
args=()
for d in "$@"; do args+=(-drive "file=$d,format=raw,if=virtio,cache=unsafe"); done
timeout 1800 qemu-system-x86_64 -machine accel=tcg -m 1024 -smp 2 -nographic -no-reboot -kernel "$kernel"/boot/vmlinuz-* -initrd "$tmp/initrd" \
	-append "console=ttyS0 panic=-1" -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on \
	-virtfs local,path="$out",mount_tag=out,security_model=none "${args[@]}" >"$out/console.log" 2>&1 </dev/null
tail -1 "$out/kernel.log" | grep -qx done
