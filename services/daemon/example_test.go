package daemon_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/jisr-exchange/jisr/services/daemon"
)

const example = "../../docs/jisrd.example.yaml"

// placed puts the example where the files that it names are there.
func placed(t testing.TB, text []byte) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"agreement.txtpb", "tls/server.pem", "tls/server-key.pem", "tls/client-authorities.pem", "tls/revocation/list.pem"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"data", "keys"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "jisrd.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheExampleConfigurationIsSound(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	c, err := daemon.LoadConfig(placed(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if c.TrustDomain != "exchange.example" || c.Log != "json" || c.Development {
		t.Errorf("the example reads as %+v", c)
	}
	// The control: a key that nobody knows is refused.
	if _, err := daemon.LoadConfig(placed(t, append(text, "shelter: open\n"...))); err == nil || !strings.Contains(err.Error(), "shelter") {
		t.Errorf("an unknown key is not refused by name: %v", err)
	}
}

func TestTheExampleExplainsEverySetting(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var set map[string]any
	if err := yaml.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	checkSettings(t, "", reflect.TypeFor[daemon.Config](), set)
	// Each setting, or the one before it that it is explained with, has a comment above.
	uncommented := regexp.MustCompile(`(?m)^\s*[a-z_]+:.*\n\s*[a-z_]+:.*\n\s*[a-z_]+:`)
	if at := uncommented.FindString(string(text)); at != "" {
		t.Errorf("settings without a word about them:\n%s", at)
	}
}

func checkSettings(t *testing.T, under string, config reflect.Type, set map[string]any) {
	t.Helper()
	for i := range config.NumField() {
		key := config.Field(i).Tag.Get("yaml")
		value, ok := set[key]
		if !ok {
			t.Errorf("the example lacks %s%s", under, key)
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			checkSettings(t, under+key+".", config.Field(i).Type, inner)
		}
	}
}
