package fault

import (
	"strings"
	"testing"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
)

// alphabets are the letters in which each language is written. Sorani and Badini
// share most; Arabic's kaf and yeh are other characters than theirs, look the
// same in most fonts, and are found by no search once they have slipped in.
var alphabets = map[Language]string{
	Arabic: "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهويى" + "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652",
	Sorani: "ئابپتجچحخدرڕزژسشعغفڤقکگلڵمنهەوۆیێ",
	Badini: "ئابپتجچحخدرڕزژسشعغفڤقکگلمنهەوۆیێ",
}

// stray returns the first character of a text that its language does not have.
func stray(l Language, text string) (rune, bool) {
	for _, r := range technical.ReplaceAllString(text, "") {
		if !strings.ContainsRune(alphabets[l]+" ،؛:.()*-{}", r) && (r < '0' || r > '9') {
			return r, true
		}
	}
	return 0, false
}

// pair is a text in English and in another language.
type pair struct {
	what, en, text string
}

func everyText(l Language) []pair {
	var all []pair
	for _, r := range Reasons() {
		e, s := catalogue[r], texts[l][r]
		all = append(all, pair{string(r), e.message, s.message}, pair{string(r) + ", action", e.action, s.action})
	}
	for _, r := range rules {
		all = append(all, pair{r.en, r.en, r.in(l)})
	}
	return all
}

func TestEveryErrorSaysWhatHappenedAndWhatToDoInEveryLanguage(t *testing.T) {
	for _, r := range Reasons() {
		for _, l := range append(Languages(), English) {
			if message, action := DescribeIn(r, l); message == "" || action == "" {
				t.Errorf("%s in %s: %q, %q", r, l, message, action)
			}
		}
		if code, _, _ := Describe(r); code == codes.OK || code == codes.Unknown {
			t.Errorf("%s has the code %v", r, code)
		}
	}
	for l, of := range texts {
		for r := range of {
			if _, ok := catalogue[r]; !ok {
				t.Errorf("%s has a text for %s, which is no reason", l, r)
			}
		}
	}
}

func TestTextsAreWrittenInTheLettersOfTheirLanguage(t *testing.T) {
	for _, l := range Languages() {
		for _, p := range everyText(l) {
			if r, found := stray(l, p.text); found {
				t.Errorf("%s in %s holds %+q", p.what, l, r)
			}
			if strings.TrimSpace(p.text) != p.text || strings.Contains(p.text, "  ") || strings.HasSuffix(p.text, ".") {
				t.Errorf("%s in %s has white space or a stop too many", p.what, l)
			}
			for _, name := range strings.Fields(strings.Join(technical.FindAllString(p.text, -1), " ")) {
				if !strings.Contains(p.en, name) {
					t.Errorf("%s in %s names %s, and the English does not", p.what, l, name)
				}
			}
			if strings.Count(p.text, hole) != strings.Count(p.en, hole) {
				t.Errorf("%s in %s has other holes than the English", p.what, l)
			}
		}
	}
}

func TestALetterOfAnotherLanguageIsNoticed(t *testing.T) {
	for text, l := range map[string]Language{
		"كەس": Sorani, "تۆمارێكي": Badini, "هەڵوەشاندن": Badini, "سجلی": Arabic, "کتاب": Arabic, "ز\u200fمن": Arabic, "سجل\u202e": Arabic, "запис": Sorani,
	} {
		if _, found := stray(l, text); !found {
			t.Errorf("%+q passed for %s", text, l)
		}
	}
}

func TestNamesOfTheContractAreIsolatedAndNothingElseTurnsTheText(t *testing.T) {
	for _, l := range Languages() {
		for _, r := range Reasons() {
			message, action := DescribeIn(r, l)
			isolated(t, message)
			isolated(t, action)
		}
		for _, r := range rules {
			isolated(t, ruleIn(strings.ReplaceAll(r.en, hole, "7"), l))
		}
	}
}

// isolated fails the test where Latin stands outside of an isolate, an isolate is not closed, or anything else steers.
func isolated(t *testing.T, text string) {
	t.Helper()
	depth := 0
	for _, r := range text {
		switch {
		case string(r) == leftToRight:
			depth++
		case string(r) == endIsolate:
			depth--
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			t.Errorf("%+q holds %+q", text, r)
		case unicode.Is(unicode.Latin, r) && depth != 1:
			t.Errorf("%+q has Latin outside of an isolate", text)
		}
		if depth < 0 || depth > 1 {
			t.Fatalf("%+q has an isolate within another, or ends one twice", text)
		}
	}
	if depth != 0 {
		t.Errorf("%+q has an isolate that is not closed", text)
	}
}

func TestEveryErrorCarriesItsReasonAndEachDetailOnce(t *testing.T) {
	for _, r := range append(Reasons(), "NO_SUCH_REASON") {
		for _, l := range append(Languages(), English) {
			st := New(r).Violating(Violation{Field: "b", Rule: "must lie in the future"}, Violation{Field: "a", Rule: "no rule of ours"}).RetryAfter(1).With("fact", "x").StatusIn(l)
			seen := make(map[string]int)
			for _, d := range st.Proto().GetDetails() {
				seen[d.GetTypeUrl()]++
			}
			for kind, n := range seen {
				if n != 1 {
					t.Errorf("%s in %s: %s stands there %d times", r, l, kind, n)
				}
			}
			info, localized := (*errdetails.ErrorInfo)(nil), (*errdetails.LocalizedMessage)(nil)
			for _, d := range st.Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					info = d
				case *errdetails.LocalizedMessage:
					localized = d
				case *errdetails.BadRequest:
					first, second := d.GetFieldViolations()[0], d.GetFieldViolations()[1]
					if first.GetLocalizedMessage() != nil {
						t.Errorf("%s: a rule without a text in %s got one", r, l)
					}
					if (second.GetLocalizedMessage().GetLocale() == string(l)) == (l == English) {
						t.Errorf("%s: the rule is not told in %s", r, l)
					}
				}
			}
			if info == nil || info.GetDomain() != Domain || info.GetReason() == "" || info.GetMetadata()["action"] == "" {
				t.Errorf("%s: %v", r, info)
			}
			if (localized == nil) != (l == English) || localized.GetLocale() != "" && localized.GetLocale() != string(l) {
				t.Errorf("%s in %s: %v", r, l, localized)
			}
		}
	}
}

func TestAFaultWithoutAReasonIsNoSuccess(t *testing.T) {
	for _, f := range []*Fault{{}, New(""), New("NO_SUCH_REASON")} {
		if st := f.GRPCStatus(); st.Code() != codes.Internal || f.Reason() != Internal {
			t.Errorf("%q is answered %v", f.reason, st)
		}
	}
}
