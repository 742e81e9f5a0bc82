package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/notifications"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Agencies of the agreement in this repository.
const (
	police  = "moi-ct"
	erbil   = "kri-dcoc"
	shelter = "molsa"
)

// The databases behind the store; what holds on one must hold on all.
var databases = map[string]func(testing.TB) string{
	"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "jisr.db") },
	"PostgreSQL": func(t testing.TB) string { return throwaway.URL(t) },
}

// onEach runs a test on every database.
func onEach(t *testing.T, test func(t *testing.T, n *node)) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) { test(t, newHouse(t).open(database(t))) })
	}
}

// house is what the nodes of one exchange share beside the database.
type house struct {
	t    testing.TB
	ring *keyring.Ring
	page *disclosure.Page
	text string // of the agreement that a node begins with
	now  atomic.Int64
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	kek, err := keyring.OpenFileKEK(filepath.Join(dir, "kek"))
	must(t, err)
	h := &house{t: t}
	h.ring, err = keyring.Open(filepath.Join(dir, "keyring.db"), kek)
	must(t, err)
	t.Cleanup(func() { must(t, h.ring.Close()) })
	h.page, err = disclosure.NewPage(h.ring)
	must(t, err)
	text, err := os.ReadFile("../../agreement.txtpb")
	must(t, err)
	h.text = string(text)
	h.now.Store(time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return h
}

func (h *house) clock() time.Time { return time.UnixMicro(h.now.Load()) }

// another is the same agreement in other words.
func (h *house) another(word string) *agreement.Law { return parsed(h.t, h.text+"\n# "+word+"\n") }

func parsed(t testing.TB, text string) *agreement.Law {
	t.Helper()
	law, err := agreement.Parse([]byte(text))
	must(t, err)
	return law
}

// node is a store with what stands on it, as one process of an exchange.
type node struct {
	*house
	*store.Store
	at            string // the database
	law           atomic.Pointer[agreement.Law]
	cases         *cases.Service
	notifications *notifications.Service
}

// forgetful is what a server without a disk to wait for is good for.
var forgetful = postgres.Options{Forgetful: true}

func (h *house) open(database string) *node {
	h.t.Helper()
	return h.openAs(database, forgetful)
}

func (h *house) openAs(database string, demanded postgres.Options) *node {
	h.t.Helper()
	n := &node{house: h, at: database}
	n.law.Store(parsed(h.t, h.text))
	var err error
	n.Store, err = h.shelf(database, demanded, n.law.Load)
	must(h.t, err)
	h.t.Cleanup(func() { must(h.t, n.Store.Close()) })
	must(h.t, n.Resume(h.t.Context(), n.law.Load(), n.law.Store))
	n.cases, n.notifications = cases.NewService(n.Store), notifications.NewService(n.Store)
	return n
}

// shelf opens a database.
func (h *house) shelf(database string, demanded postgres.Options, law func() *agreement.Law) (*store.Store, error) {
	return store.Open(h.t.Context(), database, store.Options{
		Page: h.page, Keyring: h.ring, Law: law, Clock: h.clock, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { h.t.Errorf("fatal: %v", err) }, Server: demanded,
	})
}

// as is the context of a call by an agency, as the door and the page make it.
func (n *node) as(agency string) (context.Context, *identity.Caller) {
	law := n.law.Load()
	a, ok := law.Agency(agency)
	if !ok {
		n.t.Fatalf("the agreement has no agency %s", agency)
	}
	c := &identity.Caller{
		Agency: a.Slug, System: "desk", Role: a.Roles[0], Roles: a.Roles, Purpose: law.Purposes(a.Roles[0])[0],
		Officer: "officer-1", Jurisdiction: a.Jurisdiction, Territories: a.Territories, Law: law,
	}
	ctx, _ := agreement.WithDocket(identity.NewContext(context.Background(), c))
	return ctx, c
}

// newCase opens an invented case in Baghdad by the police.
func (n *node) newCase(requestID string) (string, error) {
	ctx, _ := n.as(police)
	reply, err := n.cases.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{RequestId: requestID, Case: jisrv1.Case_builder{
		CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG08",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
	}.Build()}.Build())
	if err != nil {
		return "", err
	}
	return shown(n.t, reply).GetName(), nil
}

func (n *node) aCase() string {
	n.t.Helper()
	name, err := n.newCase("")
	must(n.t, err)
	return name
}

// shown reads a reply, which leaves the page as bytes. Every record has its name and etag alike.
func shown(t testing.TB, reply proto.Message) *jisrv1.Case {
	t.Helper()
	encoded, err := proto.Marshal(reply)
	must(t, err)
	c := &jisrv1.Case{}
	must(t, proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(encoded, c))
	return c
}

// etag is the police's of a case.
func (n *node) etag(name string) string {
	n.t.Helper()
	ctx, c := n.as(police)
	m := &jisrv1.Case{}
	must(n.t, n.View(ctx, c, name, m))
	l, _ := agreement.DocketFrom(ctx).Loaded(name)
	raw, err := record.Detach(m)
	must(n.t, err)
	o, err := n.page.Outline(c, name, record.TypeOf(m), l, raw)
	must(n.t, err)
	return string(o.ETag[:])
}

// share lets Erbil's police in to a case, and returns the share.
func (n *node) share(about string) string {
	n.t.Helper()
	ctx, _ := n.as(police)
	reply, err := n.cases.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{
		Parent: about, Share: jisrv1.Share_builder{Agency: "agencies/" + erbil}.Build(),
	}.Build())
	must(n.t, err)
	return shown(n.t, reply).GetName()
}

func (n *node) endShare(name string) error {
	ctx, _ := n.as(police)
	_, err := n.cases.EndShare(ctx, jisrv1.EndShareRequest_builder{Name: name}.Build())
	return err
}

// notify tells the shelter of a case.
func (n *node) notify(about string) error {
	ctx, _ := n.as(police)
	_, err := n.notifications.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: about, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/" + shelter},
	}.Build()}.Build())
	return err
}

// read is a case as an agency is about to be shown it: what is left is the entry.
func (n *node) read(agency, name string) (func() error, error) {
	ctx, c := n.as(agency)
	if err := n.View(ctx, c, name, &jisrv1.Case{}); err != nil {
		return nil, err
	}
	loaded, _ := agreement.DocketFrom(ctx).Loaded(name)
	return func() error {
		leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_DISCLOSED, "CaseService/GetCase", n.clock())
		subject := jisrv1.LogSubject_builder{Record: name}.Build()
		audit.SetLinks(subject, loaded.Standing)
		leaf.SetSubjects([]*jisrv1.LogSubject{subject})
		_, err := n.Append(ctx, leaf, []agreement.Loaded{loaded}, c.Law)
		return err
	}, nil
}

// begun is read that must succeed.
func (n *node) begun(agency, name string) (release func() error) {
	n.t.Helper()
	release, err := n.read(agency, name)
	must(n.t, err)
	return release
}

// entries counts the entries about a record, as its owner sees them.
func (n *node) entries(name string) (count int) {
	n.t.Helper()
	token := ""
	for {
		ctx, c := n.as(police)
		page, next, err := n.Entries(ctx, c, name, store.Query{Token: token, Size: 3})
		must(n.t, err)
		count += len(page)
		if token = next; token == "" {
			return count
		}
	}
}

func wantFault(t testing.TB, err error, reason fault.Reason) {
	t.Helper()
	if !errors.Is(err, fault.New(reason)) {
		t.Errorf("answered %v, want %s", err, reason)
	}
}

func wantMoved(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, agreement.ErrMoved) {
		t.Errorf("answered %v, want that standing moved", err)
	}
}

// secret reports whether an error tells of what was asked or of the database's own words.
func secret(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "cases/") || strings.Contains(err.Error(), "relation"))
}
