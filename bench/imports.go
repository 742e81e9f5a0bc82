package main

import (
	"bytes"
	"context"
	_ "embed" // for the mapping below
	"errors"
	"fmt"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"

	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/register"
)

//go:embed register.mapping.yaml
var mapping []byte

// profiles is how many the largest public register of victims holds.
const profiles = 14299

// imports measures I1: a register of made-up profiles through mutual TLS, as an
// agency imports it.
func imports(ctx context.Context, b *bench) (_ []result, err error) {
	dir, err := lay(b.disk, b.fresh("imports"))
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, "exchange", dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c, err := dial(p, dir, peer.Police)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	m, err := register.ReadMapping(bytes.NewReader(mapping))
	if err != nil {
		return nil, err
	}
	plan, err := m.Plan(bytes.NewReader(sheet(b.calls(b.profiles))))
	if err != nil {
		return nil, err
	}
	start := time.Now()
	importer := register.Importer{Cases: jisrv1.NewCaseServiceClient(c.conns[0]), InFlight: 64, Timeout: time.Minute, Names: register.NewNames()}
	sum, rejects, err := importer.Run(c.context(ctx), plan)
	if err != nil {
		return nil, err
	}
	if len(rejects) > 0 || sum.Imported != sum.Rows {
		return nil, fmt.Errorf("an import of %d rows took %d: %v", sum.Rows, sum.Imported, rejects[:min(3, len(rejects))])
	}
	records := float64(sum.Cases+sum.Victims) / time.Since(start).Seconds()
	share := spread{records / b.changes, records / b.changes, records / b.changes}
	return []result{
		atLeast("I1", fmt.Sprintf("import of %d profiles / changes of D1", sum.Rows), 1./3, share),
		known("  by the second", "%.0f records (a case and a victim each), %.0f profiles", records, float64(sum.Rows)/time.Since(start).Seconds()),
	}, nil
}

// sheet is a made-up register.
func sheet(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("row,citizenship,gender,age\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s,%s,%s\n", i, []string{"ETH", "PHL", "LKA"}[i%3], []string{"Female", "Male"}[i%2], []string{"21-23", "24-26", ""}[i%3])
	}
	return b.Bytes()
}
