package signatures

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// Schemes of files that are signed as apps are: the answer of all their schemes together.
const (
	schemeAPK  = "apk"
	schemeAPEX = "apex" // the file that holds a module
)

// firstAPEX is the first release with modules, Android 10: what earlier ones make of a module's file does
// not matter.
const firstAPEX = 29

// A signed file is one that is signed as an app is.
type signedFile struct {
	scheme    string
	at        fact.Location
	min, max  int // of the releases that read it: minSdkVersion and 0, or the device's of what is installed
	target    int // targetSdkVersion
	sandbox   int // targetSandboxVersion
	installed bool
	framework bool // framework-res, which is signed with the platform's key
}

// apps judges the signatures of apps, and of the files that hold modules.
func apps(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	var groups [][]signedFile // by the file that holds them, which is so opened once
	index := map[string]int{}
	seen := map[string]bool{}
	add := func(f signedFile) {
		place := f.at.String()
		if seen[place] {
			return
		}
		seen[place] = true
		if len(f.at.Inner) > 0 {
			outer := f.at
			outer.Inner = nil
			place = outer.String()
		}
		i, ok := index[place]
		if !ok {
			i, index[place] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	device := deviceSDK(p.Facts)
	for i := range p.Facts.Apps {
		a := &p.Facts.Apps[i]
		f := signedFile{scheme: schemeAPK, at: a.At, min: int(a.MinSDK), target: int(a.TargetSDK), sandbox: int(a.TargetSandbox)}
		if a.At.Partition != "" {
			f.installed = true
			if device > 0 {
				f.min, f.max = device, device
			}
			f.framework = a.Package == "android" && path.Base(a.At.Path) == "framework-res.apk"
		}
		add(f)
	}
	for _, at := range moduleFiles(p.Facts) {
		add(signedFile{scheme: schemeAPEX, at: at, min: max(firstAPEX, device), max: device})
	}
	first := len(facts.Signatures)
	err := each(ctx, p.Jobs, len(groups), facts, func(i int, out *fact.Facts) error {
		files := inspect.NewOpener(p.Package)
		defer files.Close()
		for _, f := range groups[i] {
			if err := app(ctx, p, files, f, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	notePlatform(facts.Signatures[first:], slices.Concat(groups...))
	hidden(p.Facts, facts)
	return nil
}

// deviceSDK is the API level of the release that the update installs, which alone reads what is installed with it: an
// app there that another release would refuse is none the worse for it. What the system says counts, then what other
// partitions say, then the package. 0: nobody does, or two values stand where one should.
func deviceSDK(f *fact.Facts) int {
	for _, names := range [][]string{
		{"ro.build.version.sdk"}, {"ro.system.build.version.sdk"},
		{"ro.product.build.version.sdk", "ro.system_ext.build.version.sdk", "ro.vendor.build.version.sdk", "ro.odm.build.version.sdk"},
	} {
		found := map[int]bool{}
		for i := range f.Properties {
			p := &f.Properties[i]
			if slices.Contains(names, p.Name) && path.Base(p.At.Path) == "build.prop" {
				n, _ := strconv.Atoi(p.Value)
				found[n] = true
			}
		}
		if len(found) > 0 {
			return only(found)
		}
	}
	found := map[int]bool{}
	for _, m := range f.Metadata {
		if m.Key == "post-sdk-level" {
			n, _ := strconv.Atoi(m.Value)
			found[n] = true
		}
	}
	return only(found)
}

// only is the one level of a set, else 0.
func only(levels map[int]bool) int {
	for n := range levels {
		if len(levels) == 1 && n > 0 {
			return n
		}
	}
	return 0
}

// app judges one file.
func app(ctx context.Context, p *inspect.Pass, files *inspect.Opener, f signedFile, out *fact.Facts) error {
	b := p.Package.File
	if f.at.Path != "" || f.at.Partition != "" {
		var closer func() error
		var err error
		if b, closer, err = files.Open(ctx, f.at); err != nil {
			return unread(ctx, f, err, out)
		}
		defer closer()
	}
	if b == nil {
		return unread(ctx, f, ota.ErrMissing, out) // the members of an app, in a folder
	}
	if f.at.SHA256 == "" && f.at.Path != "" {
		sum, err := inspect.Hash(ctx, b, nil)
		if err != nil {
			return unread(ctx, f, err, out)
		}
		f.at.SHA256 = sum
	}
	o := apk.Options{MinSDK: f.min, MaxSDK: f.max, TargetSDK: f.target, TargetSandbox: f.sandbox}
	if p.SDK.Min > 0 && (f.scheme == schemeAPK || p.SDK.Min > f.min) {
		o.MinSDK = p.SDK.Min
	}
	if p.SDK.Min > 0 || p.SDK.Max > 0 {
		o.MaxSDK = p.SDK.Max
	}
	bud, err := p.Package.Budget().Inside("apk", b.Size())
	if err != nil {
		return unread(ctx, f, err, out)
	}
	if beside := f.at; len(beside.Inner) == 0 && beside.Path != "" {
		beside.Path += ".idsig"
		idsig, closer, err := files.Open(ctx, beside)
		if err == nil {
			defer closer()
			o.IDSig = idsig
		} else if !errors.Is(err, fs.ErrNotExist) {
			return unread(ctx, f, err, out)
		}
	}
	rep, err := apk.Verify(ctx, b, o, bud)
	if errors.Is(err, signature.ErrNone) {
		no := false
		out.Signatures = append(out.Signatures, fact.Signature{Scheme: f.scheme, Subject: subjectAt(f.at), Holds: &no, At: f.at,
			Reason: "nothing signs the file"})
		return nil
	}
	if err != nil {
		return unread(ctx, f, err, out)
	}
	rec := appRecord(f, rep)
	if rep.Intact == signature.No && f.installed && o.MaxSDK == 0 && p.SDK.Min == 0 {
		// The device's release is not known: what older ones refuse may be right for it.
		o.MinSDK = math.MaxInt32
		if newest, err := apk.Verify(ctx, b, o, bud); err == nil && newest.Intact == signature.Yes {
			rec = appRecord(f, newest)
			rec.Holds, rec.Reason = nil, "older releases would refuse it, the newest would not, and for which release it is no build.prop here tells: "+rec.Reason
		}
	}
	out.Signatures = append(out.Signatures, rec)
	for _, r := range rep.Results {
		if r.Scheme == signature.SchemeAPKStamp {
			out.Signatures = append(out.Signatures, record(r, subjectAt(f.at), f.at))
		}
	}
	return nil
}

// unread records that a file's signatures cannot be judged.
func unread(ctx context.Context, f signedFile, err error, out *fact.Facts) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out.Gaps = append(out.Gaps, gap(f.at, cause(err), f.scheme, "its signatures cannot be judged: "+parse.EscapeText(err.Error())))
	return nil
}

// appRecord is the answer of all schemes together, as the releases that the app is for give it.
func appRecord(f signedFile, rep *apk.Report) fact.Signature {
	whole := &signature.Result{Scheme: signature.Scheme(f.scheme), Intact: rep.Intact, Reason: rep.Reason, Signers: rep.Signers,
		Accepts: rep.Accepts, Known: signature.KnownMatches(rep.Signers)}
	for _, r := range rep.Results {
		if r.Scheme == signature.SchemeAPKStamp {
			continue // which decides nothing
		}
		word := "holds"
		switch {
		case r.Intact == signature.Yes:
		case r.Reason == nil:
			word = "not judged"
		default:
			word = r.Reason.Error()
		}
		whole.Notes = append(whole.Notes, parse.EscapeText(string(r.Scheme)+": "+word))
		if whole.Covers == nil && r.Intact == signature.Yes { // the newest scheme comes first
			whole.Covers, whole.Unsigned = r.Covers, r.Unsigned
		}
		for _, n := range r.Notes {
			whole.Notes = append(whole.Notes, string(r.Scheme)+": "+n)
		}
	}
	whole.Notes = append(whole.Notes, rep.Notes...)
	for _, r := range rep.Results { // older releases read other schemes, whose keys may be others
		for _, m := range r.Known {
			if r.Scheme != signature.SchemeAPKStamp && !slices.Contains(whole.Known, m) {
				whole.Known = append(whole.Known, m)
			}
		}
	}
	rec := record(whole, subjectAt(f.at), f.at)
	if rep.StrippedDex && f.at.Partition != "" { // elsewhere nothing compiles it
		rec.Holds = nil
		rec.Reason = "its code was taken out, as is done when it is compiled ahead of time, and what stands in its place is signed by nobody; all else is as it was signed"
	}
	for i := range rep.Lineage {
		l := &rep.Lineage[i]
		rec.Lineage = append(rec.Lineage, fact.Ancestor{Subject: l.Subject, SHA256: l.SHA256, KeySHA256: l.KeySHA256, Capabilities: strings.Fields(l.Capabilities.String())})
		for _, m := range l.Known {
			if i < len(rep.Lineage)-1 { // the last is the signer
				rec.Known = append(rec.Known, knownFact(m))
			}
		}
	}
	return rec
}

// notePlatform says of apps that they are signed with the platform's key, which is that of
// framework-res: such an app gets every permission of the system's own.
func notePlatform(list []fact.Signature, files []signedFile) {
	frameworks := map[string]bool{} // by subject
	for _, f := range files {
		if f.framework {
			frameworks[subjectAt(f.at)] = true
		}
	}
	platform := map[string]bool{} // by certificate
	for i := range list {
		if s := &list[i]; s.Scheme == schemeAPK && frameworks[s.Subject] {
			for _, g := range s.Signers {
				platform[g.SHA256] = true
			}
		}
	}
	for i := range list {
		s := &list[i]
		if s.Scheme == schemeAPK && slices.ContainsFunc(s.Signers, func(g fact.Signer) bool { return platform[g.SHA256] }) {
			s.Notes = append(s.Notes, "signed with the platform's key, which is that of framework-res")
		}
	}
}

// hidden makes gaps of what may hide apps or modules: what cannot be seen may be signed by anybody.
func hidden(have, facts *fact.Facts) {
	for _, g := range have.Gaps {
		var schemes []fact.Subject
		if slices.Contains(g.Blinds, fact.KindApps) {
			schemes = append(schemes, fact.Subject{Kind: "signature", ID: schemeAPK})
		}
		if slices.Contains(g.Blinds, fact.KindModules) {
			schemes = append(schemes, fact.Subject{Kind: "signature", ID: schemeAPEX})
		}
		if len(schemes) > 0 && !slices.Contains(g.Blinds, fact.KindSignatures) {
			facts.Gaps = append(facts.Gaps, fact.Gap{At: g.At, Reason: g.Reason, Cause: g.Cause, Blinds: []fact.Kind{fact.KindSignatures}, Subjects: schemes})
		}
	}
}
