package jisrtest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// TestAPageEndsByWhatItsReaderMayReadOfIt lists cases of which much is told:
// pages are short for who may read all of that, and whole for who may not.
func TestAPageEndsByWhatItsReaderMayReadOfIt(t *testing.T) {
	x := jisrtest.Start(t)
	ctx := context.Background()
	police := x.As(jisrtest.Police)
	var made []string
	for range 30 {
		told := jisrtest.BaghdadCase()
		told.SetNarrative(jisrv1.CaseNarrative_builder{Account: strings.Repeat("قصة ", 3700), Route: strings.Repeat("طريق", 1000)}.Build())
		c, err := police.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: told}.Build())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, c.GetName())
		if _, err := police.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: c.GetName(), Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{x.As(jisrtest.Shelter).Agency},
			Message: jisrv1.NotificationMessage_builder{Text: "told"}.Build(),
		}.Build()}.Build()); err != nil {
			t.Fatal(err)
		}
	}
	for who, short := range map[string]bool{jisrtest.Police: true, jisrtest.Shelter: false} {
		pages, names, told := read(t, x.As(who))
		if !slices.Equal(names, made) {
			t.Errorf("%s: %d cases were listed, want the %d in their order", who, len(names), len(made))
		}
		if told != short {
			t.Errorf("%s reads the narrative: %v, which this play is not about", who, told)
		}
		if short != (len(pages) > 1) {
			t.Errorf("%s: pages of %v", who, pages)
		}
		for _, size := range pages {
			if size > 700<<10 {
				t.Errorf("%s: a page of %d bytes", who, size)
			}
		}
	}
}

// read lists all cases and returns the pages' sizes, the names, and whether a narrative was read.
func read(t *testing.T, c *jisrtest.Client) (pages []int, names []string, told bool) {
	t.Helper()
	for token := ""; ; {
		page, err := c.ListCases(context.Background(), jisrv1.ListCasesRequest_builder{PageSize: 100, PageToken: token}.Build())
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, found := range page.GetCases() {
			names = append(names, found.GetName())
			told = told || found.GetNarrative().GetAccount() != ""
			size += len(found.GetNarrative().GetAccount()) + len(found.GetNarrative().GetRoute())
		}
		pages = append(pages, size)
		if token = page.GetNextPageToken(); token == "" {
			return pages, names, told
		}
	}
}
