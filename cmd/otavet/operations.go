package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/image/transfer"
	"github.com/otavet/otavet/ota/parse"
)

// A step is an operation of a payload, or a command of a transfer list.
type step struct {
	Partition string     `json:"partition"`
	Number    int        `json:"number"` // of the operation from 0, of the command's line from 1
	Type      string     `json:"type"`
	Member    string     `json:"member"`
	Offset    int64      `json:"offset"`           // of its data in the payload, or of the line in the list
	Length    int64      `json:"length"`           // of its data in bytes
	Source    [][2]int64 `json:"source,omitempty"` // blocks, first and end exclusive
	Target    [][2]int64 `json:"target,omitempty"`
	Hash      string     `json:"hash,omitempty"` // SHA-256 of its data
}

// runOperations lists what payloads and transfer lists do, of deltas too, which
// are not applied.
func runOperations(a *app, o lsOptions, p *ota.Package, locations []string) error {
	var only []string
	for _, text := range locations {
		at, err := fact.ParseLocation(text)
		if err != nil {
			return usageError{err}
		}
		if at.Partition == "" || at.Path != "" || len(at.Inner) > 0 {
			return usagef("%s: with --operations a location is a partition, such as boot:", at)
		}
		only = append(only, at.Partition)
	}
	list := []step{}
	for _, q := range p.Partitions {
		if len(only) > 0 && !slices.Contains(only, q.Name) {
			continue
		}
		if part, source := q.Payload(); part != nil {
			list = append(list, payloadSteps(q, part, source.Data.Off)...)
		}
		if l := q.Transfer(); l != nil {
			list = append(list, transferSteps(q, l)...)
		}
	}
	if len(list) == 0 {
		return usagef("no such operations: the update, or what was named of it, is not written by a payload or a transfer list")
	}
	out := bufio.NewWriter(a.stdout)
	if o.format == "json" {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(list); err != nil {
			return err
		}
		return out.Flush()
	}
	for _, s := range list {
		fmt.Fprintf(out, "%s: %5d %-15s %s@0x%x+%d %s", s.Partition, s.Number, s.Type, s.Member, s.Offset, s.Length, blocks(s.Target))
		if len(s.Source) > 0 {
			fmt.Fprintf(out, " from %s", blocks(s.Source))
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// maxRuns bounds how many runs of blocks a line of the table has: the JSON has all.
const maxRuns = 8

func blocks(set [][2]int64) string {
	if len(set) == 0 {
		return "no blocks"
	}
	s := "blocks"
	for i, r := range set {
		if i == maxRuns {
			return s + fmt.Sprintf(" and %d runs more", len(set)-i)
		}
		s += fmt.Sprintf(" %d-%d", r[0], r[1]-1)
	}
	return s
}

func payloadSteps(q *ota.Partition, part *payload.Partition, data int64) []step {
	var list []step
	for i := range part.Operations {
		op := &part.Operations[i]
		s := step{Partition: q.Name, Number: i, Type: op.Type.String(), Member: q.Outer[0], Offset: data + op.DataOffset, Length: op.DataLength,
			Source: extents(op.Src), Target: extents(op.Dst)}
		if len(op.DataHash) > 0 {
			s.Hash = fmt.Sprintf("%x", op.DataHash)
		}
		list = append(list, s)
	}
	return list
}

func extents(list []payload.Extent) [][2]int64 {
	var out [][2]int64
	for _, x := range list {
		out = append(out, [2]int64{int64(x.Start), int64(x.Start + x.Blocks)})
	}
	return out
}

func transferSteps(q *ota.Partition, l *transfer.List) []step {
	var list []step
	for i := range l.Commands {
		c := &l.Commands[i]
		s := step{Partition: q.Name, Number: int(c.Line), Type: parse.EscapeText(c.Op), Member: q.Outer[0], Offset: c.Offset}
		for _, r := range c.Target {
			s.Target = append(s.Target, [2]int64{r.First, r.End})
		}
		if c.Op == transfer.OpNew {
			s.Length = transfer.Blocks(c.Target) * transfer.BlockSize
		}
		list = append(list, s)
	}
	return list
}
