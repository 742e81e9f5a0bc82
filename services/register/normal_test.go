package register

import "testing"

func TestSpellingsOfOneWordCompareAlike(t *testing.T) {
	for _, tc := range []struct{ name, a, b string }{
		{"hamza seats of alif", "أنثى", "انثى"},
		{"madda and hamza below", "آإأٱ", "اااا"},
		{"alif maqsura and ya", "أنثى", "انثي"},
		{"Farsi ya of Kurdish layouts", "کوردی", "كوردي"},
		{"ta marbuta and ha", "ضحية", "ضحيه"},
		{"Sorani e and ha", "سووریە", "سووریه"},
		{"ha with a zero-width joiner, as older fonts wrote the Sorani e", "بە", "به\u200c"},
		{"vowel signs", "مُتَّهَم", "متهم"},
		{"tatweel", "مـتـهـم", "متهم"},
		{"dagger alif", "رحمٰن", "رحمن"},
		{"presentation forms", "ﻻ", "لا"},
		{"Latin case", "Yes", "YES"},
		{"full-width Latin", "ＮＡ", "na"},
		{"spaces and line breaks", "  Forced \n labour ", "forced labour"},
		{"no-break space", "forced\u00a0labour", "forced labour"},
		{"marks of direction", "\u200fمتهم\u200e", "متهم"},
		{"byte order mark", "\ufeffid", "id"},
		{"Arabic-Indic digits", "٢٠٢٥", "2025"},
		{"Persian digits", "۲۰۲۵", "2025"},
	} {
		if a, b := Normalise(tc.a), Normalise(tc.b); a != b {
			t.Errorf("%s: %q and %q compare as %q and %q", tc.name, tc.a, tc.b, a, b)
		}
	}
}

func TestDifferentWordsStayDifferent(t *testing.T) {
	for _, tc := range [][2]string{
		{"نعم", "لا"},
		{"مێ", "می"},   // Sorani ê is a letter of its own
		{"ڕۆژ", "روژ"}, // so are rolled r and o
		{"Yes", "Yes*"},
		{"2", "2+"},
		{"José", "Jose"},
	} {
		if Normalise(tc[0]) == Normalise(tc[1]) {
			t.Errorf("%q and %q compare alike", tc[0], tc[1])
		}
	}
}

func FuzzNormalisingTwiceChangesNothing(f *testing.F) {
	f.Add("أنثى ١٢ ＮＡ")
	f.Add("به\u200c کـوردی")
	f.Fuzz(func(t *testing.T, s string) {
		if once := Normalise(s); Normalise(once) != once {
			t.Errorf("%q: once %q, twice %q", s, once, Normalise(once))
		}
	})
}
