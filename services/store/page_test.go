package store_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// Who tells of victims and who lists them, in a territory with many cases.
const (
	judge      = "sjc-rusafa-inv"
	prosecutor = "sjc-rusafa-pp"
)

// keeping opens a node of its own that keeps so many bytes of what was read.
func (h *house) keeping(at string, recent int) *node {
	n := &node{house: h, at: at}
	n.law.Store(parsed(h.t, h.text))
	var err error
	n.Store, err = store.Open(h.t.Context(), at, store.Options{
		Page: h.page, Keyring: h.ring, Law: n.law.Load, Clock: h.clock, Random: rand.Reader, Recent: recent,
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { h.t.Errorf("fatal: %v", err) }, Server: forgetful,
	})
	must(h.t, err)
	must(h.t, n.Resume(h.t.Context(), n.law.Load(), n.law.Store))
	n.cases = cases.NewService(n.Store)
	return n
}

// tellOf adds an invented victim to a case, of whom the judge tells that word at length.
func (n *node) tellOf(parent, word string) (string, error) {
	ctx, _ := n.as(judge)
	v, err := n.cases.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: parent, Victim: jisrv1.Victim_builder{
		PersonRole:  jisrv1.Victim_PERSON_ROLE_VICTIM,
		Profile:     jisrv1.VictimProfile_builder{AgeBand: "21-23", Languages: []string{"ar"}, Sectors: []string{"lantern"}}.Build(),
		Nationality: jisrv1.VictimNationality_builder{Countries: []string{"ETH"}}.Build(),
		Alias:       jisrv1.VictimAlias_builder{Name: jisrv1.PersonName_builder{Original: strings.Repeat("meadow ", 20)}.Build()}.Build(),
		Identity:    jisrv1.VictimIdentity_builder{BirthPlace: strings.Repeat("harbour ", 18)}.Build(),
		Documents:   jisrv1.VictimDocuments_builder{PassportNumber: strings.Repeat("X", 150)}.Build(),
		Screening:   jisrv1.VictimScreening_builder{Note: strings.Repeat("basket ", 20)}.Build(),
		Location:    jisrv1.VictimLocation_builder{Address: word}.Build(),
		Liaison:     jisrv1.LiaisonContact_builder{Desk: word}.Build(),
		Risk:        jisrv1.VictimRisk_builder{Assessment: word}.Build(),
		Immigration: jisrv1.VictimImmigration_builder{Status: word}.Build(),
	}.Build()}.Build())
	if err != nil {
		return "", err
	}
	return shown(n.t, v).GetName(), nil
}

// pages lists an agency's victims page by page: each record as it lies on its
// page and on the docket.
func (n *node) pages(agency string, size int) (pages []string) {
	n.t.Helper()
	for token := ""; ; {
		ctx, c := n.as(agency)
		page, next, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Victim"), Size: size, Token: token},
			func() *jisrv1.Victim { return &jisrv1.Victim{} })
		must(n.t, err)
		var b strings.Builder
		for _, v := range page {
			encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(v)
			must(n.t, err)
			l, loaded := agreement.DocketFrom(ctx).Loaded(v.GetName())
			outline := *l.Outline
			l.Outline = nil // of which the address is another each time
			fmt.Fprintf(&b, "%s %v %+v %+v %x\n", v.GetName(), loaded, l, outline, encoded)
		}
		pages = append(pages, b.String())
		if token = next; token == "" {
			return pages
		}
	}
}

// Records of which much is told: pages of who reads that end by its length, and
// those of who does not are read in several goes.
func TestAPageIsTheSameWhateverOfItWasReadBefore(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			at := database(t)
			n := h.keeping(at, 0)
			var told []string
			for i := range 90 {
				if i%30 == 0 {
					told = append(told, n.aCase())
				}
				_, err := n.tellOf(told[i/30], strings.Repeat("lantern ", 4<<(i%10)))
				must(t, err)
			}
			kept := make(map[string][]string)
			readers := []string{judge, prosecutor}
			for _, agency := range readers {
				first := n.pages(agency, 100)
				if again := n.pages(agency, 100); !slices.Equal(first, again) {
					t.Errorf("%s: pages that are read again differ", agency)
				}
				// Some of what was read has moved since, and some was read by name.
				for _, about := range told[:2] {
					must(t, n.endShare(n.share(about)))
				}
				for _, line := range strings.SplitAfter(first[0], "\n")[:7] {
					ctx, _ := n.as(agency)
					victim, _, _ := strings.Cut(line, " ")
					_, err := store.Get(ctx, n.Store, victim, &jisrv1.Victim{})
					must(t, err)
				}
			}
			for _, agency := range readers {
				for _, size := range []int{100, 7, 1} {
					key := fmt.Sprint(agency, size)
					kept[key] = n.pages(agency, size)
				}
			}
			if whole, cut := len(kept[fmt.Sprint(prosecutor, 100)]), len(kept[fmt.Sprint(judge, 100)]); whole != 1 || cut < 2 {
				t.Errorf("the prosecutor's %d pages and the judge's %d end where they should not", whole, cut)
			}
			must(t, n.Store.Close())
			anew := h.keeping(at, -1)
			defer func() { must(t, anew.Store.Close()) }()
			for _, agency := range readers {
				for _, size := range []int{100, 7, 1} {
					if fresh := anew.pages(agency, size); !slices.Equal(fresh, kept[fmt.Sprint(agency, size)]) {
						t.Errorf("%s, %d a page: who has read before reads other pages than who has not", agency, size)
					}
				}
			}
		})
	}
}

// names lists an agency's victims below a parent, a page of so many at a time.
func (n *node) names(agency, parent string, size int) (names []string) {
	n.t.Helper()
	for token := ""; ; {
		ctx, c := n.as(agency)
		page, next, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Victim"), Parent: parent, Size: size, Token: token},
			func() *jisrv1.Victim { return &jisrv1.Victim{} })
		must(n.t, err)
		for _, v := range page {
			names = append(names, v.GetName())
		}
		if token = next; token == "" {
			return names
		}
	}
}

func TestAListBelowACaseIsTheListOfAllWithoutWhatLiesElsewhere(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		told := []string{n.aCase(), n.aCase()}
		for i := range 8 {
			_, err := n.tellOf(told[i%2], "lantern")
			must(t, err)
		}
		for _, agency := range []string{judge, police, monitor} {
			all := n.names(agency, "", 100)
			if len(all) != 8 {
				t.Fatalf("%s knows of %d victims", agency, len(all))
			}
			for _, about := range told {
				want := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !strings.HasPrefix(name, about+"/") })
				for size := 1; size <= 5; size++ {
					if got := n.names(agency, about, size); len(got) != 4 || !slices.Equal(got, want) {
						t.Errorf("%s, %d a page: %d of 4 victims of a case, or in another order", agency, size, len(got))
					}
				}
			}
		}
	})
}

func TestAListEndsWithItsLastNameHoweverManyHoldersKnowOfEach(t *testing.T) {
	onEach(t, func(t *testing.T, n *node) {
		const made = 6
		for range made {
			n.aCase()
		}
		for known := range 5 {
			for size := 1; size <= made+1; size++ {
				var marks []string
				pages, token := 0, ""
				for more := true; more; more = token != "" {
					ctx, c := n.as(police)
					c.Territories = slices.Repeat([]string{"IQG08"}, known)
					page, next, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Case"), Size: size, Token: token},
						func() *jisrv1.Case { return &jisrv1.Case{} })
					must(t, err)
					for _, m := range page {
						marks = append(marks, n.Mark(m.GetName()))
					}
					pages, token = pages+1, next
				}
				if !slices.IsSorted(marks) || len(slices.Compact(marks)) != made || len(marks) != made || pages != (made+size-1)/size {
					t.Errorf("known by %d holders, %d a page: %d cases on %d pages", 1+known, size, len(marks), pages)
				}
			}
		}
	})
}
