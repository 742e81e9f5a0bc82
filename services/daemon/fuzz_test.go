package daemon_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/daemon"
)

func FuzzAConfigurationIsSoundOrRefused(f *testing.F) {
	text, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(strings.Replace(string(text), "calls_per_second: 1000", "calls_per_second: 0", 1))
	f.Add(strings.Replace(string(text), "keyring: keys/keyring.db", "keyring: data/jisr.db", 1))
	f.Add("budgets: {call_time: -1s}\nlisten: x:1\n")
	f.Add("a: &a [*a]\n")
	f.Add("")
	path := placed(f, text)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := daemon.LoadConfig(path)
		if err != nil {
			if wrong := (daemon.Mistakes)(nil); !errors.As(err, &wrong) || len(wrong) == 0 {
				t.Fatalf("an error without mistakes: %T", err)
			}
			return
		}
		if budget.Limits(c.Budgets).Check() != nil || c.Listen == "" || c.TrustDomain == "" || c.Keyring == c.Database {
			t.Fatalf("taken as %+v", c)
		}
	})
}
