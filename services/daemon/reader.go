package daemon

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader takes the settings out of a file, remembers the line of each and
// collects what is wrong. Decoding by reflection would stop at the first
// mistake, and quote the value.
type reader struct {
	path  string
	lines map[string]int
	found []finding
}

type finding struct {
	line int
	text string
}

// mistake notes what is wrong with a setting, and what to do.
func (r *reader) mistake(key, format string, args ...any) {
	r.mistakeAt(r.lines[key], key, format, args...)
}

// missing notes a setting that is not there, at the group it should stand in.
func (r *reader) missing(s setting) {
	group, _, _ := strings.Cut(s.key, ".")
	r.mistakeAt(r.lines[group], s.key, "is missing: %s", s.about)
}

func (r *reader) mistakeAt(line int, key, format string, args ...any) {
	r.note(line, key+": "+fmt.Sprintf(format, args...))
}

// note notes what is wrong in a line; 0 is the file as a whole.
func (r *reader) note(line int, text string) {
	at := r.path
	if line > 0 {
		at = fmt.Sprintf("%s:%d", r.path, line)
	}
	r.found = append(r.found, finding{line, at + ": " + text})
}

// mistakes are what was found, as it stands in the file; what is missing comes last.
func (r *reader) mistakes() Mistakes {
	order := func(f finding) int {
		if f.line == 0 {
			return math.MaxInt
		}
		return f.line
	}
	slices.SortStableFunc(r.found, func(a, b finding) int { return cmp.Compare(order(a), order(b)) })
	var all Mistakes
	for _, f := range r.found {
		all = append(all, f.text)
	}
	return all
}

// most bounds what is counted: nobody means more, and some times it must not overflow.
const most = 1_000_000

// syntax is how the library names the line of a text that is no YAML.
var syntax = regexp.MustCompile(`^yaml: line (\d+): `)

// read takes the settings from a text. Of one that is not settings at all nothing
// more can be said: it is nil.
func (r *reader) read(text []byte) *Config {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		line := 0
		if at := syntax.FindStringSubmatch(err.Error()); at != nil {
			line, _ = strconv.Atoi(at[1]) // digits alone
		}
		r.note(line, "is not YAML: "+strings.TrimPrefix(syntax.ReplaceAllString(err.Error(), ""), "yaml: "))
		return nil
	}
	nodes := make(map[string]*yaml.Node)
	if len(document.Content) > 0 { // else everything is missing
		top := document.Content[0]
		if top.Kind != yaml.MappingNode {
			r.note(top.Line, "must be settings, each with its name")
			return nil
		}
		r.walk("", top, nodes)
	}
	c := &Config{}
	for _, s := range settings {
		node := nodes[s.key]
		switch {
		case node != nil:
			r.take(s, c, node.Value)
		case s.without != "":
			r.take(s, c, s.without)
		default:
			r.missing(s)
		}
	}
	return c
}

// walk collects the settings below a mapping.
func (r *reader) walk(under string, node *yaml.Node, nodes map[string]*yaml.Node) {
	if node.Kind != yaml.MappingNode {
		r.mistake(strings.TrimSuffix(under, "."), "must be settings, each with its name")
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := under+node.Content[i].Value, node.Content[i+1]
		if first, twice := r.lines[key]; twice {
			r.mistakeAt(node.Content[i].Line, key, "stands in line %d already: remove one of the two", first)
			continue
		}
		r.lines[key] = node.Content[i].Line
		switch {
		case isGroup(key):
			r.walk(key+".", value, nodes)
		case !isSetting(key):
			r.mistake(key, "is no setting: jisrd --help lists them")
		case value.Kind != yaml.ScalarNode:
			r.mistake(key, "must be one value")
		default:
			nodes[key] = value
		}
	}
}

// take puts a value where it belongs.
func (r *reader) take(s setting, c *Config, text string) {
	switch to := s.value(c).(type) {
	case *string:
		*to = text
		if text == "" {
			r.mistake(s.key, "is empty: %s", s.about)
		}
	case *bool:
		*to = text == "true"
		if text != "true" && text != "false" {
			r.mistake(s.key, "must be true or false")
		}
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			r.mistake(s.key, "must be a number from 1 to %d", most)
		}
		*to = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil || d < s.least {
			r.mistake(s.key, "must be a time such as 5s or 1m")
		}
		*to = d
	}
}

func isSetting(key string) bool {
	for _, s := range settings {
		if s.key == key {
			return true
		}
	}
	return false
}

func isGroup(key string) bool {
	for _, s := range settings {
		if strings.HasPrefix(s.key, key+".") {
			return true
		}
	}
	return false
}
