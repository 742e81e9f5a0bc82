package main

import (
	"strings"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func newLog(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "log NAME",
		Short: "List who has seen and changed a record",
		Long: `Log lists the entries of the access log about a record, newest first: role,
purpose, classes and time always, the agency only where you may see what linked it.`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage("--limit must not be less than 0", "0 lists all entries")
			}
			conn, err := a.connect()
			if err != nil {
				return err
			}
			defer conn.Close()
			client, all := jisrv1.NewAuditServiceClient(conn), &jisrv1.ListLogEntriesResponse{}
			for token := ""; ; {
				page, err := client.ListLogEntries(cmd.Context(), jisrv1.ListLogEntriesRequest_builder{
					Record: args[0], PageSize: pageSize(limit - len(all.GetLogEntries())), PageToken: token,
				}.Build())
				if err != nil {
					return err
				}
				all.SetLogEntries(append(all.GetLogEntries(), page.GetLogEntries()...))
				token = page.GetNextPageToken()
				if token == "" || limit > 0 && len(all.GetLogEntries()) >= limit {
					all.SetNextPageToken(token)
					break
				}
			}
			if a.flags.json {
				return a.printJSON(all)
			}
			return a.printLog(all.GetLogEntries())
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many entries at the most; 0 for all")
	return cmd
}

// pageSize asks for what is still wanted, in pages of at most 100.
func pageSize(wanted int) int32 {
	if wanted <= 0 || wanted > 100 {
		return 100
	}
	return int32(wanted)
}

func (a *app) printLog(entries []*jisrv1.LogEntry) error {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		who := strings.TrimPrefix(e.GetAgency(), "agencies/")
		for _, part := range []string{e.GetSystem(), e.GetOfficer()} {
			if part != "" {
				who += "/" + part
			}
		}
		if who == "" {
			who = "(withheld)"
		}
		rows[i] = []string{stamp(e.GetCreateTime()), lower(e.GetKind()), lower(e.GetRole()), lower(e.GetPurpose()), who, e.GetRpc(), lowerAll(e.GetDataClasses(), " ")}
	}
	return a.table([]string{"TIME", "KIND", "ROLE", "PURPOSE", "AGENCY/SYSTEM/OFFICER", "CALL", "CLASSES"}, rows)
}
