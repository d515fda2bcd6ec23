package bootsig_test

import (
	"errors"
	"os"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/bootsig"
	"github.com/otavet/otavet/ota/verity"
)

// FuzzVerify: boot images, with what stands behind them.
func FuzzVerify(f *testing.F) {
	for _, tc := range signatures {
		b, _ := signed(f, tc.name)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := bootsig.Verify(blob.Bytes(b), "boot")
		if err != nil {
			if !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			return
		}
		placed(t, r.Reason)
		if (r.Reason == nil) != (r.Intact == signature.Yes) || (len(r.Signers) > 0) != (r.Intact == signature.Yes) {
			t.Fatalf("%+v", r)
		}
		for _, x := range append(r.Covers, r.Unsigned...) {
			if x.First < 0 || x.First > x.End || x.End > int64(len(b)) {
				t.Fatalf("%+v of %d bytes", x, len(b))
			}
		}
	})
}

// FuzzFind: a block of metadata behind a few blocks of data, and /verity_key.
func FuzzFind(f *testing.F) {
	key, err := os.ReadFile("testdata/verity_key")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"plain", "old", "off"} {
		m, err := bootsig.Find(blob.Bytes(systemImage(f, name)), filesystem)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(systemImage(f, name)[m.Offset:][:700], key, uint16(160), false)
		f.Add([]byte(m.Text), key, uint16(2), true)
	}
	f.Fuzz(func(t *testing.T, head, verityKey []byte, blocks uint16, before bool) {
		const rest = 3 << 12
		n := min(int(blocks), 64) << 12
		b := make([]byte, n+rest+block)
		at := n + rest
		if before {
			at = n
		}
		copy(b[at:], head)
		image := blob.Bytes(b)
		k, err := bootsig.ParseKey(verityKey)
		placed(t, err)
		m, err := bootsig.Find(image, int64(n))
		if err == signature.ErrNone {
			return
		}
		placed(t, err)
		if err != nil {
			return
		}
		var keys []*bootsig.Key
		if k != nil {
			keys = append(keys, k)
		}
		r := m.Verify(keys...)
		placed(t, r.Reason)
		if (r.Reason == nil) != (r.Intact == signature.Yes) || (m.Table == nil) != (m.TableError != nil) {
			t.Fatalf("%+v, %+v", m, r)
		}
		placed(t, m.TableError)
		root, stored := m.CheckTree(image, nil)
		placed(t, root)
		placed(t, stored)
		if err := bootsig.CheckFEC(image); err != verity.ErrNoFEC {
			placed(t, err)
		}
	})
}

// placed wants a *parse.Error, or none.
func placed(t *testing.T, err error) {
	t.Helper()
	var bad *parse.Error
	if err != nil && !errors.As(err, &bad) {
		t.Fatal(err)
	}
}
