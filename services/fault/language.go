package fault

import (
	"strings"

	"golang.org/x/text/language"
)

// LanguageHeader is the metadata key by which a caller asks for a language (RFC 9110, section 12.5.4).
const LanguageHeader = "accept-language"

// Language is a language that the catalogue's texts are written in, as its BCP 47 tag.
type Language string

// The catalogue's languages. English is that of every message itself, so a
// caller that asks for it, or for none of these, gets nothing beside the message.
const (
	English Language = "en"
	Arabic  Language = "ar"
	Sorani  Language = "ckb"
	Badini  Language = "kmr-Arab"
)

// Languages returns those that texts are translated into.
func Languages() []Language { return []Language{Arabic, Sorani, Badini} }

// maxLanguageHeader bounds what is parsed for a caller who may be a stranger; a
// browser with every language of a family sends less than half of it.
const maxLanguageHeader = 256

// LanguageOf looks up the language that a caller asks for (RFC 4647, section
// 3.4): the first of its ranges that has texts. A header that cannot be read
// asks for nothing: a call does not fail by its wish for a language.
func LanguageOf(headers []string) Language {
	wish := strings.Join(headers, ",")
	if wish == "" || len(wish) > maxLanguageHeader {
		return English
	}
	ranges, _, err := language.ParseAcceptLanguage(wish)
	if err != nil {
		return English
	}
	for _, r := range ranges {
		if l, ok := lookUp(r); ok {
			return l
		}
	}
	return English
}

// lookUp shortens a range to its language, and to its script where it names one:
// the texts are in Arabic script, and who reads Kurmanji in Latin letters cannot
// read them. Without a script it is the one of this country.
func lookUp(r language.Tag) (Language, bool) {
	base, script, _ := r.Raw()
	arabic := script == language.Script{} || script.String() == "Arab"
	switch base.String() {
	case "en":
		return English, true
	case "ar":
		return Arabic, arabic
	case "ckb":
		return Sorani, arabic
	case "kmr":
		return Badini, arabic
	case "ku": // CLDR's name for Kurmanji; without a script phones here say it of Sorani too, so it is no wish that could be met
		return Badini, script.String() == "Arab"
	}
	return English, false
}
