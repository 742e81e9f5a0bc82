package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// contexts are the named sets of flags in the file of contexts:
//
//	current: erbil
//	contexts:
//	  erbil:
//	    server: exchange.example:7443
//	    certificate: erbil.pem
type contexts struct {
	path    string
	current string
	named   map[string]map[string]string // flag values by context and flag
}

// contextKeys are the keys of a context, each with the flag that it stands in for.
var contextKeys = map[string]string{
	"server": "server", "ca": "ca", "certificate": "cert", "key": "key", "dir": "dir", "agency": "agency", "system": "system",
	"officer": "officer", "purpose": "purpose", "role": "role", "language": "language",
}

// certificateFlags name the certificate together: one of them from the command
// line or a variable leaves the context's aside, or two certificates would mix.
var certificateFlags = []string{"dir", "ca", "cert", "key"}

// contextsPath is where the file lies (XDG Base Directory Specification).
func (a *app) contextsPath() (string, error) {
	if home := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "jisr", "config.yaml"), nil
	}
	home := a.getenv("HOME")
	if home == "" {
		return "", errors.New("neither XDG_CONFIG_HOME nor HOME is set")
	}
	return filepath.Join(home, ".config", "jisr", "config.yaml"), nil
}

// contextValues returns the flags that the chosen context gives: the one that is
// named, else the file's current one, else none.
func (a *app) contextValues(name string) (map[string]string, error) {
	path, err := a.contextsPath()
	if err != nil {
		if name == "" {
			return nil, nil
		}
		return nil, usage("there is no place for contexts: "+err.Error(), "set XDG_CONFIG_HOME")
	}
	text, err := readContexts(path)
	var untrusted *usageError
	switch {
	case errors.As(err, &untrusted):
		return nil, err
	case errors.Is(err, fs.ErrNotExist) && name == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("there is no context "+quoted(name)+", for there is no file "+path, "write it; jisr help contexts shows how")
	case err != nil:
		return nil, usage("the file "+path+" cannot be read", "check its owner and mode")
	}
	file, err := parseContexts(path, text)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = file.current
	}
	if name == "" {
		return nil, nil
	}
	values, ok := file.named[name]
	if !ok {
		return nil, usage("there is no context "+quoted(name)+" in "+path, "contexts: "+strings.Join(sortedKeys(file.named), ", "))
	}
	a.context = fmt.Sprintf("context %s of %s", name, path)
	return values, nil
}

// readContexts reads the file if nobody but this user, or root, can have written it:
// whoever says which exchange is called, and whose authority vouches for it, is shown
// what is sent there. (As OpenSSH asks of its own configuration.)
func readContexts(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat() // of what is read, whatever takes its place meanwhile
	if err != nil {
		return nil, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.New("the system does not tell whose file it is")
	}
	if err := trusted(path, info.Mode().Perm(), int(owner.Uid), os.Geteuid()); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// trusted says why a file of contexts is not to be believed, or nothing.
func trusted(path string, mode fs.FileMode, owner, user int) error {
	switch {
	case owner != 0 && owner != user:
		return usage("the file of contexts "+path+" is another user's, who could have jisr call another exchange", "look at what stands in it, and make it your own: chown, or write it anew")
	case mode&0o022 != 0:
		return usage(fmt.Sprintf("the file of contexts %s may be written by others than its owner (mode %04o), who could have jisr call another exchange", path, mode),
			"look at what stands in it, then chmod 600 "+path)
	}
	return nil
}

// contextNames are the contexts that the shells can offer.
func (a *app) contextNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	path, err := a.contextsPath()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	text, err := readContexts(path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	file, err := parseContexts(path, text)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return sortedKeys(file.named), cobra.ShellCompDirectiveNoFileComp
}

// agencyNames are the agencies whose certificates lie in --dir.
func (a *app) agencyNames(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	dir := a.flags.dir
	if dir == "" {
		dir = a.getenv("JISR_DIR")
	}
	end := "-" + a.flags.system + "-key.pem"
	files, err := filepath.Glob(filepath.Join(dir, "*"+end))
	if dir != "" && err == nil {
		for _, file := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(file), end))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// parseContexts reads the file and names every mistake by its line.
func parseContexts(path string, text []byte) (*contexts, error) {
	c := &contexts{path: path, named: make(map[string]map[string]string)}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, usage(path+": "+strings.TrimPrefix(err.Error(), "yaml: "), "jisr help contexts shows the form")
	}
	var wrong []string
	mistake := func(n *yaml.Node, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s:%d: %s", path, n.Line, fmt.Sprintf(format, args...)))
	}
	if len(root.Content) > 0 {
		each(root.Content[0], mistake, func(key, value *yaml.Node) {
			switch key.Value {
			case "current":
				c.current = value.Value
			case "contexts":
				each(value, mistake, func(name, entries *yaml.Node) { c.named[name.Value] = c.entry(entries, mistake) })
			default:
				mistake(key, "there is no key %s; keys: contexts, current", quoted(key.Value))
			}
		})
	}
	if len(wrong) > 0 {
		return nil, usage("the file of contexts has "+count(len(wrong), "mistake")+":\n"+indent(strings.Join(wrong, "\n")), "jisr help contexts shows the form")
	}
	return c, nil
}

// entry reads one context. Paths are relative to the file they stand in.
func (c *contexts) entry(n *yaml.Node, mistake func(*yaml.Node, string, ...any)) map[string]string {
	values := make(map[string]string)
	each(n, mistake, func(key, value *yaml.Node) {
		flag, known := contextKeys[key.Value]
		switch {
		case !known:
			mistake(key, "there is no key %s; keys: %s", quoted(key.Value), strings.Join(sortedKeys(contextKeys), ", "))
			return
		case value.Kind != yaml.ScalarNode || value.Value == "":
			mistake(value, "%s must be one text", key.Value)
			return
		case flag == "purpose" && purposeOf(value.Value) == 0:
			mistake(value, "there is no purpose %s; purposes: %s", quoted(value.Value), strings.Join(purposeNames(), ", "))
		case flag == "role" && roleOf(value.Value) == 0:
			mistake(value, "there is no role %s; roles: %s", quoted(value.Value), strings.Join(roleNames(), ", "))
		}
		text := value.Value
		if slices.Contains(certificateFlags, flag) && !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(c.path), text)
		}
		values[flag] = text
	})
	return values
}

// each calls visit for every key of a mapping, once.
func each(n *yaml.Node, mistake func(*yaml.Node, string, ...any), visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		mistake(n, "keys with values are wanted here")
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			mistake(key, "%s stands here twice", quoted(key.Value))
			continue
		}
		seen[key.Value] = true
		visit(key, n.Content[i+1])
	}
}
