package fault

import (
	"strings"
	"testing"
)

func TestTheCallerIsAnsweredInTheLanguageItAsksFor(t *testing.T) {
	for wish, want := range map[string]Language{
		"ar": Arabic, "ar-IQ": Arabic, "AR_iq": Arabic, "ckb": Sorani, "ckb-IQ": Sorani, "ckb-Arab-IQ": Sorani,
		"kmr-Arab": Badini, "kmr-Arab-IQ": Badini, "kmr": Badini, "kmr-IQ": Badini, "ku-Arab": Badini,
		"fr, ckb;q=0.8, ar;q=0.5": Sorani, "ckb;q=0.1, ar;q=0.9": Arabic, "xx-not, *;q=0.1": English,
		// English first is a wish too, and the message is English already.
		"en, ar;q=0.5": English, "en-GB": English,
		// No text in the letters that are asked for.
		"kmr-Latn": English, "ku": English, "ar-Latn": English, "kmr-Latn, ar": Arabic,
		"": English, "*": English, "ar;q=0": English, "fa": English, "sdh": English,
		// Malformed: no error, and no language.
		"!!": English, "ar, !!": English, "ar;q=x": English, strings.Repeat("ar,", 100): English, "\x00": English,
	} {
		if got := LanguageOf([]string{wish}); got != want {
			t.Errorf("%q is answered in %s, want %s", wish, got, want)
		}
	}
	if got := LanguageOf([]string{"fr", "ar"}); got != Arabic {
		t.Errorf("a header sent twice is one list, got %s", got)
	}
	if got := LanguageOf(nil); got != English {
		t.Errorf("no header asks for nothing, got %s", got)
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("ar-IQ, ckb;q=0.8")
	f.Add("kmr-Arab;q=;;-,")
	f.Fuzz(func(t *testing.T, wish string) {
		if l := LanguageOf([]string{wish}); l != English && texts[l] == nil {
			t.Errorf("%q is answered in %q", wish, l)
		}
	})
}
