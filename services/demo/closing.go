package demo

import (
	"fmt"
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// closing ends what had opened pages, and shows whose closed.
func (s *story) closing() {
	s.t.chapter("5. What was opened closes")
	s.step(shelter, "records that she no longer agrees", func(c *client) error {
		_, err := c.WithdrawConsent(s.ctx, jisrv1.WithdrawConsentRequest_builder{Name: s.consent}.Build())
		return err
	})
	s.closed(foreign, "MoFA+", "on its next read")
	s.step(hospital, "completes its referral: the need was met", func(c *client) error {
		return s.complete(c, s.examination)
	})
	s.closed(hospital, hospital.short, "")
	s.follow("completes the placement", jisrv1.Referral_STATE_COMPLETED, func(c *client) error {
		return s.complete(c, s.placement)
	})
	s.closed(shelter, shelter.short, "")
	s.t.paragraph("Whoever wrote something keeps sight of its own words, unless they rested on consent; and each party keeps sight of its own referral: that it ended, and when.")
}

func (s *story) complete(c *client, referral string) error {
	if referral == s.examination {
		if _, err := c.StartReferral(s.ctx, jisrv1.StartReferralRequest_builder{Name: referral}.Build()); err != nil {
			return err
		}
	}
	_, err := c.CompleteReferral(s.ctx, jisrv1.CompleteReferralRequest_builder{Name: referral, Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build())
	return err
}

// closed shows what a party saw of victim one before, and what it sees now.
func (s *story) closed(p party, heading, when string) {
	now := s.look(p, p.short)
	if s.err != nil {
		return
	}
	before, after := s.views[heading].victim.seen(), now.victim.seen()
	var gone []jisrv1.DataClass
	for _, class := range before {
		if !slices.Contains(after, class) {
			gone = append(gone, class)
		}
	}
	s.fail(expect(len(gone) > 0, "nothing closed for %s", p.short))
	what := fmt.Sprintf("saw %d classes of victim one and now sees %d", len(before), len(after))
	if now.victim.msg == nil {
		what = fmt.Sprintf("saw %d classes of victim one and now is told that there is no such person", len(before))
	}
	if when != "" {
		what += ", " + when
	}
	s.t.did(p.short, what)
	s.t.note("closed: %s", labelAll(gone))
	if len(after) > 0 {
		s.t.note("still open: %s", labelAll(after))
	}
}
