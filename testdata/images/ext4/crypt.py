#!/usr/bin/env python3
"""crypt.py DIR: makes an encrypted folder in DIR, on a file system with the feature encrypt."""
import fcntl, os, struct, sys
root = sys.argv[1]
key = bytes(64)
fd = os.open(root, os.O_RDONLY)
# FS_IOC_ADD_ENCRYPTION_KEY: struct fscrypt_add_key_arg with FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER
arg = bytearray(struct.pack('<II32sII8I', 2, 0, bytes(32), len(key), 0, *[0] * 8) + key)
fcntl.ioctl(fd, 0xC0506617, arg)
ident = bytes(arg[8:24])
os.mkdir(root + '/secret')
open(root + '/plain', 'w').write('plain\n')
sub = os.open(root + '/secret', os.O_RDONLY)
# FS_IOC_SET_ENCRYPTION_POLICY: struct fscrypt_policy_v2, AES-256-XTS and AES-256-CTS, names padded to 32
fcntl.ioctl(sub, 0x800C6613, struct.pack('<BBBB4s16s', 2, 1, 4, 3, bytes(4), ident))
for i in range(10):
    with open(root + '/secret/file%d' % i, 'w') as f: f.write('secret %d\n' % i)
os.mkdir(root + '/secret/folder'); open(root + '/secret/folder/inner', 'w').close()
os.symlink('file1', root + '/secret/link')
os.sync()
