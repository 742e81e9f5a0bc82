package register

import (
	"strings"

	"golang.org/x/text/language"
)

// codeLists are the lists of codes that a rule can read by name.
var codeLists = map[string]func(string) (string, bool){"country": country, "language": isoLanguage}

// country reads an ISO 3166-1 code of two or three letters as the three that
// the contract asks for. UK, which is reserved and much written, is GBR, and
// Kosovo is XKX, the code in use where ISO has none.
func country(word string) (string, bool) {
	if n := len(word); n < 2 || n > 3 || !letters(word) {
		return "", false
	}
	if word == "xkx" {
		word = "xk"
	}
	region, err := language.ParseRegion(word)
	if err != nil {
		return "", false
	}
	if region.ISO3() == noCountry {
		region = region.Canonicalize()
	}
	if region.String() == "XK" {
		return "XKX", true
	}
	return region.ISO3(), region.IsCountry() && region.ISO3() != noCountry
}

// noCountry is what the tables say of a region that has no code of three letters.
const noCountry = "ZZZ"

// isoLanguage reads an ISO 639 code as the shortest one of the language. The
// codes for no language, several or an unknown one are no statement about what
// somebody speaks.
func isoLanguage(word string) (string, bool) {
	if n := len(word); n < 2 || n > 3 || !letters(word) {
		return "", false
	}
	base, err := language.ParseBase(word)
	if err != nil {
		return "", false
	}
	switch code := base.String(); code {
	case "und", "mul", "mis", "zxx":
		return "", false
	default:
		return code, true
	}
}

// letters reports whether a normalised word is Latin letters alone.
func letters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}
