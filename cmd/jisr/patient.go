package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// maxSkew is how far two clocks may be apart: certificates are dated back by as much.
const maxSkew = time.Minute

// patient is what the doctor learns of this machine's way to an exchange. What
// needs the network is looked at once, when the first check asks for it.
type patient struct {
	app        *app
	contextErr error

	files files
	chain []*x509.Certificate // of the client, its own certificate first
	pair  *tls.Certificate

	met, called sync.Once
	meeting     *meeting
	answer      answer
}

// answer is what came of WhoAmI.
type answer struct {
	reply *jisrv1.WhoAmIResponse
	err   error
	skew  time.Duration // how far this machine's clock is ahead of the exchange's
}

func (p *patient) leaf() *x509.Certificate { return p.chain[0] }

// checks are the twelve, in the order in which one rests on another.
func (p *patient) checks() []check {
	return []check{
		{"context", nil, p.askContext},
		{"key_mode", []string{"context"}, func(context.Context) (string, error) {
			return p.files.key + " is its owner's alone", checkMode(p.files.key)
		}},
		{"certificate", []string{"context"}, p.askCertificate},
		{"key", []string{"certificate"}, p.askKey},
		{"expiry", []string{"certificate"}, p.askExpiry},
		{"client_use", []string{"certificate"}, func(context.Context) (string, error) {
			return "it is for client authentication", checkUsage(p.files.cert, p.leaf())
		}},
		{"agency_name", []string{"certificate"}, p.askName},
		{"chain", []string{"certificate"}, p.askChain},
		{"address", []string{"context"}, p.askAddress},
		{"server_certificate", []string{"address"}, p.askServer},
		{"clock", []string{"server_certificate", "key", "chain"}, p.askClock},
		{"who_am_i", []string{"key", "expiry", "client_use", "agency_name", "chain", "server_certificate"}, p.askWhoAmI},
	}
}

func (p *patient) askContext(context.Context) (string, error) {
	if p.contextErr != nil {
		return "", p.contextErr
	}
	if err := p.app.checkServer(); err != nil {
		return "", err
	}
	var err error
	if p.files, err = p.app.files(); err != nil {
		return "", err
	}
	from := p.app.context
	if from == "" {
		from = "flags and variables"
	}
	return p.app.flags.server + " with " + p.files.cert + ", from " + from, nil
}

func (p *patient) askCertificate(context.Context) (string, error) {
	var err error
	if p.chain, err = readCertificates(p.files.cert); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is a certificate, serial number %x", p.files.cert, p.leaf().SerialNumber), nil
}

func (p *patient) askKey(context.Context) (string, error) {
	pair, err := tls.LoadX509KeyPair(p.files.cert, p.files.key)
	if err != nil {
		return "", badFiles(p.files.ca, p.files.cert, p.files.key, err)
	}
	p.pair = &pair
	return p.files.key + " belongs to it", nil
}

// askExpiry asks by this machine's clock, and where that says no, by the
// exchange's: with a wrong clock every certificate seems to be out of date.
func (p *patient) askExpiry(ctx context.Context) (string, error) {
	until := p.leaf().NotAfter.UTC().Format(time.DateTime)
	wrong := checkValidity(p.files.cert, p.leaf(), p.app.now())
	if wrong == nil {
		return "it is in date until " + until + " UTC", nil
	}
	if p.pair == nil {
		return "", wrong
	}
	if a := p.call(ctx); a.reply != nil && checkValidity(p.files.cert, p.leaf(), a.reply.GetServerTime().AsTime()) == nil {
		return "it is in date until " + until + " UTC, by the exchange's clock and not by this machine's", nil
	}
	return "", wrong
}

func (p *patient) askName(context.Context) (string, error) {
	if err := checkName(p.files.cert, p.leaf()); err != nil {
		return "", err
	}
	agency, system := nameOf(p.leaf())
	if meant := p.app.flags.agency; meant != "" && meant != agency {
		return "", &connectionError{"the certificate " + p.files.cert + " names the agency " + agency + ", and " + meant + " is meant",
			"take the certificate of " + meant + ", or mend agency in the context"}
	}
	return "it names the system " + system + " of the agency " + agency, nil
}

func (p *patient) askAddress(ctx context.Context) (string, error) {
	m := p.meet(ctx)
	if m.unreached != nil {
		return "", m.unreached
	}
	if m.proxy != "" {
		return p.app.flags.server + " speaks gRPC over TLS, through the proxy " + m.proxy, nil
	}
	return p.app.flags.server + " speaks gRPC over TLS, and no proxy is in the way", nil
}

// askServer asks whether the server is the one meant; one that is out of date by
// this machine's clock alone is in order.
func (p *patient) askServer(ctx context.Context) (string, error) {
	m := p.meet(ctx)
	switch {
	case m.mistrusted == nil:
		return "it is from the authority in --ca, for this name, until " + m.server.NotAfter.UTC().Format(time.DateTime) + " UTC", nil
	case !isExpired(m.cause) || p.pair == nil:
		return "", m.mistrusted
	}
	if a := p.call(ctx); a.reply != nil && checkValidity("", m.server, a.reply.GetServerTime().AsTime()) == nil {
		return "it is in date by the exchange's clock, and not by this machine's", nil
	}
	return "", m.mistrusted
}

func (p *patient) askClock(ctx context.Context) (string, error) {
	a := p.call(ctx)
	if a.reply == nil {
		return "", &skip{"because the exchange told no time: it did not answer WhoAmI"}
	}
	if a.reply.GetServerTime() == nil {
		return "", &skip{"because the exchange told no time: it is older than this jisr"}
	}
	side := "ahead of"
	if a.skew < 0 {
		side = "behind"
	}
	apart := a.skew.Abs()
	if apart > maxSkew {
		return "", &connectionError{fmt.Sprintf("this machine's clock is %s %s the exchange's", long(apart), side),
			"set the clock of this machine by NTP; if it is right, tell the operator of the exchange"}
	}
	return fmt.Sprintf("both clocks agree to within %s", (apart + time.Second).Truncate(time.Second)), nil
}

func (p *patient) askWhoAmI(ctx context.Context) (string, error) {
	a := p.call(ctx)
	if a.err != nil {
		return "", a.err
	}
	return fmt.Sprintf("it is %s, system %s; roles: %s", visible(a.reply.GetAgency()), visible(a.reply.GetSystem()), lowerAll(a.reply.GetRoles(), ", ")), nil
}

// meet meets the exchange, once; without a usable key as one that has no certificate.
func (p *patient) meet(ctx context.Context) *meeting {
	p.met.Do(func() {
		cfg, err := p.tls(time.Time{})
		p.meeting = p.app.meet(ctx, cfg)
		if err != nil && p.meeting.unreached == nil {
			p.meeting.mistrusted = err // nobody is trusted without an authority
		}
	})
	return p.meeting
}

// call calls WhoAmI, once. Where the server's certificate is out of date by this
// machine's clock and else in order, it calls by a time at which it was in date,
// to learn the exchange's own. Who holds an old certificate may stand there
// instead, so the officer and the purpose are not told.
func (p *patient) call(ctx context.Context) *answer {
	p.called.Do(func() {
		m, caller := p.meet(ctx), *p.app
		var at time.Time
		switch {
		case m.unreached != nil:
			p.answer.err = m.unreached
			return
		case m.mistrusted != nil && !isExpired(m.cause):
			p.answer.err = m.mistrusted
			return
		case m.mistrusted != nil:
			at = m.server.NotBefore.Add(m.server.NotAfter.Sub(m.server.NotBefore) / 2)
			caller.flags.officer, caller.flags.purpose, caller.flags.role = "", "", ""
		}
		cfg, err := p.tls(at)
		if err != nil {
			p.answer.err = err
			return
		}
		conn, err := caller.dial(cfg)
		if err != nil {
			p.answer.err = err
			return
		}
		sent := p.app.now()
		p.answer.reply, p.answer.err = jisrv1.NewAgreementServiceClient(conn).WhoAmI(ctx, &jisrv1.WhoAmIRequest{})
		if p.answer.err == nil {
			// The answer was made between the two; half the way is as near as can be told.
			middle := sent.Add(p.app.now().Sub(sent) / 2)
			p.answer.skew = middle.Sub(p.answer.reply.GetServerTime().AsTime())
		}
		if err := conn.Close(); p.answer.err == nil {
			p.answer.err = err
		}
	})
	return &p.answer
}

// tls is that of a call, by the files as they are: whether they are any good is
// for the checks and the exchange to say. With an error it trusts nobody.
func (p *patient) tls(at time.Time) (*tls.Config, error) {
	roots, err := readCertificates(p.files.ca)
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool(), NextProtos: []string{"h2"}, Time: p.app.now}
	for _, root := range roots {
		cfg.RootCAs.AddCert(root)
	}
	if !at.IsZero() {
		cfg.Time = func() time.Time { return at }
	}
	if p.pair != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.pair, nil }
	}
	return cfg, err
}

// isExpired reports whether a certificate was refused for its dates and nothing else.
func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

// long writes a duration of any length in its two largest units.
func long(d time.Duration) string {
	if d < 24*time.Hour {
		return d.Round(time.Second).String()
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%s %d h", count(int(d.Hours())/24, "day"), int(d.Hours())%24)
}
