package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// slow is a payload that takes a while: xz over bytes that hardly compress.
func slow(t *testing.T, change func(*otatest.PayloadPartition)) string {
	t.Helper()
	otatest.Tool(t, "xz")
	data := make([]byte, 10<<20)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range data {
		data[i] = byte(r.Uint32()) & 0x7f // a bit of eight is saved
	}
	part := otatest.PayloadPartition{Name: "system", Image: blob.Bytes(data), Methods: []string{"xz"}}
	if change != nil {
		change(&part)
	}
	path := filepath.Join(t.TempDir(), "payload.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &otatest.Payload{Temp: t.TempDir(), Fast: true, Partitions: []otatest.PayloadPartition{part,
		{Name: "vendor", Image: blob.Bytes(data[:1<<20])}}}
	if _, err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	return path
}

func extracting(t *testing.T, ctx context.Context, path string) (left []string, complaints string, err error) {
	t.Helper()
	dir := t.TempDir()
	spool := t.TempDir()
	var stdout, stderr bytes.Buffer
	o := extractOptions{dir: filepath.Join(dir, "out"), images: true}
	o.spool, o.quiet, o.jobs = spool, true, 2
	err = runExtract(ctx, &app{stdout: &stdout, stderr: &stderr}, o, path, nil)
	for _, d := range []string{filepath.Join(dir, "out"), spool} {
		list, _ := os.ReadDir(d)
		for _, e := range list {
			left = append(left, e.Name())
		}
	}
	return left, stderr.String(), err
}

// Who interrupts an extraction finds nothing in the folder, and nothing in the spool.
func TestExtractInterrupted(t *testing.T) {
	path := slow(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, func() { cancel(errInterrupted) })
	defer timer.Stop()
	began := time.Now()
	left, _, err := extracting(t, ctx, path)
	if !errors.Is(err, errInterrupted) || exitOf(err) != 130 {
		t.Errorf("%v after %v, want that it was interrupted", err, time.Since(began))
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An image that does not have its hash, or cannot be decoded, is not written; the others are.
func TestExtractRefusesWhatDiffers(t *testing.T) {
	for name, change := range map[string]func(*otatest.PayloadPartition){
		"does not have the hash": func(p *otatest.PayloadPartition) {
			p.Info = func(_ *uint64, sum *[]byte) { (*sum)[0] ^= 1 }
		},
		"the data of operation 3": func(p *otatest.PayloadPartition) {
			p.Op = func(i int, op *otatest.PayloadOp) {
				if i == 3 {
					op.DataHash = make([]byte, 32)
				}
			}
		},
		"operation 2": func(p *otatest.PayloadPartition) {
			p.Op = func(i int, op *otatest.PayloadOp) {
				if i == 2 {
					op.Type = 1 // REPLACE_BZ: its data are xz
				}
			}
		},
	} {
		left, complaints, err := extracting(t, t.Context(), slow(t, change))
		if err == nil || exitOf(err) != 3 || !strings.Contains(complaints, name) || !strings.Contains(complaints, "not written: system.img") {
			t.Errorf("%s: %v, %s", name, err, complaints)
		}
		if len(left) != 1 || left[0] != "vendor.img" {
			t.Errorf("%s: left %v, want vendor.img alone", name, left)
		}
	}
}
