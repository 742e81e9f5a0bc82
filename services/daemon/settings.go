package daemon

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mistake is one thing that is wrong with a configuration file.
type mistake struct {
	path string
	line int // 0: the file as a whole
	text string
}

func (m mistake) String() string {
	if m.line == 0 {
		return m.path + ": " + m.text
	}
	return fmt.Sprintf("%s:%d: %s", m.path, m.line, m.text)
}

// mistakes is all that is wrong with it, in the order of the file.
type mistakes []mistake

func (m mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.String()
	}
	return "configuration:\n  " + strings.Join(lines, "\n  ")
}

// mistake places what is wrong with a setting; one that is missing, at the group
// it should stand in.
func (c *Config) mistake(key, text string) mistake {
	line := c.lines[key]
	if group, _, ok := strings.Cut(key, "."); ok && line == 0 {
		line = c.lines[group]
	}
	return mistake{c.path, line, key + ": " + text}
}

// syntax is how the library names the line of a text that is no YAML.
var syntax = regexp.MustCompile(`^yaml: line (\d+): `)

// read takes the settings from the text of a file. The decoder of the library
// stops at the first kind of mistake, so the tree is walked here. Of a text
// that is not settings at all nothing more can be said: readable is false.
func (c *Config) read(text []byte) (wrong mistakes, readable bool) {
	c.lines, c.unread = make(map[string]int), make(map[string]bool)
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		line := 0
		if at := syntax.FindStringSubmatch(err.Error()); at != nil {
			line, _ = strconv.Atoi(at[1]) // digits alone
		}
		return mistakes{{c.path, line, strings.TrimPrefix(syntax.ReplaceAllString(err.Error(), ""), "yaml: ")}}, false
	}
	if len(doc.Content) == 0 {
		return nil, true // an empty file: everything is missing
	}
	return c.readGroup("", doc.Content[0], reflect.ValueOf(c).Elem()), doc.Content[0].Kind == yaml.MappingNode
}

// readGroup takes the settings of one group into a struct.
func (c *Config) readGroup(under string, node *yaml.Node, into reflect.Value) (wrong mistakes) {
	if node.Kind != yaml.MappingNode {
		text := "must be settings, each with its name"
		if under != "" {
			text = strings.TrimSuffix(under, ".") + ": " + text
		}
		return mistakes{{c.path, node.Line, text}}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := under + name.Value
		field, ok := setting(into, name.Value)
		if !ok {
			wrong = append(wrong, mistake{c.path, name.Line, key + ": is not a setting"})
			continue
		}
		if first, twice := c.lines[key]; twice {
			wrong = append(wrong, mistake{c.path, name.Line, fmt.Sprintf("%s: stands in line %d already", key, first)})
			continue
		}
		c.lines[key] = name.Line
		if field.Kind() == reflect.Struct {
			wrong = append(wrong, c.readGroup(key+".", value, field)...)
			continue
		}
		if err := value.Decode(field.Addr().Interface()); err != nil {
			c.unread[key] = true
			wrong = append(wrong, mistake{c.path, value.Line, key + ": must be " + kinds[field.Kind()]})
		}
	}
	return wrong
}

// kinds says what a setting of a kind must be.
var kinds = map[reflect.Kind]string{reflect.String: "one text", reflect.Bool: "true or false"}

// setting returns the field of that name.
func setting(in reflect.Value, name string) (reflect.Value, bool) {
	for i := range in.NumField() {
		if tag := in.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == name {
			return in.Field(i), true
		}
	}
	return reflect.Value{}, false
}
