package edify

import (
	"cmp"
	"slices"
)

// finish turns the model into the lists of the plan.
func (r *run) finish() {
	p := r.plan
	slices.SortStableFunc(p.Calls, func(a, b Step) int { return cmp.Compare(a.Offset, b.Offset) })
	r.list(&r.tree.root, nil)
	for _, d := range r.deleted {
		if e := r.tree.find(d.Path); e == nil || len(e.alts) == 0 {
			p.Deleted = append(p.Deleted, d)
		}
	}
	slices.SortStableFunc(p.Deleted, func(a, b Deletion) int { return cmp.Compare(a.Path, b.Path) })
	// A script that is entered again after a reboot does some things again.
	p.Deleted = unique(p.Deleted)
	p.Raw = uniqueBy(p.Raw, func(x RawImage) Pos { return x.Pos })
	p.Block = uniqueBy(p.Block, func(x BlockUpdate) Pos { return x.Pos })
	p.Mounts = unique(p.Mounts)
	p.Notes = unique(p.Notes)
	if r.round > 1 {
		type key struct {
			at          Pos
			why, prefix string
		}
		p.Unfollowed = uniqueBy(p.Unfollowed, func(x Unfollowed) key { return key{x.Pos, x.Why, x.Prefix} })
	}
}

func unique[T comparable](s []T) []T { return uniqueBy(s, func(x T) T { return x }) }

// uniqueBy keeps the first of those that have the same key.
func uniqueBy[T any, K comparable](s []T, key func(T) K) []T {
	seen := make(map[K]bool, len(s))
	return slices.DeleteFunc(s, func(x T) bool {
		k := key(x)
		dup := seen[k]
		seen[k] = true
		return dup
	})
}

// list appends the nodes of the model, sorted. Work is not charged: what was put
// there has been paid for.
func (r *run) list(e *entry, path []byte) {
	var nodes []Node
	if e.dir != nil && len(e.kids) > 0 {
		n := e.dir.node
		n.Conditional = e.dir.when.String()
		nodes = append(nodes, n)
	}
	for _, a := range e.alts {
		a.node.Conditional = a.when.String()
		nodes = append(nodes, a.node)
	}
	if len(nodes) > 0 {
		p := string(path)
		if p == "" {
			p = "/"
		}
		into := &r.plan.Nodes
		if r.volatile(p) {
			into = &r.plan.Temporary
		}
		for _, n := range nodes {
			n.Path = p
			*into = append(*into, n)
		}
	}
	for _, name := range e.sorted() {
		r.list(e.kids[name], append(append(path, '/'), name...))
	}
}
