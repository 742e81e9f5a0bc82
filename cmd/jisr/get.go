package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// kinds of names, each with the rpc that reads it. The names are checked here
// so that a misspelt one costs no call and no entry in the log.
var readers = []struct {
	name *regexp.Regexp
	form string
	read func(context.Context, *grpc.ClientConn, string) (proto.Message, error)
}{
	{named("agencies/" + slug), "agencies/{agency}", getAgency},
	{named("cases/" + id), "cases/{case}", getCase},
	{named("cases/" + id + "/victims/" + id), "cases/{case}/victims/{victim}", getVictim},
	{named("cases/" + id + "/suspects/" + id), "cases/{case}/suspects/{suspect}", getSuspect},
	{named("cases/" + id + "/referrals/" + id), "cases/{case}/referrals/{referral}", getReferral},
	{named("cases/" + id + "/orders/" + id), "cases/{case}/orders/{order}", getOrder},
	{named("cases/" + id + "/shares/" + id), "cases/{case}/shares/{share}", getShare},
	{named("cases/" + id + "/victims/" + id + "/consents/" + id), "cases/{case}/victims/{victim}/consents/{consent}", getConsent},
	{named("notifications/" + id), "notifications/{notification}", getNotification},
}

const (
	id   = `[a-z2-7]{26}`
	slug = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
)

func named(pattern string) *regexp.Regexp { return regexp.MustCompile("^" + pattern + "$") }

func newGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME",
		Short: "Print a record as this caller may see it, and what was withheld",
		Example: `  jisr get cases/mfzgk2lbnrsw45dfon2gk3tuem --officer d.12 --purpose investigation
  jisr get agencies/molsa --json`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, r := range readers {
				if !r.name.MatchString(args[0]) {
					continue
				}
				conn, err := a.connect()
				if err != nil {
					return err
				}
				defer conn.Close()
				msg, err := r.read(cmd.Context(), conn, args[0])
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.printJSON(msg)
				}
				return a.printRecord(msg)
			}
			forms := make([]string, len(readers))
			for i, r := range readers {
				forms[i] = r.form
			}
			return usage(quoted(args[0])+" is not the name of a record", "a name is one of "+strings.Join(forms, ", "))
		},
	}
}

func getAgency(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewDirectoryServiceClient(conn).GetAgency(ctx, jisrv1.GetAgencyRequest_builder{Name: name}.Build())
}

func getCase(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewCaseServiceClient(conn).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: name}.Build())
}

func getVictim(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewCaseServiceClient(conn).GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: name}.Build())
}

func getSuspect(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewCaseServiceClient(conn).GetSuspect(ctx, jisrv1.GetSuspectRequest_builder{Name: name}.Build())
}

func getReferral(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewReferralServiceClient(conn).GetReferral(ctx, jisrv1.GetReferralRequest_builder{Name: name}.Build())
}

func getOrder(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewOrderServiceClient(conn).GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: name}.Build())
}

func getConsent(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewConsentServiceClient(conn).GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: name}.Build())
}

func getNotification(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	return jisrv1.NewNotificationServiceClient(conn).GetNotification(ctx, jisrv1.GetNotificationRequest_builder{Name: name}.Build())
}

// getShare looks a share up in the list of its case: the contract has no call for one alone.
func getShare(ctx context.Context, conn *grpc.ClientConn, name string) (proto.Message, error) {
	parent, _, _ := strings.Cut(name, "/shares/")
	client := jisrv1.NewCaseServiceClient(conn)
	for token := ""; ; {
		page, err := client.ListShares(ctx, jisrv1.ListSharesRequest_builder{Parent: parent, PageSize: 100, PageToken: token}.Build())
		if err != nil {
			return nil, err
		}
		for _, share := range page.GetShares() {
			if share.GetName() == name {
				return share, nil
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			return nil, fault.New(fault.NotFound).GRPCStatus().Err()
		}
	}
}
