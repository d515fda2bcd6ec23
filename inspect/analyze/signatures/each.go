package signatures

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
)

// each calls judge for 0 to n-1, on several goroutines, and joins what they find in that order: the
// number of workers does not show. The first error, in that order, ends it.
func each(ctx context.Context, jobs, n int, facts *fact.Facts, judge func(i int, out *fact.Facts) error) error {
	found := make([]fact.Facts, n)
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(max(jobs, 1), n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				errs[i] = guarded(func() error { return judge(i, &found[i]) })
			}
		})
	}
	wg.Wait()
	for i := range found {
		if errs[i] != nil {
			return errs[i]
		}
		facts.Merge(&found[i])
	}
	return context.Cause(ctx)
}

// guarded turns a panic, which would end the process on a goroutine, into the error of a defect.
func guarded(judge func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &inspect.ErrInternal{Where: "signatures", Panic: v, Stack: debug.Stack()}
		}
	}()
	return judge()
}
