package main

import (
	"strings"
	"testing"
)

func TestRefusalsArePrintedInTheLanguageOfTheSession(t *testing.T) {
	w := newWard(t)
	absent := "cases/" + strings.Repeat("a", 26)
	ask := func(name string) []string {
		args := w.flags()
		args[0] = "get"
		return append(args, name, "--officer", "ct-1", "--purpose", "investigation")
	}
	for name, tc := range map[string]struct {
		variable, value string
		args            []string
	}{
		"arabic":  {"LC_ALL", "ar_IQ.UTF-8", ask(absent)},
		"sorani":  {"LC_ALL", "ckb_IQ.UTF-8@x", ask(absent)},
		"badini":  {"LC_ALL", "C", append(ask(absent), "--language", "kmr-Arab")},
		"english": {"LC_ALL", "C", ask(absent)},
		"french":  {"LC_ALL", "fr_FR.UTF-8", ask(absent)},
		// A rule of the contract, with a pattern in the middle of a sentence that runs from right to left.
		"rule": {"JISR_LANGUAGE", "ar", append(ask(absent), "--officer", "no officer")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(tc.variable, tc.value)
			o := jisr(t, tc.args...)
			if o.code != exitRefused {
				t.Errorf("exit code %d", o.code)
			}
			golden(t, "language_"+name, o)
		})
	}
}

func TestTheFirstVariableThatIsSetSaysTheLanguage(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"LANG": "ar_IQ.UTF-8"}, "ar-IQ"},
		{map[string]string{"LANG": "ar_IQ.UTF-8", "LC_MESSAGES": "ckb_IQ"}, "ckb-IQ"},
		{map[string]string{"LANG": "ar_IQ.UTF-8", "LC_ALL": "C"}, ""},
		{map[string]string{"LANG": "C.UTF-8"}, ""},
		{map[string]string{"LANG": "عربي"}, ""},
		{map[string]string{"LANG": "ar\x1b[31m"}, ""},
		{nil, ""},
	} {
		a := &app{getenv: func(name string) string { return tc.env[name] }}
		if got := a.languageOf(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.env, got, tc.want)
		}
	}
}

func TestALanguageThatIsNoneIsAMistakeInTheCommandLine(t *testing.T) {
	s := newStand(t, nil)
	if o := jisr(t, s.flags("whoami", "--language", "عربي")...); o.code != exitUsage || !strings.Contains(o.stderr, "languages: en, ar, ckb, kmr-Arab") {
		t.Errorf("%+v", o)
	}
}

func TestATextOfTheExchangeCannotTurnTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"نص":                       "\u2067نص\u2069",
		"قل \u2066jisr-role\u2069": "\u2067قل \u2066jisr-role\u2069\u2069",
		// What is not closed, what opens another, and what ends ours.
		"\u2066open":               "\u2067\\u2066open\u2069",
		"end\u2069 more":           "\u2067end\\u2069 more\u2069",
		"\u202eturn \x1b[31m":      "\u2067\\u202eturn \\x1b[31m\u2069",
		"\u2066a\u2067b\u2069":     "\u2067\\u2066a\\u2067b\\u2069\u2069",
		"\u2066x\x1b[2J\u2069 end": "\u2067\u2066x\\x1b[2J\u2069 end\u2069",
	} {
		if got := localized(text); got != want {
			t.Errorf("%+q became %+q, want %+q", text, got, want)
		}
	}
}
