package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// log prints what the reads of victim one left in the access log, as the owner of the case sees it.
func (s *story) log() {
	s.t.chapter("6. What the log keeps")
	var entries []*jisrv1.LogEntry
	s.quietly(police, "reads the log", func(c *client) error {
		for token := ""; ; {
			page, err := c.ListLogEntries(s.ctx, jisrv1.ListLogEntriesRequest_builder{Record: s.first, PageSize: 100, PageToken: token}.Build())
			if err != nil {
				return err
			}
			entries = append(entries, page.GetLogEntries()...)
			if token = page.GetNextPageToken(); token == "" {
				return nil
			}
		}
	})
	if s.err != nil {
		return
	}
	s.t.did(police.short, fmt.Sprintf("as owner of the case asks who did what with victim one: %s", counted(len(entries), "entr(y)")))
	s.t.line("")
	s.t.line("%s", s.t.bold(fmt.Sprintf("  %-8s %-8s %-20s %-14s %7s  %s", "time", "what", "in which role", "for which purpose"[:14], "classes", "agency, officer")))
	slices.Reverse(entries)
	for _, e := range entries {
		who := "(not for the owner to know)"
		if e.GetAgency() != "" {
			who = strings.TrimPrefix(e.GetAgency(), "agencies/") + ", " + e.GetOfficer()
		}
		s.t.line("  %-8s %-8s %-20s %-14s %7d  %s", e.GetCreateTime().AsTime().Format(time.TimeOnly), kinds[e.GetKind()],
			agreement.RoleName(e.GetRole()), agreement.PurposeName(e.GetPurpose()), len(e.GetDataClasses()), who)
	}
}

var kinds = map[jisrv1.LogEntry_Kind]string{
	jisrv1.LogEntry_KIND_DISCLOSED: "shown", jisrv1.LogEntry_KIND_CHANGED: "changed", jisrv1.LogEntry_KIND_REFUSED: "refused",
}
