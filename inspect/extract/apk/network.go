package apk

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

// network says what the manifest and the network security config permit:
// ManifestConfigSource, XmlConfigSource and NetworkSecurityConfig in
// frameworks/base/packages (core/java until 15)/android/security/net/config. The
// manifest's flag is there since API 23, the config since 24; apps that the
// platform holds privileged trust the user's certificates before Android 9 too.
func (r *reader) network(app *axml.Element) {
	n := &r.app.Network
	n.UserCAs = r.app.TargetSDK <= sdkM && !r.app.Privileged
	if app == nil {
		return
	}
	v := r.get(app, attrNetworkConfig)
	if v.id == 0 {
		return
	}
	n.By = "config"
	// The flag of the manifest is not asked.
	n.Cleartext = r.app.TargetSDK < sdkP
	if v.differs {
		r.note("the network security config %s differs by configuration: one of them was read", r.resource(v.id))
	}
	at := r.manifestAt.AtOffset(app.Offset)
	if v.Type != chunk.String || v.String == "" {
		r.gap(at, fmt.Errorf("the network security config of %s, %s, is not among its resources: %w", r.app.Package, r.resource(v.id), ota.ErrMissing), fact.KindApps)
		return
	}
	n.Config = parse.Escape(v.String)
	r.spend(int64(len(v.String)))
	cfg := &config{r: r, seen: map[string]bool{}}
	if err := cfg.read(n.Config, v.id); err != nil {
		at := r.at.InMember(n.Config)
		if r.lone {
			at = fact.Location{Path: n.Config}
		}
		r.gap(at, fmt.Errorf("the network security config of %s: %w", r.app.Package, err), fact.KindApps)
	}
}

// A policy is a NetworkSecurityConfig.Builder: what it does not say, its parent
// does.
type policy struct {
	parent    *policy
	cleartext *bool
	anchors   bool // it has trust-anchors of its own
	user      bool // among them those of the user
	pins      *pins
	domains   []fact.Domain
}

type pins struct {
	n       int
	expires string
}

func (p *policy) permits() bool {
	for ; p != nil; p = p.parent {
		if p.cleartext != nil {
			return *p.cleartext
		}
	}
	return true // DEFAULT_CLEARTEXT_TRAFFIC_PERMITTED
}

func (p *policy) trustsUser() bool {
	for ; p != nil; p = p.parent {
		if p.anchors {
			return p.user
		}
	}
	return false
}

func (p *policy) pinned() *pins {
	for ; p != nil; p = p.parent {
		if p.pins != nil {
			return p.pins
		}
	}
	return nil
}

// A config is a network security config that is being read.
type config struct {
	r    *reader
	seen map[string]bool // domains
	all  []*policy       // of domains; a parent comes before its children
}

func wrong(e *axml.Element, msg string) error {
	return &parse.Error{Format: "network security config", Off: e.Offset, Msg: msg, Kind: parse.ErrFormat}
}

func (c *config) open(member string) (*axml.Element, error) {
	b, _, closer, err := c.r.member(member)
	if errors.Is(err, fs.ErrInvalid) {
		err = fs.ErrNotExist // no member can bear such a name
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	defer closer()
	f, err := axml.Open(b, c.r.f.Budget)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	for _, s := range f.Notes {
		c.r.note("%s: %s", member, raw(s))
	}
	if f.Root.Name != "network-security-config" {
		return nil, fmt.Errorf("%s: %w", member, wrong(f.Root, "the first element is "+f.Root.Name))
	}
	return f.Root, nil
}

// read is parseNetworkSecurityConfig.
func (c *config) read(member string, id uint32) error {
	root, err := c.open(member)
	if err != nil {
		return err
	}
	n := &c.r.app.Network
	platform := &policy{cleartext: new(n.Cleartext), anchors: true, user: n.UserCAs}
	base, debug, err := c.entries(root, true)
	if err != nil {
		return fmt.Errorf("%s: %w", member, err)
	}
	if c.r.app.Debuggable && debug == nil {
		if debug, err = c.debugFile(id); err != nil {
			return err
		}
	}
	if base != nil {
		base.parent = platform
	} else {
		base = platform
	}
	for _, p := range c.all {
		if p.parent == nil {
			p.parent = base
		}
	}
	// addDebugAnchorsIfNeeded: to those that have anchors of their own.
	for _, p := range append([]*policy{platform, base}, c.all...) {
		if debug != nil && debug.anchors && p.anchors {
			p.user = p.user || debug.user
		}
	}
	n.Cleartext, n.UserCAs = base.permits(), base.trustsUser()
	for _, p := range c.all {
		set := p.pinned()
		for _, d := range p.domains {
			d.Cleartext, d.UserCAs = p.permits(), p.trustsUser()
			if d.Pinned = set != nil && set.n > 0; d.Pinned && set.expires != "" {
				c.r.note("the pins of %s end on %s", d.Name, set.expires)
			}
			n.Domains = append(n.Domains, d)
		}
	}
	return nil
}

// entries reads the elements of the root. Those of debug-overrides count only
// where the app is debuggable.
func (c *config) entries(root *axml.Element, domains bool) (base, debug *policy, err error) {
	overrides := false
	for _, e := range root.Children {
		switch {
		case e.Name == "base-config" && domains:
			if base != nil {
				return nil, nil, wrong(e, "there is more than one base-config")
			}
			if base, err = c.entry(e, nil); err != nil {
				return nil, nil, err
			}
		case e.Name == "domain-config" && domains:
			// Base-config may follow: its policies get it as parent in the end.
			if _, err := c.entry(e, nil); err != nil {
				return nil, nil, err
			}
		case e.Name == "debug-overrides":
			if overrides {
				return nil, nil, wrong(e, "there is more than one debug-overrides")
			}
			overrides = true
			if !c.r.app.Debuggable {
				continue
			}
			if debug, err = c.entry(e, nil); err != nil {
				return nil, nil, err
			}
		}
	}
	return base, debug, nil
}

// debugFile reads the overrides that stand in a file of their own, which bears
// the config's name with _debug behind: parseDebugOverridesResource.
func (c *config) debugFile(id uint32) (*policy, error) {
	res, ok := c.r.table.Resource(id)
	if !ok {
		return nil, nil
	}
	debug, ok := c.r.table.Lookup(res.Package, "xml", res.Name+"_debug")
	if !ok {
		return nil, nil
	}
	got := c.r.resolve(debug)
	if got.value.Type != chunk.String || got.value.String == "" {
		return nil, nil
	}
	root, err := c.open(parse.Escape(got.value.String))
	if err != nil {
		return nil, err
	}
	_, over, err := c.entries(root, false)
	return over, err
}

// entry is parseConfigEntry: a base-config, domain-config or debug-overrides. The
// nesting is as deep as axml allows a file to be.
func (c *config) entry(e *axml.Element, parent *policy) (*policy, error) {
	c.r.spend(recordCost)
	if c.r.err != nil {
		return nil, c.r.err
	}
	p := &policy{parent: parent}
	domain := e.Name == "domain-config"
	if domain {
		c.all = append(c.all, p)
	}
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if a.Name == "cleartextTrafficPermitted" {
			// What is no integer counts as the default: getAttributeBooleanValue.
			yes, ok := a.Value.Bool()
			p.cleartext = new(yes || !ok)
		}
	}
	for _, in := range e.Children {
		if !domain && (in.Name == "domain" || in.Name == "pin-set" || in.Name == "domain-config") {
			return nil, wrong(in, in.Name+" stands in "+e.Name)
		}
		var err error
		switch in.Name {
		case "domain":
			err = c.domain(in, p)
		case "trust-anchors":
			if p.anchors {
				return nil, wrong(in, "there is more than one trust-anchors")
			}
			p.anchors = true
			p.user, err = c.anchors(in)
		case "pin-set":
			if p.pins != nil {
				return nil, wrong(in, "there is more than one pin-set")
			}
			p.pins, err = c.pinSet(in)
		case "domain-config":
			_, err = c.entry(in, p)
		}
		if err != nil {
			return nil, err
		}
	}
	if domain && len(p.domains) == 0 {
		return nil, wrong(e, "a domain-config has no domain")
	}
	return p, nil
}

// only is the text of an element that must hold nothing else.
func only(e *axml.Element) (string, bool) {
	if len(e.Children) > 0 || len(e.Text) != 1 {
		return "", false
	}
	return strings.TrimFunc(e.Text[0].String, func(c rune) bool { return c <= ' ' }), true // String.trim
}

func (c *config) domain(e *axml.Element, p *policy) error {
	name, ok := only(e)
	if !ok {
		return wrong(e, "a domain is no text")
	}
	name = strings.ToLower(name)
	if c.seen[name] {
		return wrong(e, "a domain is named twice")
	}
	c.seen[name] = true
	d := fact.Domain{Name: c.r.text(name)}
	if a := named(e, "", "includeSubdomains"); a != nil {
		d.Subdomains, _ = a.Value.Bool()
	}
	p.domains = append(p.domains, d)
	return nil
}

// anchors tells whether the user's certificates are among the trust anchors.
func (c *config) anchors(e *axml.Element) (user bool, err error) {
	for _, in := range e.Children {
		if in.Name != "certificates" {
			continue
		}
		a := named(in, "", "src")
		switch {
		case a == nil:
			return false, wrong(in, "certificates do not say where they are")
		case a.Value.IsReference(): // those of the app
		case a.Value.Text() == "user":
			user = true
		case a.Value.Text() != "system" && a.Value.Text() != "wfa":
			return false, wrong(in, "certificates are of an unknown kind")
		}
	}
	return user, nil
}

func (c *config) pinSet(e *axml.Element) (*pins, error) {
	set := &pins{}
	if a := named(e, "", "expiration"); a != nil {
		day, err := time.Parse("2006-1-2", a.Value.Text())
		if err != nil {
			return nil, wrong(e, "the day on which pins end is no day")
		}
		set.expires = day.Format(time.DateOnly)
	}
	for _, in := range e.Children {
		if in.Name != "pin" {
			continue
		}
		digest, ok := only(in)
		if a := named(in, "", "digest"); !ok || a == nil || a.Value.Text() != "SHA-256" {
			return nil, wrong(in, "a pin is no SHA-256 digest")
		}
		sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(digest), ""), "="))
		if err != nil || len(sum) != 32 {
			return nil, wrong(in, "a pin is no SHA-256 digest")
		}
		set.n++
	}
	return set, nil
}
