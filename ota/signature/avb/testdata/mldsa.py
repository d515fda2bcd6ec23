# Makes the images that avbtool of 2023 cannot: signed with ML-DSA, as libavb of 2025 verifies it (avb_mldsa.c): no hash,
# the signature in the authentication block, over header and auxiliary block; the key behind its length. avbtool's
# own classes write header and descriptor; OpenSSL, by way of Python's cryptography, signs with the keys that the hashes of
# their names give.
import hashlib, struct, sys

sys.path.insert(0, sys.argv[1])
import avbtool
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def pad(b):
    return b + bytes(-len(b) % 64)


for algorithm, name, kind, size in (7, 'mldsa65', mldsa.MLDSA65PrivateKey, 3309), (8, 'mldsa87', mldsa.MLDSA87PrivateKey, 4627):
    key = kind.from_seed_bytes(hashlib.sha256(name.encode()).digest())
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    p = avbtool.AvbPropertyDescriptor()
    p.key, p.value = 'com.android.build.boot.security_patch', b'2025-05-05'
    blob, descriptors = struct.pack('!I', len(raw)) + raw, p.encode()
    aux = pad(descriptors + blob)
    h = avbtool.AvbVBMetaHeader()
    h.algorithm_type, h.rollback_index, h.required_libavb_version_minor = algorithm, 7, 3
    h.authentication_data_block_size, h.auxiliary_data_block_size = len(pad(bytes(size))), len(aux)
    h.hash_offset, h.hash_size, h.signature_offset, h.signature_size = 0, 0, 0, size
    h.descriptors_offset, h.descriptors_size = 0, len(descriptors)
    h.public_key_offset, h.public_key_size = len(descriptors), len(blob)
    h.public_key_metadata_offset = len(descriptors) + len(blob)
    head = h.encode()
    with open(name + '.vbmeta', 'wb') as f:
        f.write(head + pad(key.sign(head + aux)) + aux)
