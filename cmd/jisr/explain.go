package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

func newExplain(a *app) *cobra.Command {
	var agency, role, purpose string
	cmd := &cobra.Command{
		Use:   "explain NAME",
		Short: "Explain what would be seen of a record, class by class, without a value",
		Long: `Explain says for each class of a record whether it would be shown and could be
told, and why not. About another agency it answers the record's owner, its judge
and the monitor; to others such a record is not there.`,
		Example: `  jisr explain cases/mfzgk2lbnrsw45dfon2gk3tuem/victims/nb2hi4dthixs653xo4xgs4tbni
  jisr explain cases/mfzgk2lbnrsw45dfon2gk3tuem --for-agency mofa --for-role foreign_affairs --for-purpose consular`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := jisrv1.ExplainAccessRequest_builder{Name: args[0], Role: roleOf(role), Purpose: purposeOf(purpose)}.Build()
			switch {
			case role != "" && request.GetRole() == 0:
				return usage("there is no role "+quoted(role), "roles: "+strings.Join(roleNames(), ", "))
			case purpose != "" && request.GetPurpose() == 0:
				return usage("there is no purpose "+quoted(purpose), "purposes: "+strings.Join(purposeNames(), ", "))
			case agency != "":
				request.SetAgency("agencies/" + strings.TrimPrefix(agency, "agencies/"))
			}
			conn, err := a.connect()
			if err != nil {
				return err
			}
			defer conn.Close()
			reply, err := jisrv1.NewAgreementServiceClient(conn).ExplainAccess(cmd.Context(), request)
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.printJSON(reply)
			}
			return a.printExplanation(reply, lawOf(cmd.Context(), conn))
		},
	}
	cmd.Flags().StringVar(&agency, "for-agency", "", "the agency that would ask; else the caller")
	cmd.Flags().StringVar(&role, "for-role", "", "the role in which it would ask; else the caller's")
	cmd.Flags().StringVar(&purpose, "for-purpose", "", "the purpose for which it would ask; else the caller's")
	complete(cmd, "for-role", roleNames())
	complete(cmd, "for-purpose", purposeNames())
	return cmd
}

func (a *app) printExplanation(reply *jisrv1.ExplainAccessResponse, law *agreement.Law) error {
	shelf := "may know that this record exists"
	if !reply.GetOnShelf() {
		shelf = "may not know that this record exists; a call for it answers NOT_FOUND"
	}
	if _, err := fmt.Fprintf(a.stdout, "Under this agreement the agency %s.\n\n", shelf); err != nil {
		return written(err)
	}
	var rows [][]string
	var codes []int32
	for _, d := range reply.GetDecisions() {
		why, ask := "", ""
		if !d.GetReadable() {
			why = lower(d.GetReason())
			ask = strings.TrimPrefix(d.GetAskAgency(), "agencies/")
		}
		reasons := make([]string, len(d.GetReasons()))
		for i, code := range d.GetReasons() {
			reasons[i] = strconv.Itoa(int(code))
		}
		codes = append(codes, d.GetReasons()...)
		rows = append(rows, []string{
			agreement.ClassName(d.GetDataClass()), yesNo(d.GetReadable()), yesNo(d.GetWritable()), dash(why),
			dash(strings.Join(reasons, " ")), dash(strings.Join(d.GetFields(), " ")), dash(ask), arabicName(law, ask),
		})
	}
	// The Arabic name comes last, where a terminal's way with it moves nothing else.
	if err := a.table([]string{"CLASS", "SEES", "TELLS", "WITHHELD BECAUSE", "REASONS", "FIELDS", "ASK", ""}, rows); err != nil {
		return err
	}
	return a.printReasons(law, codes)
}

func arabicName(law *agreement.Law, slug string) string {
	if law == nil || slug == "" {
		return ""
	}
	agency, ok := law.Agency(slug)
	if !ok {
		return ""
	}
	return agency.DisplayNameAr
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
