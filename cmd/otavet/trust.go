package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
	"github.com/otavet/otavet/ota/signature/detached"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/report"
)

// roles are those whose signatures this version judges.
var roles = []policies.Role{policies.RoleOTA, policies.RolePayload, policies.RoleAVB, policies.RoleAPK, policies.RoleAPEX}

// readTrust reads what --trust names: the keys for each role, and each file with
// its hash, because a verdict depends on it.
func readTrust(flags []string) (map[policies.Role][]string, []report.Input, error) {
	trust := map[policies.Role][]string{}
	var inputs []report.Input
	for _, text := range flags {
		name, path, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return nil, nil, usagef("--trust %s: write ROLE=FILE", text)
		}
		role := policies.Role(name)
		if !slices.Contains(roles, role) {
			return nil, nil, usagef("--trust %s: signatures of that role are not judged by this version; there are ota, payload, avb, apk and apex", name)
		}
		data, err := readKeyFile(path)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--trust %s: %w", name, err)}
		}
		keys, err := publicKeys(data)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--trust %s: %s: %w", name, filepath.Base(path), err)}
		}
		trust[role] = append(trust[role], keys...)
		sum := sha256.Sum256(data)
		inputs = append(inputs, report.Input{Role: "trust-" + name, Name: parse.Escape(filepath.Base(path)), SHA256: hex.EncodeToString(sum[:])})
	}
	return trust, inputs, nil
}

// maxKeyFile bounds a file of keys: one certificate has a few KiB.
const maxKeyFile = 1 << 20

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = fmt.Errorf("larger than %d bytes", maxKeyFile)
	}
	return data, err
}

// publicKeys gives the SHA-256 of each SubjectPublicKeyInfo, of certificates, of
// bare public keys and of a key in AVB's own form.
func publicKeys(data []byte) ([]string, error) {
	var keys []string
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "PUBLIC KEY" { // RFC 7468: a SubjectPublicKeyInfo
			sum := sha256.Sum256(block.Bytes)
			keys = append(keys, hex.EncodeToString(sum[:]))
		}
	}
	if key, err := avb.ParseKey(data); err == nil {
		return []string{key}, nil // as avbtool extract_public_key writes it
	}
	certs, err := signature.ParseCertificates(data)
	for _, c := range certs {
		keys = append(keys, c.KeySHA256())
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, err
}

// readSignatures reads what --signature and --signature-key name.
func (o *inputOptions) readSignatures() ([]inspect.Detached, [][]byte, error) {
	if len(o.keys) > 0 && len(o.signatures) == 0 {
		return nil, nil, usagef("--signature-key: name the signature, too, with --signature")
	}
	var list []inspect.Detached
	for _, path := range o.signatures {
		data, err := readKeyFile(path)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--signature: %w", err)}
		}
		switch detached.Recognise(data, filepath.Base(path)) {
		case detached.FormNone:
			return nil, nil, usagef("--signature %s: no signature of a form that is known", path)
		case detached.FormDigests:
			return nil, nil, usagef("--signature %s: a list of digests, which anybody can make, is no signature", path)
		}
		list = append(list, inspect.Detached{Name: filepath.Base(path), Data: data})
	}
	var keys [][]byte
	for _, path := range o.keys {
		data, err := readKeyFile(path)
		if err == nil {
			_, err = detached.ParseKeys(data)
		}
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--signature-key %s: %w", filepath.Base(path), err)}
		}
		keys = append(keys, data)
	}
	return list, keys, nil
}

// signatureInputs are the files that a verdict depends on, with their hashes.
func (o *inputOptions) signatureInputs() ([]report.Input, error) {
	var inputs []report.Input
	for i, path := range slices.Concat(o.signatures, o.keys) {
		data, err := readKeyFile(path)
		if err != nil {
			return nil, err
		}
		role := "signature"
		if i >= len(o.signatures) {
			role = "signature-key"
		}
		sum := sha256.Sum256(data)
		inputs = append(inputs, report.Input{Role: role, Name: parse.Escape(filepath.Base(path)), SHA256: hex.EncodeToString(sum[:])})
	}
	return inputs, nil
}
