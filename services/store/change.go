package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// idempotencyAge is how long an answer is kept for a repeated call (AIP-155).
const idempotencyAge = 30 * 24 * time.Hour

// Page is what the store asks of the page gate inside a transaction: write
// lens, merge and seal need the row, and the reply of a change needs the gate.
type Page interface {
	// Tell merges what the caller tells into a record and seals it, or refuses.
	Tell(ctx context.Context, t *agreement.Telling) (agreement.Told, error)
	// Receipt renders the reply of a change: headers only, as the caller may see them.
	// It returns, by record, the classes that the reply shows.
	Receipt(ctx context.Context, c *identity.Caller, reply proto.Message) (proto.Message, map[string]record.ClassSet, error)
	// Outline returns what the caller sees of a record at rest before anything is opened.
	Outline(c *identity.Caller, name string, t *record.Type, l agreement.Loaded, envelope []byte) (*agreement.Outline, error)
}

// Call names a changing call, for its log entry and its repetition.
type Call struct {
	// RPC is the method, as `CaseService/CreateCase`.
	RPC string
	// RequestID is the caller's; empty: the call is not repeatable.
	RequestID string
	// Request is the whole request; its hash tells a repetition from another request.
	Request proto.Message
}

// Tx is one changing call inside its transaction.
type Tx struct {
	ctx      context.Context
	store    *Store
	conn     *unwritten
	drafting *drafting // nil where the call has its turn
	caller   *identity.Caller
	law      *agreement.Law
	now      time.Time
	naming   time.Time // by which records that it makes lie; see Shelfmarks
	random   io.Reader
	touched  map[string]*jisrv1.LogSubject
	order    []string
	rows     map[string]row        // as they are now, where the call knows
	born     map[string]bool       // records that this call created
	files    map[string]*caseFile  // as far as the call knows them
	moved    map[string]bool       // cases in which this call wrote anything
	counted  []movedCase           // those of them that have their new epoch
	rested   map[string]*keptFile  // cases of which it knows what was kept
	made     map[string][]sightRow // links that it made, by the record's name
	first    map[sightKey]bool     // whether there was no such link before
	holders  []any                 // under which the caller's links stand
	sealed   map[string]bool       // whether a seal is in force in a case, where the call knows
	taken    []string              // keys for its new subjects
}

// newTx begins a call inside its transaction; c is nil for the server's own acts.
func (s *Store) newTx(ctx context.Context, conn transaction, c *identity.Caller) *Tx {
	tx := &Tx{
		ctx: ctx, store: s, caller: c, law: s.Law(), now: s.now(), random: s.Random,
		touched: make(map[string]*jisrv1.LogSubject), rows: make(map[string]row), born: make(map[string]bool),
		files: make(map[string]*caseFile), moved: make(map[string]bool), sealed: make(map[string]bool),
		made: make(map[string][]sightRow), rested: make(map[string]*keptFile), first: make(map[sightKey]bool),
	}
	tx.naming = tx.now
	if c != nil {
		tx.holders = holders(c)
	}
	tx.conn = &unwritten{transaction: conn, closing: make(map[string]bool), close: tx.showUnsealed}
	return tx
}

// Now is the transaction's time.
func (tx *Tx) Now() time.Time { return tx.now }

// Caller is who calls.
func (tx *Tx) Caller() *identity.Caller { return tx.caller }

// Law is the agreement in force.
func (tx *Tx) Law() *agreement.Law { return tx.law }

// Change runs a changing call: its effect, its log entry and its idempotency key
// are one commit. The same request again gets the same answer and has no second
// effect; replay is looked up before etag and standing. It returns the reply.
func Change[M proto.Message](ctx context.Context, s *Store, c *identity.Caller, call Call, empty M, f func(*Tx) (M, error)) (M, error) {
	docket := agreement.DocketFrom(ctx)
	if c == nil || docket == nil {
		return empty, fault.New(fault.Internal)
	}
	// Before its turn comes, since the turn is everybody's.
	key, body, err := s.callKey(c, call)
	if err != nil {
		return empty, err
	}
	// The client's deadline ends with the hand-over to the writer: a commit that
	// is cut off leaves nobody knowing.
	inside := s.Keyring.AsOfNow(context.WithoutCancel(ctx))
	var written string
	var tx *Tx
	draws := &draws{source: s.Random, when: s.now()}
	begin := func(conn transaction) error {
		docket.Clear()
		draws.at = 0
		if tx != nil {
			tx.giveBack() // nothing was kept of an earlier run
		}
		if tx = s.newTx(inside, conn, c); tx.law != c.Law {
			return agreement.ErrMoved // the agreement changed while the call waited: it goes through the door again
		}
		tx.random, tx.naming = draws, draws.when
		return conn.decidedBy(tx.law.Hash())
	}
	answer := func(reply M) (rendered proto.Message, e *entry, err error) {
		if rendered, err = tx.render(reply); err != nil {
			return nil, nil, err
		}
		if e, err = tx.changedEntry(call.RPC); err != nil {
			return nil, nil, err
		}
		written = e.name
		proto.Reset(empty)
		proto.Merge(empty, rendered)
		return rendered, e, nil
	}
	err = s.writer.change(ctx, call.RPC, func(conn *drafting) (d *draft, err error) {
		if err = begin(conn); err != nil {
			return nil, err
		}
		tx.drafting = conn
		reply, err := f(tx)
		if err != nil {
			return nil, err
		}
		tx.settled()
		rendered, e, err := answer(reply)
		if err != nil {
			return nil, err
		}
		return tx.drafted(key, body, rendered, e)
	}, func(conn transaction) error {
		if err := begin(conn); err != nil {
			return err
		}
		done, err := tx.replay(key, body, empty)
		if err != nil || done != "" {
			written = done
			return err
		}
		reply, err := f(tx)
		if err != nil {
			return tx.unlessDone(key, err)
		}
		if err := tx.settle(); err != nil {
			return err
		}
		rendered, e, err := answer(reply)
		if err != nil {
			return err
		}
		if err := conn.enter(e); err != nil {
			return err
		}
		return tx.remember(key, body, rendered, written)
	})
	if tx != nil {
		s.written(namesOf(tx.counted), err)
	}
	if err != nil {
		// Whichever way it ended: drafted and then given up, refused, or kept by no disk.
		if tx != nil && !errors.Is(err, fault.New(fault.OutcomeUnknown)) {
			tx.giveBack()
		}
		return empty, err
	}
	tx.keepFiles()
	docket.Finish(empty, written)
	return empty, nil
}

// draws give every run of a call the same random bytes, and the same time for names:
// what a call is answered does not tell whether it was drafted, or how often it was run
// until nobody was in its way.
type draws struct {
	source io.Reader
	when   time.Time
	drawn  []byte
	at     int
}

func (d *draws) Read(p []byte) (int, error) {
	if missing := d.at + len(p) - len(d.drawn); missing > 0 {
		more := make([]byte, missing)
		if _, err := io.ReadFull(d.source, more); err != nil {
			return 0, err
		}
		d.drawn = append(d.drawn, more...)
	}
	n := copy(p, d.drawn[d.at:])
	d.at += n
	return n, nil
}

// now is the clock at the precision that records keep.
func (s *Store) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }

func (s *Store) callKey(c *identity.Caller, call Call) (key, body []byte, err error) {
	if call.RequestID == "" {
		return nil, nil, nil
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(call.Request)
	if err != nil {
		return nil, nil, err
	}
	id := strings.ToLower(call.RequestID) // a UUID means the same in either case
	// For another officer the answer would have another's entry.
	body = s.secrets.keyed(encoded, []byte(c.Role.String()), []byte(c.Purpose.String()), []byte(c.Officer))
	return s.secrets.keyed([]byte(c.Agency), []byte(call.RPC), []byte(id)), body, nil
}

// replay looks a call up and fills reply with its answer; entry is empty if it is new.
func (tx *Tx) replay(key, body []byte, reply proto.Message) (entry string, err error) {
	if key == nil {
		return "", nil
	}
	var kept, answer []byte
	err = each(tx.conn, "SELECT body, reply, entry FROM idempotency WHERE call = ? AND create_time >= ?", func(s result) error {
		kept, answer, entry = blob(s, 0), blob(s, 1), s.ColumnText(2)
		return nil
	}, key, tx.now.Add(-idempotencyAge).UnixMicro())
	if err != nil || entry == "" {
		return "", err
	}
	if string(kept) != string(body) {
		return "", fault.New(fault.RequestIDReused)
	}
	// Whoever repeats a call may not know its outcome, because a commit did not reach
	// the standby that it was to wait for. What is answered now is a commit that does.
	if err := tx.conn.fenced("UPDATE idempotency SET entry = entry WHERE call = ?", key); err != nil {
		return "", err
	}
	return entry, proto.Unmarshal(answer, reply)
}

// unlessDone is what a call is refused for, unless an equal one was done on another
// node since this one was looked up: then it may be refused for its own effect, is
// run again and finds its answer.
func (tx *Tx) unlessDone(key []byte, refused error) error {
	if key == nil || !tx.store.shared() || inTheWay(refused) {
		return refused
	}
	done, err := number(tx.conn.transaction, "SELECT EXISTS (SELECT 1 FROM idempotency WHERE call = ? AND create_time >= ?)",
		key, tx.now.Add(-idempotencyAge).UnixMicro())
	if err != nil || done == 0 {
		return refused
	}
	return errBehind
}

// remember keeps a call's answer. Its key is the fence: of equal calls at once
// one keeps its effect, and the others are run again and find it.
func (tx *Tx) remember(key, body []byte, reply proto.Message, entry string) error {
	if key == nil {
		return nil
	}
	row, err := tx.answered(key, body, reply, entry)
	if err != nil {
		return err
	}
	return tx.conn.fenced(`INSERT INTO idempotency(call, body, reply, entry, create_time) VALUES(?1,?2,?3,?4,?5)
		ON CONFLICT (call) DO UPDATE SET body = excluded.body, reply = excluded.reply, entry = excluded.entry, create_time = excluded.create_time
		WHERE idempotency.create_time < ?6`, append(row, tx.now.Add(-idempotencyAge).UnixMicro())...)
}

// answered is the row of a call's answer.
func (tx *Tx) answered(key, body []byte, reply proto.Message, entry string) ([]any, error) {
	encoded, err := proto.Marshal(reply)
	return []any{key, body, encoded, entry, tx.now.UnixMicro()}, err
}

// Forget forgets answers that are kept no longer, as many as do not hold others up.
func (s *Store) Forget(ctx context.Context) error {
	old := s.now().Add(-idempotencyAge).UnixMicro()
	var found int64
	err := s.read(ctx, func(conn querier) (err error) {
		found, err = number(conn, "SELECT EXISTS (SELECT 1 FROM idempotency WHERE create_time < ?)", old)
		return err
	})
	if err != nil || found == 0 {
		return err
	}
	return s.writer.do(ctx, func(conn transaction) error {
		return exec(conn, "DELETE FROM idempotency WHERE call IN (SELECT call FROM idempotency WHERE create_time < ? LIMIT 1000)", old)
	})
}

// changedEntry is the CHANGED entry of this call.
func (tx *Tx) changedEntry(rpc string) (*entry, error) {
	leaf := audit.Leaf(tx.caller, jisrv1.LogEntry_KIND_CHANGED, rpc, tx.now)
	leaf.SetAgreement(tx.law.Hash())
	var subjects []*jisrv1.LogSubject
	for _, name := range tx.order {
		subject := tx.touched[name]
		r, found, err := tx.find(name)
		if err != nil {
			return nil, err
		}
		if found {
			h := sha256.New()
			h.Write([]byte(name))
			h.Write(r.header)
			h.Write(r.envelope)
			subject.SetRecordHash(h.Sum(nil))
		}
		subjects = append(subjects, subject)
	}
	leaf.SetSubjects(subjects)
	return newEntry(tx.random, leaf)
}

// touch notes a record for the log entry.
func (tx *Tx) touch(name string, classes record.ClassSet, changed []string) {
	s, ok := tx.touched[name]
	if !ok {
		s = jisrv1.LogSubject_builder{Record: name}.Build()
		tx.touched[name] = s
		tx.order = append(tx.order, name)
		if l, ok := agreement.DocketFrom(tx.ctx).Loaded(name); ok {
			audit.SetLinks(s, l.Standing)
		}
	}
	s.SetDataClasses((record.Classes(s.GetDataClasses()...) | classes).List())
	s.SetChanged(append(s.GetChanged(), changed...))
}

func timestamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
