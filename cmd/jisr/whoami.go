package main

import (
	"fmt"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func newWhoAmI(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Say who this certificate is to the exchange",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := a.connect()
			if err != nil {
				return err
			}
			defer conn.Close()
			me, err := jisrv1.NewAgreementServiceClient(conn).WhoAmI(cmd.Context(), &jisrv1.WhoAmIRequest{})
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.printJSON(me)
			}
			development := ""
			if me.GetDevelopment() {
				development = " (development: throw-away certificates and data)"
			}
			_, err = fmt.Fprintf(a.stdout, `agency:       %s
system:       %s
roles:        %s
this call:    %s
purposes:     %s
certificate:  until %s
agreement:    %s
exchange:     %s%s
`, visible(me.GetAgency()), visible(me.GetSystem()), lowerAll(me.GetRoles(), ", "), lower(me.GetRole()), lowerAll(me.GetPurposes(), ", "),
				stamp(me.GetCertificateExpireTime()), visible(me.GetAgreement()), visible(me.GetServerVersion()), development)
			return written(err)
		},
	}
}
