package detached_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// seeds are all fixtures.
func seeds(f *testing.F, add func(b []byte)) {
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil || len(paths) < 50 {
		f.Fatal(len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		add(b)
	}
	add(bundle(f, nil))
	add([]byte(oneByte))
	add([]byte(fewBytes))
}

func FuzzRecognise(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, "update.sig") })
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		detached.Recognise(b, name)
	})
}

func FuzzParseKeys(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b) })
	sigs := [][]byte{load(f, "minisign.minisig"), load(f, "ssh-ed25519.sig"), load(f, "pgp-ed25519.sig"), load(f, "pgp-sub.sig"), load(f, "cosign-ecP-256.sig")}
	update := blob.Bytes(load(f, "update"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ks, err := detached.ParseKeys(b)
		if err != nil {
			var bad *parse.Error
			if !errors.As(err, &bad) || ks != nil {
				t.Fatal(ks, err)
			}
			return
		}
		for _, k := range ks[:min(len(ks), 4)] {
			if k.ID == "" || k.Scheme == "" {
				t.Errorf("%+v", k)
			}
			k.KeySHA256()
		}
		for _, sig := range sigs {
			r, err := detached.Verify(context.Background(), sig, update, ks, detached.Options{Time: at2022})
			if err != nil {
				t.Fatal(err)
			}
			consistent(t, r)
		}
	})
}

// A signature that the fuzzer writes is nobody's, unless it is one of the seeds in other
// clothes: then it is by the seed's key.
func FuzzVerify(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, "update.sig") })
	ks := keys(f, "minisign.pub", "signify.pub", "signers", "pgp-rsa2048.pgp", "pgp-ed25519.pgp", "pgp-nistp256.pgp", "pgp-sub.pgp", "pgp-old.pgp", "pgp-lost.pgp",
		"cosign-ecP-256.pem", "cosign-ed25519.pem", "cosign-rsa2048.pem")
	// Over another file none of the seeds holds.
	other := blob.Bytes([]byte("another update"))
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		r, err := detached.Verify(context.Background(), b, other, ks, detached.Options{Name: name, Time: at2022})
		if err != nil {
			if !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			return
		}
		consistent(t, r)
		if r.Intact == signature.Yes {
			t.Error("it holds: ", summary(r))
		}
		var bad *parse.Error
		if !errors.As(r.Reason, &bad) {
			t.Error(r.Reason)
		}
	})
}
