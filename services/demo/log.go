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
	s.t.did(police.short, fmt.Sprintf("as owner of the case asks who did what with victim one: %d entries", len(entries)))
	s.t.line("")
	s.t.line("%s", s.t.bold(fmt.Sprintf("  %-8s %-7s %2s  %-19s %-13s %s", "UTC", "what", "n", "in the role", "for", "agency, officer")))
	slices.Reverse(entries)
	for _, e := range entries {
		who := hidden
		if e.GetAgency() != "" {
			who = strings.TrimPrefix(e.GetAgency(), "agencies/") + " " + e.GetOfficer()
		}
		s.t.line("  %-8s %-7s %2d  %-19s %-13s %s", e.GetCreateTime().AsTime().Format(time.TimeOnly), kinds[e.GetKind()],
			len(e.GetDataClasses()), agreement.RoleName(e.GetRole()), agreement.PurposeName(e.GetPurpose()), who)
	}
	s.t.line("")
	s.t.paragraph("How to read it: an entry is durable before the answer leaves, so who read is in here, whether or not the reader says so. "+
		"It holds how many (n) and which classes, and no values. Role, purpose and time always show. Who it was shows of the owner itself, of whoever acts in the territory, and of the monitor; "+
		"of all others it is left out (%s), even of those whom MoI told itself: were they named, the one that a judge had placed her with unseen would stand out as the one that is not. That MoI read the log is now itself an entry.", hidden)
}

// hidden stands where the owner may not know who acted.
const hidden = "-"

var kinds = map[jisrv1.LogEntry_Kind]string{
	jisrv1.LogEntry_KIND_DISCLOSED: "shown", jisrv1.LogEntry_KIND_CHANGED: "changed", jisrv1.LogEntry_KIND_REFUSED: "refused",
}
