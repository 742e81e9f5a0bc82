package jisrtest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// In PostgreSQL what was deleted is written over when the server's vacuum has come by.
func TestWhoMayNoLongerSeeAPersonIsNotLeftInTheFile(t *testing.T) {
	p := jisrtest.Opened(t, jisrtest.Start(t, jisrtest.InFiles()))
	share := got(policeOf(p).ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{
		Agency: "agencies/kri-dcoc",
	}.Build()}.Build()))(t)
	// As the index of links holds the two: the record's name, then who may see it.
	link := []byte(p.Keyring().Shelfmarks().Of(p.First) + "a:kri-dcoc")
	p.Stop()
	if !inTheDatabase(t, p.Exchange, link) {
		t.Fatal("the link is not in the file while it is in force: the search proves nothing")
	}
	p.Restart()
	got(policeOf(p).EndShare(ctx, jisrv1.EndShareRequest_builder{Name: share.GetName()}.Build()))(t)
	p.Stop()
	if inTheDatabase(t, p.Exchange, link) {
		t.Error("a link that has ended can still be read in the file")
	}
}

// inTheDatabase reports whether bytes stand anywhere in the database's files, used pages or not.
func inTheDatabase(t *testing.T, x *jisrtest.Exchange, what []byte) bool {
	t.Helper()
	files, err := filepath.Glob(x.Database() + "*")
	if err != nil || len(files) == 0 {
		t.Fatal("no database", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, what) {
			return true
		}
	}
	return false
}
