package fault

import (
	"regexp"
	"strings"
)

// said is what a reason says in one language.
type said struct{ message, action string }

var texts = map[Language]map[Reason]said{Arabic: arabic, Sorani: sorani, Badini: badini}

// DescribeIn returns message and action of a reason in a language.
func DescribeIn(r Reason, l Language) (message, action string) {
	if l == English {
		e := catalogue[r]
		return e.message, e.action
	}
	s := texts[l][r]
	return isolate(s.message), isolate(s.action)
}

// Isolates of the Unicode bidirectional algorithm (UAX 9): names of the contract
// read from left to right inside a sentence that does not, and their stops and
// slashes stay where they belong.
const (
	leftToRight = "\u2066"
	endIsolate  = "\u2069"
)

// technical finds names of the contract and other Latin in a sentence, without
// the stop behind them; words that belong together are one run, so that their
// order holds.
var technical = regexp.MustCompile(`[A-Za-z](?:[A-Za-z0-9_:/<>.*-]*[A-Za-z0-9_>-])?(?: (?:\.|[A-Za-z0-9_:/<>.*-]*[A-Za-z0-9_>-]))*`)

func isolate(s string) string {
	return technical.ReplaceAllString(s, leftToRight+"$0"+endIsolate)
}

// rule is one text of a violation in every language. {} stands for a number, a
// class or a pattern, the same in each.
type rule struct{ en, ar, ckb, kmr string }

func (r rule) in(l Language) string {
	return map[Language]string{English: r.en, Arabic: r.ar, Sorani: r.ckb, Badini: r.kmr}[l]
}

const hole = "{}"

type openRule struct {
	rule
	match *regexp.Regexp
}

// closedRules are the rules without a hole, by their English text; openRules the others.
var closedRules, openRules = func() (map[string]rule, []openRule) {
	closed := make(map[string]rule)
	var open []openRule
	for _, r := range rules {
		if !strings.Contains(r.en, hole) {
			closed[r.en] = r
			continue
		}
		open = append(open, openRule{r, regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(r.en), `\{\}`, "(.+)") + "$")})
	}
	return closed, open
}()

// ruleIn returns the rule of a violation in a language, or "" where it has no
// text in it: a rule that a library words anew is then told in English alone.
func ruleIn(text string, l Language) string {
	if r, ok := closedRules[text]; ok {
		return isolate(r.in(l))
	}
	for _, r := range openRules {
		fills := r.match.FindStringSubmatch(text)
		if fills == nil {
			continue
		}
		out := isolate(r.in(l))
		for _, fill := range fills[1:] {
			out = strings.Replace(out, hole, leftToRight+fill+endIsolate, 1)
		}
		return out
	}
	return ""
}
