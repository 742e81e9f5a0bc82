package referrals

import (
	"context"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// SendReferral sends a referral: the receiver gets sight of the person within its scope.
func (s *Service) SendReferral(ctx context.Context, r *jisrv1.SendReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Send", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r})
}

// ReceiveReferral confirms receipt.
func (s *Service) ReceiveReferral(ctx context.Context, r *jisrv1.ReceiveReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Receive", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r})
}

// AcceptReferral accepts a referral.
func (s *Service) AcceptReferral(ctx context.Context, r *jisrv1.AcceptReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Accept", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r})
}

// StartReferral notes that the receiver has begun.
func (s *Service) StartReferral(ctx context.Context, r *jisrv1.StartReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Start", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r})
}

// RejectReferral declines a referral, before or after acceptance.
func (s *Service) RejectReferral(ctx context.Context, r *jisrv1.RejectReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Reject", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r, reason: r.GetReason(), outcome: r.GetOutcome()})
}

// ReturnReferral sends a referral back for information.
func (s *Service) ReturnReferral(ctx context.Context, r *jisrv1.ReturnReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Return", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r, reason: r.GetReason(), outcome: r.GetOutcome()})
}

// CompleteReferral ends a referral that was done.
func (s *Service) CompleteReferral(ctx context.Context, r *jisrv1.CompleteReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Complete", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r, reason: r.GetReason(), outcome: r.GetOutcome()})
}

// DiscontinueReferral breaks a referral off.
func (s *Service) DiscontinueReferral(ctx context.Context, r *jisrv1.DiscontinueReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Discontinue", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r, reason: r.GetReason(), outcome: r.GetOutcome()})
}

// WithdrawReferral takes a referral back before acceptance.
func (s *Service) WithdrawReferral(ctx context.Context, r *jisrv1.WithdrawReferralRequest) (*jisrv1.Referral, error) {
	return s.step(ctx, verb{name: "Withdraw", referral: r.GetName(), etag: r.GetEtag(), requestID: r.GetRequestId(), request: r, reason: r.GetReason(), outcome: r.GetOutcome()})
}
