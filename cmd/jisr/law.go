package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"google.golang.org/grpc"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// readLaw reads an agreement from a file, with all its mistakes at once.
func readLaw(path string) (*agreement.Law, error) {
	return parseLaw(path, "name it with --agreement, or name an exchange with --server", agreement.Parse)
}

// readFormerLaw reads an agreement to compare with, in which what came later is missing.
func readFormerLaw(path string) (*agreement.Law, error) {
	return parseLaw(path, "name the earlier agreement with --diff", agreement.ParseFormer)
}

func parseLaw(path, hint string, parse func([]byte) (*agreement.Law, error)) (*agreement.Law, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("there is no agreement "+path, hint)
	case err != nil:
		return nil, usage("the agreement "+path+" cannot be read", "check who may read it")
	}
	law, err := parse(text)
	if err != nil {
		return nil, usage(path+" is not a sound agreement:\n"+indent(err.Error()), "mend every line named; the exchange would not start on it")
	}
	return law, nil
}

// lawOf asks an exchange for its agreement, for the words behind reason codes
// and agencies. Nil where the role may not read it or this jisr cannot: then
// the codes stand alone.
func lawOf(ctx context.Context, conn *grpc.ClientConn) *agreement.Law {
	reply, err := jisrv1.NewAgreementServiceClient(conn).GetAgreement(ctx, &jisrv1.GetAgreementRequest{})
	if err != nil {
		return nil
	}
	law, err := agreement.Parse([]byte(reply.GetText()))
	if err != nil {
		return nil
	}
	return law
}

// printReasons prints what the reason codes say, below a table that uses them.
func (a *app) printReasons(law *agreement.Law, codes []int32) error {
	if law == nil || len(codes) == 0 {
		return nil
	}
	slices.Sort(codes)
	if _, err := fmt.Fprintf(a.stdout, "\nReasons of the agreement (%s, edition %s):\n", law.Title(), law.Edition()); err != nil {
		return written(err)
	}
	for _, code := range slices.Compact(codes) {
		text, source := law.Reason(code)
		if _, err := fmt.Fprintf(a.stdout, "  %2d  %s [%s]\n", code, visible(text), visible(source)); err != nil {
			return written(err)
		}
	}
	return nil
}
