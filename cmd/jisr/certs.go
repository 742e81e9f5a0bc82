package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jisr-exchange/jisr/services/certs"
)

func newCerts(a *app) *cobra.Command {
	var file string
	var systems, hosts []string
	var validity time.Duration
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make throw-away certificates for development: an authority, a server, every agency",
		Long: `Certs makes a directory (--dir) with an authority, a server certificate, an empty
revocation list, and a client certificate for each agency of an agreement and
each of --systems. The authority's key lies beside them: never use it for an
exchange in service.`,
		Example: `  jisr certs --dir certs --agreement agreement.txtpb
  jisr whoami --dir certs --agency moi-ct --server localhost:7443`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{withoutContext: "yes"},
		RunE: func(_ *cobra.Command, _ []string) error {
			dir := a.flags.dir
			switch {
			case dir == "":
				return usage("no directory is named", "say with --dir where the certificates go")
			case validity <= 0:
				return usage("--validity must be more than nothing", "give it as 720h")
			}
			_, err := os.Stat(filepath.Join(dir, certs.CAFile))
			if !errors.Is(err, fs.ErrNotExist) {
				return usage(dir+" holds an authority already", "name another directory, or remove it: certificates in use would stop being trusted")
			}
			law, err := readLaw(file)
			if err != nil {
				return err
			}
			var clients []certs.Client
			for _, agency := range law.Agencies() {
				for _, system := range systems {
					clients = append(clients, certs.Client{Agency: agency.Slug, System: system})
				}
			}
			if _, err := certs.Create(dir, certs.Options{Hosts: hosts, Clients: clients, Validity: validity}); err != nil {
				return usage(strings.TrimPrefix(err.Error(), "certs: "), "check --dir, and the names under --systems")
			}
			return a.printCerts(dir, clients, validity)
		},
	}
	cmd.Flags().StringVar(&file, "agreement", agreementFile, "the agreement that names the agencies")
	cmd.Flags().StringSliceVar(&systems, "systems", []string{"main"}, "the systems of every agency")
	cmd.Flags().StringSliceVar(&hosts, "hosts", nil, "names and addresses of the server (default localhost, 127.0.0.1, ::1)")
	cmd.Flags().DurationVar(&validity, "validity", certs.DefaultValidity, "how long they are valid")
	return cmd
}

// madeCerts is what certs made, for --json.
type madeCerts struct {
	Dir        string       `json:"dir"`
	CA         string       `json:"ca"`
	Server     string       `json:"server"`
	Revocation string       `json:"revocation_list"`
	Clients    []madeClient `json:"clients"`
}

type madeClient struct {
	Agency      string `json:"agency"`
	System      string `json:"system"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

func (a *app) printCerts(dir string, clients []certs.Client, validity time.Duration) error {
	made := madeCerts{Dir: dir, CA: certs.CAFile, Server: certs.ServerFile, Revocation: certs.ListFile, Clients: []madeClient{}}
	var rows [][]string
	for _, c := range clients {
		cert, key := certs.ClientFiles("", c.Agency, c.System)
		made.Clients = append(made.Clients, madeClient{c.Agency, c.System, cert, key})
		rows = append(rows, []string{c.Agency, c.System, cert})
	}
	if a.flags.json {
		return a.printValue(made)
	}
	if _, err := fmt.Fprintf(a.stdout, "In %s, valid for %s: an authority (%s), a server (%s), a revocation list (%s), and\n\n",
		dir, days(validity), certs.CAFile, certs.ServerFile, certs.ListFile); err != nil {
		return written(err)
	}
	return a.table([]string{"AGENCY", "SYSTEM", "CERTIFICATE"}, rows)
}

// days writes how long certificates last, in days where they last any.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.String()
	}
	return count(int(d.Hours()/24), "day")
}
