package signatures

import (
	"context"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
)

// each calls judge for 0 to n-1, several at once, and joins what they find in that order: the number of
// workers does not show.
func each(ctx context.Context, jobs, n int, facts *fact.Facts, judge func(i int, out *fact.Facts) error) error {
	found := make([]fact.Facts, n)
	if err := inspect.Each(ctx, jobs, n, func(i int) error { return judge(i, &found[i]) }); err != nil {
		return err
	}
	for i := range found {
		facts.Merge(&found[i])
	}
	return nil
}
