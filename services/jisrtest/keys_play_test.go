package jisrtest_test

import (
	"strconv"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/record"
)

// keyOf is the key under which a record's sections are sealed.
func keyOf(t *testing.T, x *jisrtest.Exchange, name string) (id string) {
	t.Helper()
	for _, row := range x.Rows("SELECT envelope FROM records WHERE name = ?", name) {
		id = got(record.ParseEnvelope(row.Bytes(0)))(t).KeyID
	}
	if id == "" {
		t.Fatalf("%s has no key", name)
	}
	return id
}

func TestAKeyThatAnotherNodeDestroysClosesEveryReplyOfThisOne(t *testing.T) {
	x := jisrtest.Start(t, jisrtest.WithKeyring(jisrtest.KeyDatabase(t)))
	p := jisrtest.Opened(t, x)
	police := x.As(jisrtest.Police)
	another := x.OpenKeyring()
	defer another.Close()
	get := func(name string) bool { return got(getVictim(police, name))(t).HasIdentity() }
	list := func(name string) bool {
		for _, v := range got(police.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: p.Case}.Build()))(t).GetVictims() {
			if v.GetName() == name {
				return v.HasIdentity()
			}
		}
		t.Fatal("the person is not in the list")
		return false
	}
	file := func(name string) bool {
		for _, part := range got(recvFile(police, p.Case))(t) {
			if v := part.GetVictim(); v.GetName() == name {
				return v.HasIdentity()
			}
		}
		t.Fatal("the person is not in the file")
		return false
	}
	ways := map[string]func(string) bool{"a record": get, "a list": list, "a file": file}
	for way, open := range ways {
		if !open(p.First) || !open(p.Second) {
			t.Fatalf("%s has no identity even before: this test would prove nothing", way)
		}
	}
	must(t, another.Destroy(ctx, keyOf(t, x, p.First)))
	for way, open := range ways {
		if open(p.First) {
			t.Errorf("%s shows what another node has destroyed", way)
		}
		if !open(p.Second) {
			t.Errorf("%s hides another person, too", way)
		}
	}
	v := jisrtest.Person(0)
	v.SetName(p.First)
	if _, err := tell(police, v, "profile"); err == nil { // nobody could ever read it
		t.Error("something was told about a person whose key is destroyed")
	}
}

// ready is how many keys wait for a subject.
func ready(t *testing.T, x *jisrtest.Exchange) (n int) {
	t.Helper()
	for line := range strings.Lines(scraped(t, x)) {
		if text, ok := strings.CutPrefix(line, "jisr_keyring_ready_keys "); ok {
			n = got(strconv.Atoi(strings.TrimSpace(text)))(t)
		}
	}
	return n
}

func TestWhoIsRefusedANewPersonUsesUpNoKey(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Shelter)
	person := func() *jisrv1.CreateVictimRequest {
		return jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: jisrv1.Victim_builder{PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM}.Build()}.Build()
	}
	before := ready(t, p.Exchange)
	if before == 0 {
		t.Fatal("no key is ready: this test would prove nothing")
	}
	for range 5 {
		refused(p.As(jisrtest.Shelter).CreateVictim(ctx, person()))(t, fault.ClassNotWritable)
	}
	if n := ready(t, p.Exchange); n != before {
		t.Errorf("refusals have used up %d keys", before-n)
	}
	got(policeOf(p).CreateVictim(ctx, person()))(t)
	if n := ready(t, p.Exchange); n != before-1 {
		t.Errorf("a new person has used up %d keys", before-n)
	}
}
