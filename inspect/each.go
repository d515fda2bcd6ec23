package inspect

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Each calls f for 0 to n-1, on at most jobs goroutines, and gives the first error in that order, else the context's.
// After an error, or the context's end, what has not begun is left out. A panic of f is an *ErrInternal.
func Each(ctx context.Context, jobs, n int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(max(jobs, 1), n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil || failed.Load() {
					return
				}
				if errs[i] = caught("a goroutine", func() error { return f(i) }); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// caught turns a panic, which on a goroutine would end the process, into *ErrInternal.
func caught(where string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &ErrInternal{where, v, debug.Stack()}
		}
	}()
	return f()
}
