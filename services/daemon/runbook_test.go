package daemon_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/jisr-exchange/jisr/services/metrics"
)

type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

var (
	metric  = regexp.MustCompile(`\bjisr_[a-z_]+`)
	matcher = regexp.MustCompile(`\b(jisr_[a-z_]+)\{([^}]*)\}`)
	equals  = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
)

// amiss says what is wrong with an alarm: a metric or label that there is not, or
// no line in the runbook.
func amiss(a alert, runbook string) (wrong []string) {
	families, closed := metrics.Families(), metrics.Closed()
	base := func(name string) string {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if _, ok := families[name]; !ok {
				name = strings.TrimSuffix(name, suffix)
			}
		}
		return name
	}
	names := metric.FindAllString(a.Expr, -1)
	for _, name := range names {
		if _, ok := families[base(name)]; !ok {
			wrong = append(wrong, "there is no metric "+name)
		}
	}
	if len(names) == 0 && !strings.HasPrefix(a.Expr, "up{") {
		wrong = append(wrong, "no metric")
	}
	for _, m := range matcher.FindAllStringSubmatch(a.Expr, -1) {
		for _, l := range equals.FindAllStringSubmatch(m[2], -1) {
			if !contains(families[base(m[1])], l[1]) {
				wrong = append(wrong, m[1]+" has no label "+l[1])
			}
			for _, value := range strings.Split(l[3], "|") {
				if !contains(closed[l[1]], value) {
					wrong = append(wrong, l[1]+" is never "+value)
				}
			}
		}
	}
	if strings.Count(a.Expr, "(") != strings.Count(a.Expr, ")") {
		wrong = append(wrong, "a parenthesis is not closed")
	}
	if s := a.Labels["severity"]; s != "page" && s != "ticket" {
		wrong = append(wrong, "nobody is called")
	}
	if a.Annotations["summary"] == "" || a.Annotations["runbook"] != "docs/operations.md#"+strings.ToLower(a.Alert) {
		wrong = append(wrong, "its runbook is not named")
	}
	// A heading of its own, with what it means and what to do.
	if !regexp.MustCompile(`(?m)^### ` + a.Alert + `\n\n\S.{40,}`).MatchString(runbook) {
		wrong = append(wrong, "the runbook has no line for it")
	}
	return wrong
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

func TestEveryAlarmNamesAMetricThatIsThereAndALineOfTheRunbook(t *testing.T) {
	text, err := os.ReadFile("../../deploy/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	alarms := make(map[string]bool)
	for _, g := range rules.Groups {
		for _, a := range g.Rules {
			alarms[a.Alert] = true
			for _, w := range amiss(a, string(runbook)) {
				t.Errorf("%s: %s", a.Alert, w)
			}
		}
	}
	if len(alarms) < 20 {
		t.Errorf("only %d alarms", len(alarms))
	}
	// And the other way: the runbook has no line for an alarm that there is not.
	for _, m := range regexp.MustCompile(`(?m)^### (Jisr\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		if !alarms[m[1]] {
			t.Errorf("the runbook tells of an alarm %s that there is not", m[1])
		}
	}
	// Each metric that the text names is one that there is, or a role or database of PostgreSQL.
	roles, err := os.ReadFile("../../deploy/postgres/roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	inPostgres := metric.FindAllString(string(roles), -1)
	for _, name := range metric.FindAllString(string(runbook), -1) {
		if _, ok := metrics.Families()[name]; !ok && !slices.Contains(inPostgres, name) {
			t.Errorf("the runbook names the metric %s, which there is not", name)
		}
	}
}

func TestAnAlarmThatNamesWhatIsNotThereIsNoticed(t *testing.T) {
	good := alert{
		Alert: "JisrExample", Expr: `jisr_health{part="log"} == 0`, Labels: map[string]string{"severity": "page"},
		Annotations: map[string]string{"summary": "an example", "runbook": "docs/operations.md#jisrexample"},
	}
	const runbook = "### JisrExample\n\nMeans that this is an example. Do nothing about it, and go on reading.\n"
	if wrong := amiss(good, runbook); len(wrong) > 0 {
		t.Errorf("a good one: %v", wrong)
	}
	for expr, book := range map[string]string{
		`jisr_wealth == 0`:                  runbook,
		`jisr_health{whole="log"} == 0`:     runbook,
		`jisr_health{part="shelter"} == 0`:  runbook,
		`rate(jisr_incidents_total[5m] > 0`: runbook,
		`1 > 0`:                             runbook,
		good.Expr:                           "### JisrOther\n\n" + strings.Repeat("word ", 20),
	} {
		bad := good
		bad.Expr = expr
		if len(amiss(bad, book)) == 0 {
			t.Errorf("not noticed: %s", expr)
		}
	}
}
