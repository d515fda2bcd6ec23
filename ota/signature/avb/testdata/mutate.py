# Changes one thing at a time in rsa2048-256.img and cert.img, asks libavb (judge.c) about each, and writes its answers:
# name, what is put where (offset:hexadecimal), answer. Those that begin with sealed_ have hash and signature made anew with AOSP's
# test key. Of cert.img, where thousands are changed, only those are written that libavb trusts.
import hashlib, os, subprocess, sys, tempfile

judge, pem = sys.argv[1:]
u32 = lambda v: v.to_bytes(4, 'big')
u64 = lambda v: (v % (1 << 64)).to_bytes(8, 'big')

# The fields of AvbVBMetaImageHeader; the image has blocks of 320 and 640 bytes or so.
image = open('rsa2048-256.img', 'rb').read()
auth, aux = int.from_bytes(image[12:20], 'big'), int.from_bytes(image[20:28], 'big')
field = lambda at, n=8: int.from_bytes(image[at:at + n], 'big')
key = 256 + auth + field(64)
fields = [
    ('none', 0, b''), ('magic', 0, b'AVB1'), ('version_major_2', 4, u32(2)), ('version_major_0', 4, u32(0)), ('version_minor_3', 8, u32(3)),
    ('version_minor_4', 8, u32(4)), ('auth_not_64', 12, u64(auth + 1)), ('aux_not_64', 20, u64(aux - 1)), ('auth_too_large', 12, u64(auth + 64)),
    ('aux_too_large', 20, u64(aux + 64)), ('auth_wraps', 12, u64(-64)), ('aux_wraps', 20, u64(-64)), ('auth_less', 12, u64(auth - 64)), ('aux_less', 20, u64(aux - 64)),
    ('sizes_wrap_together', 12, u64(1 << 63) + u64(1 << 63)), ('algorithm_none', 28, u32(0)), ('algorithm_rsa4096', 28, u32(2)), ('algorithm_sha512', 28, u32(4)),
    ('algorithm_9', 28, u32(9)), ('algorithm_max', 28, u32(0xffffffff)), ('hash_outside', 32, u64(auth - 31)), ('hash_wraps', 32, u64(-16)), ('hash_elsewhere', 32, u64(1)),
    ('hash_short', 40, u64(31)), ('hash_long', 40, u64(33)), ('hash_empty', 40, u64(0)), ('sig_outside', 48, u64(auth - 255)), ('sig_wraps', 48, u64(-16)),
    ('sig_elsewhere', 48, u64(33)), ('sig_short', 56, u64(255)), ('sig_long', 56, u64(257)), ('sig_empty', 56, u64(0)), ('key_outside', 64, u64(aux)),
    ('key_wraps', 64, u64(-8)), ('key_short', 72, u64(519)), ('key_long', 72, u64(521)), ('key_empty', 72, u64(0)), ('meta_outside', 88, u64(aux + 1)),
    ('meta_wraps', 80, u64(-8) + u64(16)), ('meta_far_and_empty', 80, u64(1 << 40)), ('descriptors_moved', 96, u64(8)), ('descriptors_none', 104, u64(0)), ('rollback_index', 112, u64(8)),
    ('flags', 120, u32(0)), ('rollback_location', 124, u32(31)), ('release_empty', 128, b'\0'), ('release_no_end', 128, b'x' * 48), ('release_zero_inside', 130, b'\0' + b'x' * 45),
    ('reserved', 176, b'\1'), ('reserved_last', 255, b'\1'), ('stored_hash', 256, b'\xaa\xbb'), ('signature', 288, b'\xaa\xbb'), ('padding_of_auth', 256 + auth - 1, b'\1'),
    ('key_bits', key, u32(4096)), ('key_n0inv', key + 4, u32(1)), ('key_even', key + 8 + 255, b'\0'), ('key_rr', key + 8 + 511, b'\0'),
]


def put(b, patches):
    b = bytearray(b)
    for at, new in patches:
        b[at:at + len(new)] = new
    return bytes(b)


def seal(patches):
    """adds the hash, at 0 of the authentication block, and the signature behind it"""
    b = put(image, patches)
    signed = b[:256] + b[256 + auth:]
    with tempfile.NamedTemporaryFile() as f:
        f.write(signed)
        f.flush()
        sig = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', pem, f.name], check=True, stdout=subprocess.PIPE).stdout
    return patches + [(256, hashlib.sha256(signed).digest() + sig)]


def run(base, name, changes, args):
    with tempfile.TemporaryDirectory() as d, open(name, 'w', newline='\n') as out:
        files = []
        for i, (_, patches) in enumerate(changes):
            files.append(os.path.join(d, str(i)))
            with open(files[-1], 'wb') as f:
                f.write(put(base, patches))
        answers = subprocess.run([judge] + args + files, check=True, stdout=subprocess.PIPE, text=True).stdout.split('\n')
        for (what, patches), answer in zip(changes, answers):
            if answer != 'not trusted':
                out.write('%s\t%s\t%s\n' % (what, ' '.join(f'{at}:{b.hex()}' for at, b in patches), answer))


sealed = {'none', 'version_minor_3', 'algorithm_none', 'algorithm_rsa4096', 'algorithm_sha512', 'algorithm_9', 'hash_short', 'sig_elsewhere', 'sig_short', 'sig_long',
          'sig_empty', 'key_short', 'key_long', 'key_empty', 'meta_far_and_empty', 'rollback_index', 'flags', 'rollback_location', 'release_empty', 'release_zero_inside',
          'reserved', 'padding_of_auth', 'key_bits', 'key_n0inv', 'key_rr', 'key_even'}
changes = [(name, [(at, b)]) for name, at, b in fields]
changes += [('sealed_' + name, seal(patches)) for name, patches in changes if name in sealed]
run(image, 'mutations.tsv', changes, [])

# In each byte of the metadata one bit.
image = open('cert.img', 'rb').read()
meta = 256 + int.from_bytes(image[12:20], 'big') + int.from_bytes(image[80:88], 'big')
flips = [('none', [])] + [('flip', [(at, bytes([image[at] ^ 1 << at % 8]))]) for at in range(meta, meta + 3244)]
flips += [('metadata_of_3243', [(88, u64(3243))]), ('metadata_of_3245', [(88, u64(3245))])]
flips += [('unlock_for_signing', [(meta + 4 + 1620, open('unlock.bin', 'rb').read())])]
run(image, 'cert.tsv', flips, ['cert', 'attributes.bin'])
