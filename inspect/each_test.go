package inspect_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/otavet/otavet/inspect"
)

func TestEach(t *testing.T) {
	done := make([]bool, 100)
	if err := inspect.Each(t.Context(), 3, len(done), func(i int) error { done[i] = true; return nil }); err != nil || slices.Contains(done, false) {
		t.Error(err, done)
	}
	if err := inspect.Each(t.Context(), 0, 0, nil); err != nil {
		t.Error(err)
	}
	first, second := errors.New("first"), errors.New("second")
	if err := inspect.Each(t.Context(), 1, 3, func(i int) error { return []error{nil, first, second}[i] }); err != first {
		t.Error(err)
	}
	var internal *inspect.ErrInternal
	if err := inspect.Each(t.Context(), 2, 3, func(i int) error { panic("x") }); !errors.As(err, &internal) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	end := errors.New("enough")
	var calls atomic.Int64
	if err := inspect.Each(ctx, 2, 1000, func(i int) error { calls.Add(1); cancel(end); return nil }); err != end || calls.Load() > 2 {
		t.Error(err, calls.Load())
	}
}
