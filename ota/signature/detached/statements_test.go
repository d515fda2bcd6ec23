package detached_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// A maker makes OpenPGP signatures with any subpackets, which neither gpg nor the library does.
type maker struct {
	t      testing.TB
	secret *rsa.PrivateKey
	body   []byte // of the key's packet
	id     []byte // the fingerprint
}

var made2020 = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func newMaker(t testing.TB) *maker {
	t.Helper()
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := packet.NewRSAPublicKey(made2020, &secret.PublicKey)
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return &maker{t, secret, b.Bytes()[3:], key.Fingerprint} // behind a header with a length of two bytes
}

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func pgpPacket(tag byte, body []byte) []byte {
	return slices.Concat([]byte{0xc0 | tag, 255}, be32(len(body)), body)
}

// sub is a subpacket; a critical one has the highest bit of its type.
func sub(kind byte, body ...byte) []byte {
	return slices.Concat([]byte{255}, be32(len(body)+1), []byte{kind}, body)
}

func notation(kind byte, name string) []byte {
	return sub(kind, slices.Concat([]byte{0x80, 0, 0, 0}, be16(len(name)), be16(1), []byte(name), []byte("x"))...)
}

// over is the key as signatures over it have it.
func (m *maker) over() []byte { return slices.Concat([]byte{0x99}, be16(len(m.body)), m.body) }

// sign makes a signature's body, of a kind, over what, at a time, with more subpackets.
func (m *maker) sign(kind byte, what []byte, when time.Time, hashed, unhashed []byte) []byte {
	m.t.Helper()
	hashed = slices.Concat(sub(2, be32(int(when.Unix()))...), sub(33, append([]byte{4}, m.id...)...), hashed)
	fields := slices.Concat([]byte{4, kind, 1, 8}, be16(len(hashed)), hashed)
	digest := sha256.Sum256(slices.Concat(what, fields, []byte{4, 255}, be32(len(fields))))
	value, err := m.secret.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		m.t.Fatal(err)
	}
	unhashed = append(sub(16, m.id[12:]...), unhashed...) // without which gpg 2.2 finds no key
	value = bytes.TrimLeft(value, "\x00")
	bits := 8 * len(value)
	for first := value[0]; first&0x80 == 0; first <<= 1 {
		bits--
	}
	return slices.Concat(fields, be16(len(unhashed)), unhashed, digest[:2], be16(bits), value)
}

const aUser = "me <me@example.org>"

// ring is the key, its user and the signatures over both.
func (m *maker) ring(certs ...[]byte) []byte {
	out := slices.Concat(pgpPacket(6, m.body), pgpPacket(13, []byte(aUser)))
	for _, c := range certs {
		out = append(out, pgpPacket(2, c)...)
	}
	return out
}

func (m *maker) certify(kind byte, when time.Time, hashed ...[]byte) []byte {
	m.t.Helper()
	what := slices.Concat(m.over(), []byte{0xb4}, be32(len(aUser)), []byte(aUser))
	return m.sign(kind, what, when, slices.Concat(hashed...), nil)
}

// binds makes a signature over a subkey, with the subkey's own in it where it has back.
func (m *maker) binds(kind byte, s *maker, when time.Time, back []byte, hashed ...[]byte) []byte {
	m.t.Helper()
	all := slices.Concat(hashed...)
	if back != nil {
		all = append(all, sub(32, back...)...)
	}
	return m.sign(kind, slices.Concat(m.over(), s.over()), when, all, nil)
}

// A keyCase is a signature and a key ring, and what gpg says of them at a time.
type keyCase struct {
	name      string
	ring, sig []byte
	now       time.Time
	want      string // summary behind openpgp
	gpg       string // status; "" none is asked
}

func judgeKeyCases(t *testing.T, cases []keyCase) {
	update := load(t, "update")
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			ks, err := detached.ParseKeys(tc.ring)
			if err != nil {
				t.Fatal(err)
			}
			r := verify(t, tc.sig, update, ks, detached.Options{Time: tc.now})
			if got := strings.TrimPrefix(summary(r), "openpgp "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if tc.gpg == "" {
				return
			}
			t.Run("gpg", func(t *testing.T) {
				path := write(t, t.TempDir(), "ring.pgp", tc.ring)
				var when []string
				if !tc.now.IsZero() {
					when = []string{"--faked-system-time", tc.now.Format("20060102T150405") + "!"}
				}
				if got := gnupg(t, path)(tc.sig, update, when...); got != tc.gpg {
					t.Errorf("gpg says %q, the table %q", got, tc.gpg)
				}
				if takes := r.Intact == signature.Yes && r.Accepts[0].Takes == signature.Yes; takes != (tc.gpg == "GOODSIG") {
					t.Errorf("%v, gpg: %s", summary(r), tc.gpg)
				}
			})
		})
	}
}

// What is marked critical and not known makes a signature bad to gpg: of a file, and of a key,
// which then says what its other signatures say.
func TestCritical(t *testing.T) {
	const crit = 0x80
	m, s := newMaker(t), newMaker(t)
	update := load(t, "update")
	cert := m.certify(0x13, made2020)
	ring := m.ring(cert)
	later := made2020.AddDate(0, 1, 0)
	file := func(hashed, unhashed []byte) []byte {
		return pgpPacket(2, m.sign(0, update, later, hashed, unhashed))
	}
	plain := file(nil, nil)
	const yes = "yes RSA-2048 SHA-256; gpg yes"
	no := func(what string) string {
		return "yes RSA-2048 SHA-256; gpg no: to gpg the signature is bad: what is marked critical in it gpg does not know: " + what
	}
	fromSub := pgpPacket(2, s.sign(0, update, later, nil, nil))
	back := s.sign(0x19, slices.Concat(m.over(), s.over()), made2020, nil, nil)
	badBack := s.sign(0x19, slices.Concat(m.over(), s.over()), made2020, notation(crit|20, "what@example.org"), nil)
	signs := sub(27, 2)
	withSub := func(bindings ...[]byte) []byte {
		out := append(bytes.Clone(ring), pgpPacket(14, s.body)...)
		for _, b := range bindings {
			out = append(out, pgpPacket(2, b)...)
		}
		return out
	}
	const unbound = "unknown: detached: not judged: the OpenPGP key is not bound to its primary key"
	cases := []keyCase{
		{"plain", ring, plain, time.Time{}, yes, "GOODSIG"},
		{"notation", ring, file(notation(20, "what@example.org"), nil), time.Time{}, yes, "GOODSIG"},
		{"critical notation", ring, file(notation(crit|20, "what@example.org"), nil), time.Time{}, no("the notation what@example.org"), "BADSIG"},
		{"critical notation that gpg knows", ring, file(notation(crit|20, "preferred-email-encoding@pgp.com"), nil), time.Time{}, yes, "GOODSIG"},
		{"critical notation, not hashed", ring, file(nil, notation(crit|20, "what@example.org")), time.Time{}, no("the notation what@example.org"), "BADSIG"},
		{"second of two", ring, file(slices.Concat(notation(20, "a@example.org"), notation(crit|20, "b@example.org")), nil), time.Time{}, no("the notation b@example.org"), "BADSIG"},
		{"critical signer", ring, file(sub(crit|28, 'm', 'e'), nil), time.Time{}, no("a subpacket of type 28"), "BADSIG"},
		{"critical, of no known kind, not hashed", ring, file(nil, sub(crit|101, 1)), time.Time{}, no("a subpacket of type 101"), "BADSIG"},
		{"critical, of no known kind", ring, file(sub(crit|101, 1), nil), time.Time{},
			"unknown: detached: not judged: OpenPGP: openpgp: unsupported feature: unknown critical signature subpacket type 101 at byte 0x0", "BADSIG"},
		{"critical certification", m.ring(m.certify(0x13, made2020, notation(crit|20, "what@example.org"))), plain, time.Time{},
			"unknown: detached: not judged: the OpenPGP key has no signature over itself that holds", "ERRSIG"},
		{"newer critical certification", m.ring(cert, m.certify(0x13, made2020.AddDate(0, 0, 1), sub(27, 1), notation(crit|20, "what@example.org"))), plain, time.Time{}, yes, "GOODSIG"},
		{"newer certification", m.ring(cert, m.certify(0x13, made2020.AddDate(0, 0, 1), sub(27, 1), notation(20, "what@example.org"))), plain, time.Time{},
			"yes RSA-2048 SHA-256; gpg no: the key is not one for signatures", ""},
		{"subkey", withSub(m.binds(0x18, s, made2020, back, signs)), fromSub, time.Time{}, yes, "GOODSIG"},
		{"critical binding", withSub(m.binds(0x18, s, made2020, back, signs, notation(crit|20, "what@example.org"))), fromSub, time.Time{}, unbound, "ERRSIG"},
		{"critical signature of the subkey", withSub(m.binds(0x18, s, made2020, badBack, signs)), fromSub, time.Time{},
			"unknown: detached: not judged: the OpenPGP subkey's signature over its primary key does not hold", "ERRSIG"},
		{"critical revocation", withSub(m.binds(0x18, s, made2020, back, signs), m.binds(0x28, s, made2020, nil, notation(crit|20, "what@example.org"))), fromSub, time.Time{}, yes, "GOODSIG"},
	}
	// What gpg knows of each other type. Where they are not hashed, the library reads none.
	for kind := byte(1); kind < 112; kind++ {
		switch kind {
		case 2, 3, 4, 9, 12, 16, 20, 32, 33:
			continue
		}
		body := []byte{0}
		if kind == 5 {
			body = []byte{0, 0}
		}
		want := no("a subpacket of type " + decimal(kind))
		status := "BADSIG"
		switch kind {
		case 5, 6, 7, 11, 21, 22, 24, 25, 26, 27, 29, 30, 38:
			want, status = yes, "GOODSIG"
		}
		cases = append(cases, keyCase{"type " + decimal(kind), ring, file(nil, sub(crit|kind, body...)), time.Time{}, want, status})
	}
	judgeKeyCases(t, cases)
}

// Signatures over a key that have expired are passed over: what the others say counts.
func TestExpiredStatements(t *testing.T) {
	m, s := newMaker(t), newMaker(t)
	update := load(t, "update")
	day := func(n int) time.Time { return made2020.AddDate(0, 0, n) }
	days := func(n int) []byte { return sub(3, be32(n*24*60*60)...) }
	signs, certifies := sub(27, 2), sub(27, 1)
	sig := pgpPacket(2, m.sign(0, update, day(5), nil, nil))
	fromSub := pgpPacket(2, s.sign(0, update, day(5), nil, nil))
	forever := m.certify(0x13, made2020)
	direct := func(when time.Time, hashed ...[]byte) []byte {
		return pgpPacket(2, m.sign(0x1f, m.over(), when, slices.Concat(hashed...), nil))
	}
	head := len(pgpPacket(6, m.body))
	withDirect := func(d []byte, certs ...[]byte) []byte { return slices.Insert(m.ring(certs...), head, d...) }
	back := s.sign(0x19, slices.Concat(m.over(), s.over()), made2020, nil, nil)
	withSub := func(cert []byte, bindings ...[]byte) []byte {
		out := append(m.ring(cert), pgpPacket(14, s.body)...)
		for _, b := range bindings {
			out = append(out, pgpPacket(2, b)...)
		}
		return out
	}
	bound, brief := m.binds(0x18, s, made2020, back, signs), m.binds(0x18, s, made2020, back, signs, days(10))
	const (
		yes     = "yes RSA-2048 SHA-256; gpg yes"
		ends    = "yes RSA-2048 SHA-256; gpg unknown: what binds the key expires on 2020-01-11 00:00:00 UTC"
		noSign  = "yes RSA-2048 SHA-256; gpg no: the key is not one for signatures"
		noSelf  = "unknown: detached: not judged: the OpenPGP key has no signature over itself that holds, or no longer"
		unbound = "unknown: detached: not judged: the OpenPGP key is not bound to its primary key, or no longer"
	)
	newer := m.binds(0x18, s, day(1), back, signs, days(9))
	briefBack := s.sign(0x19, slices.Concat(m.over(), s.over()), made2020, days(10), nil)
	limited := m.certify(0x13, made2020, days(10))
	// A newer one for a while, by which the key does not sign.
	pause := m.certify(0x13, day(1), certifies, days(9))
	revoked := m.certify(0x30, day(1), days(9))
	lost := m.binds(0x28, s, day(1), nil, days(9))
	var none time.Time
	judgeKeyCases(t, []keyCase{
		{"certification, before", m.ring(limited), sig, day(9), yes, "GOODSIG"},
		{"certification, when it ends", m.ring(limited), sig, day(10), noSelf, ""}, // gpg then takes it: the key has no rules any more
		{"certification, at no time", m.ring(limited), sig, none, ends, ""},
		{"pause, before", m.ring(forever, pause), sig, day(9), noSign, "ERRSIG"},
		{"pause, after", m.ring(forever, pause), sig, day(11), yes, "GOODSIG"},
		{"pause, at no time", m.ring(forever, pause), sig, none, ends, ""},
		{"direct, before", withDirect(direct(day(1), certifies, days(9)), forever), sig, day(9), noSign, "ERRSIG"},
		{"direct, after", withDirect(direct(day(1), certifies, days(9)), forever), sig, day(11), yes, "GOODSIG"},
		{"user revoked, before", m.ring(forever, revoked), sig, day(9), noSelf[:len(noSelf)-len(", or no longer")], ""},
		{"user revoked, after", m.ring(forever, revoked), sig, day(11), yes, "GOODSIG"},
		{"older and limited", m.ring(limited, m.certify(0x13, day(1))), sig, none, yes, "GOODSIG"},
		{"binding, before", withSub(forever, brief), fromSub, day(9), yes, "GOODSIG"},
		{"binding, after", withSub(forever, brief), fromSub, day(11), unbound, "ERRSIG"},
		{"binding, at no time", withSub(forever, brief), fromSub, none, ends, ""},
		{"binding, when it ends", withSub(forever, brief), fromSub, day(10), unbound, "ERRSIG"},
		{"newer binding, before", withSub(forever, bound, newer), fromSub, day(9), yes, "GOODSIG"},
		{"newer binding, after", withSub(forever, bound, newer), fromSub, day(11), unbound, "ERRSIG"},
		{"newer binding, at no time", withSub(forever, bound, newer), fromSub, none, ends, ""},
		{"binding for good after one for a while", withSub(forever, brief, m.binds(0x18, s, day(1), back, signs)), fromSub, day(11), yes, "GOODSIG"},
		{"signature of the subkey", withSub(forever, m.binds(0x18, s, made2020, briefBack, signs)), fromSub, day(11), yes, "GOODSIG"},
		{"binding of a key whose certification ends", withSub(limited, bound), fromSub, none, ends, ""},
		{"binding of a key whose certification has ended", withSub(limited, bound), fromSub, day(11), noSelf, ""},
		// A revocation stays.
		{"revocation", withSub(forever, bound, lost), fromSub, day(11),
			"yes RSA-2048 SHA-256; gpg no: the subkey was revoked on 2020-01-02 00:00:00 UTC", "REVKEYSIG"},
		{"revocation of the key", withDirect(pgpPacket(2, m.sign(0x20, m.over(), day(1), days(9), nil)), forever), sig, day(11),
			"yes RSA-2048 SHA-256; gpg no: the key was revoked on 2020-01-02 00:00:00 UTC", "REVKEYSIG"},
	})
}

func decimal(n byte) string {
	return strings.TrimLeft(string([]byte{'0' + n/100, '0' + n/10%10, '0' + n%10}), "0")
}
