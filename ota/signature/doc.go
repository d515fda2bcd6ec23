// Package signature holds what all signature schemes share: the Result they
// answer with, certificates and CMS messages as the schemes store them, and
// Verify, the only door to the verifiers of public keys.
//
// A Result says whether the mathematics hold with a key that was given or found,
// which bytes they cover, whose key it is, and which readers would take the
// signature if they trusted that key. Whether anybody should is not said here.
//
// A scheme is a folder below this one. Its Verify answers ErrNone where there is
// no signature of the scheme, a Result where there is one, broken or not, and
// any other error only where the bytes could not be read.
package signature
