// Package demo plays the exchange: a real one, on throw-away files, over real
// mutual TLS, called by agencies with a certificate each. What it prints is what
// the exchange answered; where an answer is not as the story says, it fails.
package demo

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/jisr-exchange/jisr/examples"
	"github.com/jisr-exchange/jisr/services/register"
)

// Options says what to play and where.
type Options struct {
	// Agreement is the text of the data-sharing agreement.
	Agreement []byte
	// Plan is a register, checked and ready to be sent; the one of examples when nil.
	Plan *register.Plan
	// Dir keeps the files; a temporary directory, removed at the end, when empty.
	Dir string
	// Listen is the address of the exchange; any free port of loopback when empty.
	Listen string
	// Version is what the exchange says of itself.
	Version string
	// Out takes the story.
	Out io.Writer
	// Log takes what an operator must know; nothing when nil.
	Log io.Writer
	// Colour lets the story use colours.
	Colour bool
}

func (o *Options) complete() (err error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Plan == nil {
		o.Plan, err = ownPlan()
	}
	return err
}

// ownPlan is the register of examples.
func ownPlan() (*register.Plan, error) {
	mapping, err := register.ReadMapping(bytes.NewReader(examples.RegisterMapping))
	if err != nil {
		return nil, err
	}
	return mapping.Plan(bytes.NewReader(examples.Register))
}

// Run plays the whole story and leaves nothing behind, also when ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.complete(); err != nil {
		return err
	}
	x, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	s := &story{exchange: x, ctx: ctx, t: &teller{w: o.Out, colour: o.Colour}}
	s.prologue()
	s.data(o.Plan)
	s.everybodyAsks()
	s.closing()
	s.log()
	s.epilogue()
	return s.outcome()
}

// data plays as far as everything is open that will be: the state in which an
// exchange that is left running is found.
func (s *story) data(plan *register.Plan) {
	s.register(plan)
	s.opening()
	s.protection()
	s.consentAndShare()
}
