package arsc

import (
	"encoding/binary"
	"strings"
)

// SetLocale sets language ("en", "fil") and region ("US", "419", or ""), packed
// as the format wants them. Codes of another length are cut or left out.
func (c *Config) SetLocale(language, region string) {
	c.Language, c.Region = pack(language, 'a'), pack(region, '0')
}

// Locale gives language and region; "" for any.
func (c *Config) Locale() (language, region string) {
	return unpack(c.Language, 'a'), unpack(c.Region, '0')
}

// pack: packLanguageOrRegion.
func pack(s string, base byte) (out [2]byte) {
	switch {
	case len(s) < 2:
	case len(s) == 2:
		out = [2]byte{s[0], s[1]}
	default:
		a, b, c := (s[0]-base)&0x7f, (s[1]-base)&0x7f, (s[2]-base)&0x7f
		out = [2]byte{0x80 | c<<2 | b>>3, b<<5 | a}
	}
	return out
}

// unpack: unpackLanguageOrRegion.
func unpack(p [2]byte, base byte) string {
	switch {
	case p[0]&0x80 != 0:
		return string([]byte{base + p[1]&0x1f, base + p[1]>>5 + p[0]&3<<3, base + p[0]>>2&0x1f})
	case p[0] != 0:
		return string(p[:])
	}
	return ""
}

func (c *Config) hasScript() bool { return c.Script[0] != 0 && !c.ScriptComputed }

// locale writes language and region as a qualifier: appendDirLocale.
func (c *Config) locale() string {
	language, region := c.Locale()
	if language == "" {
		return ""
	}
	if !c.hasScript() && c.Variant[0] == 0 && c.Numbering[0] == 0 {
		if region != "" {
			language += "-r" + region
		}
		return language
	}
	tag := "b+" + language
	if c.hasScript() {
		tag += "+" + string(c.Script[:])
	}
	if region != "" {
		tag += "+" + region
	}
	if c.Variant[0] != 0 {
		tag += "+" + upToZero(c.Variant[:])
	}
	if c.Numbering[0] != 0 {
		tag += "+u+nu+" + upToZero(c.Numbering[:])
	}
	return tag
}

func upToZero(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// scripts are the languages of which something other than Latin is the likely
// script, with the regions where it is another one. It is the part of CLDR's
// likelySubtags (in the platform: LocaleDataTables.cpp) for languages of two
// letters, and three-letter ones that Android ships translations for.
var scripts = []struct{ script, locales string }{
	{"Arab", "ar ckb fa ks ps sd ug ur az-IQ az-IR kk-AF kk-CN kk-IR kk-MN ky-CN pa-PK tg-PK tk-AF tk-IR uz-AF ku-IQ ku-IR ms-CC"},
	{"Armn", "hy"},
	{"Beng", "as bn"},
	{"Cans", "cr iu oj"},
	{"Cyrl", "ab av az-RU ba be bg ce cu cv kk kv ky mk mn os ro-NO ru sr tg tt uk ug-KZ ug-MN uz-CN"},
	{"Deva", "hi mr ne sa sd-IN bho brx doi kok mai"},
	{"Ethi", "am ti"},
	{"Geor", "ka"},
	{"Grek", "el"},
	{"Gujr", "gu"},
	{"Guru", "pa"},
	{"Hans", "zh"},
	{"Hant", "zh-AU zh-BN zh-GB zh-GF zh-HK zh-ID zh-MO zh-PA zh-PF zh-PH zh-SR zh-TH zh-TW zh-US zh-VN yue"},
	{"Hebr", "he iw yi ji"},
	{"Jpan", "ja"},
	{"Khmr", "km"},
	{"Knda", "kn"},
	{"Kore", "ko"},
	{"Laoo", "lo"},
	{"Latn", "sr-ME sr-RO sr-TR ky-TR ku-TR"},
	{"Mlym", "ml"},
	{"Mong", "mn-CN"},
	{"Mymr", "my"},
	{"Orya", "or"},
	{"Sinh", "si"},
	{"Taml", "ta"},
	{"Telu", "te"},
	{"Thaa", "dv"},
	{"~~~A", "en-XA"}, // what translators test with, as is the next: no other English or Arabic stands in for it
	{"~~~B", "ar-XB"},
	{"Thai", "th"},
	{"Tibt", "bo dz"},
}

// latin are the languages whose likely script is Latin.
const latin = " aa af ak an ay az bi bm br bs ca ch co cs cy da de ee en eo es et eu ff fi fj fo fr fy ga gd gl gn gv " +
	"ha ho hr ht hu hz ia id ie ig ik in io is it jv jw kg ki kj kl kr ku kw la lb lg li ln lt lu lv mg mh mi mo ms mt " +
	"na nb nd ng nl nn no nr nv ny oc om pl pt qu rm rn ro rw sc se sg sk sl sm sn so sq ss st su sv sw tk tl tn to " +
	"tr ts tw ty uz ve vi vo wa wo xh yo za zu ast ceb fil gsw haw hmn "

// likelyScript: localeDataComputeScript. It is zero where the script is not
// known; then regions must be equal for locales to match. The tables are smaller
// than the platform's: for a rare language with a region that is stricter.
func likelyScript(language, region [2]byte) (out [4]byte) {
	l, r := unpack(language, 'a'), unpack(region, '0')
	if l == "" {
		return out
	}
	for _, locale := range []string{l + "-" + r, l} {
		for _, s := range scripts {
			if strings.Contains(" "+s.locales+" ", " "+locale+" ") {
				copy(out[:], s.script)
				return out
			}
		}
	}
	if strings.Contains(latin, " "+l+" ") {
		copy(out[:], "Latn")
	}
	return out
}

// parents says from which locale others inherit that do not inherit from their
// language alone: CLDR's parentLocales, in LocaleDataTables.cpp. They change with
// releases: to Android 11, en-CA and en-PH came from en-001 too, and ar-AE did not from ar-015.
var parents = []struct{ script, language, parent, regions string }{
	{"Arab", "ar", "015", "AE DZ EH LY MA TN"},
	{"Hant", "zh", "HK", "MO"},
	{"~~~B", "ar", "015", "XB"},
	{"Latn", "en", "150", "AT BE CH DE DK FI NL SE SI"},
	{"Latn", "en", "001", "150 AG AI AU BB BM BS BW BZ CC CK CM CX CY DG DM ER FJ FK FM GB GD GG GH GI GM GY HK IE IL IM IN IO JE JM " +
		"KE KI KN KY LC LR LS MG MO MS MT MU MV MW MY NA NF NG NR NU NZ PG PK PN PW RW SB SC SD SG SH SL SS SX SZ TC TK TO TT TV TZ " +
		"UG VC VG VU WS ZA ZM ZW"},
	{"Latn", "es", "419", "AR BO BR BZ CL CO CR CU DO EC GT HN MX NI PA PE PR PY SV US UY VE"},
	{"Latn", "pt", "PT", "AO CH CV GQ GW LU MO MZ ST TL"},
}

// representative is the region that stands for a language and script: of two
// regions that are equally far from the request, it is the better.
const representative = " ar-EG bn-BD ca-ES cs-CZ da-DK de-DE el-GR en-US es-ES et-EE fa-IR fi-FI fil-PH fr-FR gl-ES gu-IN he-IL iw-IL hi-IN " +
	"hr-HR hu-HU hy-AM id-ID in-ID it-IT ja-JP kk-KZ ko-KR lt-LT lv-LV ml-IN mr-IN ms-MY nl-NL pa-IN pl-PL pt-BR ro-RO ru-RU " +
	"sk-SK sl-SI sq-AL sr-RS sv-SE sw-TZ ta-IN te-IN th-TH tl-PH tr-TR uk-UA ur-PK uz-UZ vi-VN zh-CN zu-ZA "

// ancestors are the regions that one inherits from, itself first and none last:
// findAncestors.
func ancestors(language string, script [4]byte, region string) []string {
	list := []string{region}
	for region != "" {
		region = parentRegion(language, script, region)
		list = append(list, region)
	}
	return list
}

func parentRegion(language string, script [4]byte, region string) string {
	for _, p := range parents {
		if p.language == language && p.script == string(script[:]) && strings.Contains(" "+p.regions+" ", " "+region+" ") {
			return p.parent
		}
	}
	return ""
}

// compareRegions: localeDataCompareRegions. It is above zero where the left
// region is the better for the request, below where the right is.
func compareRegions(left, right [2]byte, request *Config) int {
	if left == right {
		return 0
	}
	language, region := request.Locale()
	l, r := unpack(left, '0'), unpack(right, '0')
	// Where there is no Latin American Spanish, that of the US or Mexico stands
	// for it.
	if language == "es" {
		special := func(s string) bool { return s == "US" || s == "MX" }
		if special(l) && !special(r) && r != "419" {
			l = "419"
		} else if special(r) && !special(l) && l != "419" {
			r = "419"
		}
	}
	up := ancestors(language, request.Script, region)
	for _, a := range up {
		if a == l {
			return 1
		}
		if a == r {
			return -1
		}
	}
	if d := distance(language, request.Script, r, up) - distance(language, request.Script, l, up); d != 0 {
		return d
	}
	isRep := func(s string) bool { return strings.Contains(representative, " "+language+"-"+s+" ") }
	if a, b := isRep(l), isRep(r); a != b {
		if a {
			return 1
		}
		return -1
	}
	// The lower code is the better, for the sake of stability.
	pl, pr := pack(l, '0'), pack(r, '0')
	return int(binary.BigEndian.Uint16(pr[:])) - int(binary.BigEndian.Uint16(pl[:]))
}

// distance is how far a region is from the request, whose ancestors are given,
// over the nearest that they share: findDistance.
func distance(language string, script [4]byte, region string, up []string) int {
	for i, a := range ancestors(language, script, region) {
		for j, b := range up {
			if a == b {
				return i + j
			}
		}
	}
	return 0 // not reached: all end in no region
}

// closeToUSEnglish: localeDataIsCloseToUsEnglish. English of the region does not
// come from international English.
func closeToUSEnglish(region [2]byte) bool {
	for _, a := range ancestors("en", [4]byte{'L', 'a', 't', 'n'}, unpack(region, '0')) {
		if a == "001" {
			return false
		}
	}
	return true
}
