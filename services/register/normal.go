package register

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// alike are letters that clerks and keyboards interchange: the hamza seats of
// alif, the two yas and kafs of Arabic and Kurdish layouts, ta marbuta and the
// Sorani e, which older fonts wrote as ha. Read them as one when comparing.
var alike = map[rune]rune{
	'أ': 'ا', 'إ': 'ا', 'آ': 'ا', 'ٱ': 'ا',
	'ى': 'ي', 'ی': 'ي',
	'ة': 'ه', 'ە': 'ه', 'ھ': 'ه',
	'ک': 'ك',
}

// Normalise returns the form in which two cells are compared: NFKC, lower-case
// Latin, interchangeable Arabic letters made one, vowel signs, tatweel and
// invisible characters removed, digits of all three scripts as 0 to 9, and
// runs of space as one. It is for comparing only; what is sent keeps its script
// and spelling.
func Normalise(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKC.String(s) {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		r = letter(r)
		if r < 0 {
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	// What was removed may have kept two halves of a letter apart.
	return norm.NFC.String(b.String())
}

// letter returns the representative of a rune, or -1 where it carries nothing to compare.
func letter(r rune) rune {
	const tatweel = 'ـ'
	switch {
	case r == tatweel, unicode.Is(unicode.Cf, r):
		return -1
	case unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Inherited, r), unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Arabic, r):
		return -1
	}
	if d, ok := digit(r); ok {
		return d
	}
	if a, ok := alike[r]; ok {
		return a
	}
	return unicode.ToLower(r)
}

// digit returns the Latin digit of an Arabic-Indic or Persian one.
func digit(r rune) (rune, bool) {
	switch {
	case r >= '٠' && r <= '٩':
		return r - '٠' + '0', true
	case r >= '۰' && r <= '۹':
		return r - '۰' + '0', true
	}
	return 0, false
}

// latinDigits writes the digits of a date or number as 0 to 9 and leaves the rest alone.
func latinDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if d, ok := digit(r); ok {
			return d
		}
		return r
	}, s)
}
