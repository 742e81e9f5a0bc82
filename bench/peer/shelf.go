package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/notifications"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Shelf is a store with the handlers on it and no transport around: what is
// measured on it is the store, and what is filled through it is filled fast.
type Shelf struct {
	*store.Store
	law           *agreement.Law
	ring          *keyring.Ring
	page          *disclosure.Page
	cases         *cases.Service
	notifications *notifications.Service
}

// OpenShelf opens the store of a laid directory, or makes it.
func OpenShelf(dir string) (*Shelf, error) {
	l, err := law()
	if err != nil {
		return nil, err
	}
	at, err := databases(dir)
	if err != nil {
		return nil, err
	}
	unix.Umask(0o077) // as jisrd does, which refuses keys that others can read
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(at.Keys, kek)
	if err != nil {
		return nil, err
	}
	page, err := disclosure.NewPage(ring)
	if err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	s, err := store.Open(context.Background(), at.Records, store.Options{
		Page: page, Keyring: ring, Law: func() *agreement.Law { return l }, Clock: time.Now, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) {
			fmt.Fprintln(os.Stderr, "the disk failed:", err)
			os.Exit(1)
		},
	})
	if err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	if err := s.Adopt(context.Background(), l, func(*agreement.Law) {}); err != nil {
		return nil, errors.Join(err, s.Close(), ring.Close())
	}
	return &Shelf{Store: s, law: l, ring: ring, page: page, cases: cases.NewService(s), notifications: notifications.NewService(s)}, nil
}

// Close closes the files.
func (s *Shelf) Close() error { return errors.Join(s.Store.Close(), s.ring.Close()) }

// As is the context of a call by an agency, as the door and the page make it.
func (s *Shelf) As(agency string) (context.Context, *identity.Caller) {
	a, _ := s.law.Agency(agency)
	c := &identity.Caller{
		Agency: a.Slug, System: System, Role: a.Roles[0], Roles: a.Roles, Purpose: s.law.Purposes(a.Roles[0])[0],
		Officer: "officer-1", Jurisdiction: a.Jurisdiction, Territories: a.Territories, Law: s.law,
	}
	ctx, _ := agreement.WithDocket(identity.NewContext(context.Background(), c))
	return ctx, c
}

// Case opens an invented case and returns its name.
func (s *Shelf) Case() (string, error) {
	ctx, _ := s.As(Police)
	c, err := s.cases.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: NewCase(), RequestId: requestID()}.Build())
	if err != nil {
		return "", err
	}
	return nameIn(c)
}

// Victim adds an invented victim to a case and returns its name.
func (s *Shelf) Victim(parent string, hidden int) (string, error) {
	return s.Tell(parent, NewVictim(anyone(), hidden))
}

// Tell adds a victim to a case and returns its name.
func (s *Shelf) Tell(parent string, victim *jisrv1.Victim) (string, error) {
	ctx, _ := s.As(Judge)
	v, err := s.cases.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: parent, Victim: victim, RequestId: requestID()}.Build())
	if err != nil {
		return "", err
	}
	return nameIn(v)
}

// nameIn reads the name in a reply, which leaves the page as bytes.
func nameIn(reply proto.Message) (string, error) {
	encoded, err := proto.Marshal(reply)
	if err != nil {
		return "", err
	}
	r := &jisrv1.GetVictimRequest{} // as every record, it has its name in field 1
	err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(encoded, r)
	return r.GetName(), err
}

// Notify notifies one agency of a case: a record, links, a delivery, an entry
// and an idempotency key in one commit.
func (s *Shelf) Notify(about string) error {
	ctx, _ := s.As(Police)
	_, err := s.notifications.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{
		RequestId: requestID(),
		Notification: jisrv1.Notification_builder{
			Case: about, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/molsa"},
			Message: jisrv1.NotificationMessage_builder{Text: text(150)}.Build(),
		}.Build(),
	}.Build())
	return err
}

// read is what the gate writes down of one victim that it is about to show.
type read struct {
	leaf   *jisrv1.LogLeaf
	loaded []agreement.Loaded
}

func (s *Shelf) read(name string) (read, error) {
	ctx, c := s.As(Prosecutor)
	if err := s.View(ctx, c, name, &jisrv1.Victim{}); err != nil {
		return read{}, err
	}
	loaded, _ := agreement.DocketFrom(ctx).Loaded(name)
	leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_DISCLOSED, "CaseService/GetVictim", time.Now())
	subject := jisrv1.LogSubject_builder{Record: name}.Build()
	lens, err := reading(s.law)
	subject.SetDataClasses((lens & record.ByName("Victim").Classes).List())
	audit.SetLinks(subject, loaded.Standing)
	leaf.SetSubjects([]*jisrv1.LogSubject{subject})
	return read{leaf: leaf, loaded: []agreement.Loaded{loaded}}, err
}

// reading is the prosecutor's lens on a victim in its territory.
func reading(l *agreement.Law) (record.ClassSet, error) {
	a, ok := l.Agency(Prosecutor)
	if !ok {
		return 0, fmt.Errorf("the agreement has no agency %s", Prosecutor)
	}
	role := a.Roles[0]
	standing := agreement.Standing{Links: []agreement.InForce{{Link: jisrv1.Link_LINK_TERRITORY, Scope: record.EveryClass}}}
	return l.Read(role, l.Purposes(role)[0], standing), nil
}

// requestID is a fresh UUID.
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
