// Package detached verifies signatures that lie beside an update, in a file of
// their own, as builders of systems publish them:
//
//   - minisign (.minisig): Ed25519 over the BLAKE2b-512 of the file, or in old
//     signatures ("Ed") over the file itself; a second signature covers the first
//     and the trusted comment. jedisct1.github.io/minisign, "Signature format".
//   - signify (.sig): the form that minisign was made from, without the second
//     signature; signify.c of OpenBSD.
//   - ssh (.sig): what ssh-keygen -Y sign writes; PROTOCOL.sshsig of OpenSSH.
//   - openpgp (.asc, .sig, .gpg): detached signatures of version 4, RFC 4880 and
//     9580.
//   - cosign (.sig): the base64 of a signature made by cosign sign-blob with a
//     key; and bundles of such signatures in JSON, the older of cosign alone and
//     those of Sigstore's sigstore_bundle.proto, 0.1 to 0.3.
//
// A file with a list of digests is recognised, and is no signature.
//
// Intact says that a key made the signature of these bytes, and that what the
// signature says of its own purpose is what was asked for: the namespace of
// ssh, the trusted comment of minisign. Whether the key had expired or was revoked,
// or may sign for somebody, is what Accepts tells, by the names of the tools that
// have these rules.
package detached
