package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// Effect is what a change does for whom it concerns.
type Effect string

// The effects. What opens one thing and shuts another is MORE: somebody sees what it did not see.
const (
	More  Effect = "more"
	Less  Effect = "less"
	Other Effect = "other"
)

// Change is one difference between two sheets, for one role or agency.
type Change struct {
	// Effect says whether it opens or shuts.
	Effect Effect `json:"effect"`
	// Who is the role, or the agency as "agencies/molsa".
	Who string `json:"who"`
	// Does is what the change is to: read, tell, know, call, purpose, role, territory, refer, notify.
	Does string `json:"does"`
	// What are the fields, the rpc, the record and so on that it is about.
	What []string `json:"what"`
	// Class is the class of the fields now, or the former one where they are gone.
	Class string `json:"class,omitempty"`
	// Was and Is are the decision before and after.
	Was string `json:"was"`
	Is  string `json:"is"`
	// Text says it in a sentence.
	Text string `json:"text"`
}

// SeesMore reports whether any of the changes opens something to somebody.
func SeesMore(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Effect == More })
}

// Compare says what the sheet now opens and shuts beyond the former one: more
// first, then less, then what is merely otherwise.
func Compare(former, now Sheet) []Change {
	c := &comparison{was: openBook(former), is: openBook(now)}
	for role := range values[jisrv1.Role]() {
		c.fields(agreement.RoleName(role))
		c.role(agreement.RoleName(role))
	}
	c.records()
	c.doors()
	c.agencies()
	c.referrals()
	c.notifications()
	c.rest(former, now)
	rank := map[Effect]int{More: 0, Less: 1, Other: 2}
	slices.SortStableFunc(c.changes, func(a, b Change) int { return cmp.Compare(rank[a.Effect], rank[b.Effect]) })
	return c.changes
}

type comparison struct {
	was, is *book
	changes []Change
}

func (c *comparison) say(effect Effect, change Change, text string, args ...any) {
	change.Effect, change.Text = effect, fmt.Sprintf(text, args...)
	c.changes = append(c.changes, change)
}

// rest says what differs and neither opens nor shuts anything, so that no difference goes unsaid.
func (c *comparison) rest(former, now Sheet) {
	for _, line := range append(slices.Clone(now), former...) {
		was, is := c.was.of(line.Kind, line.About), c.is.of(line.Kind, line.About)
		first, second, _ := strings.Cut(line.About, " ")
		who := second
		if line.Kind != kindCell {
			who = line.Kind
		}
		if slices.Equal(was, is) || slices.ContainsFunc(c.changes, func(known Change) bool { return known.concerns(line.Kind, first, who) }) {
			continue
		}
		change := Change{Who: who, Does: line.Kind, What: []string{first}, Was: strings.Join(was, " "), Is: strings.Join(is, " ")}
		if line.Kind == kindCell {
			change.Class = first
		}
		c.say(Other, change, "%s %s differs, and opens or shuts nothing: was %s; is %s", line.Kind, line.About, change.Was, change.Is)
	}
}

// concerns reports whether a change tells of a line. Fields, purposes and the like are told of by roles, so that any word of them counts.
func (c Change) concerns(kind, first, who string) bool {
	if kind == kindCell {
		return c.Who == who && c.Class == first
	}
	return slices.Contains(c.What, first) || c.Who == first || c.Who == "agencies/"+first ||
		kind == kindPurpose && (c.Does == "read" || c.Does == "tell") || kind == kindField && slices.ContainsFunc(c.What, func(w string) bool { return strings.HasPrefix(first, w+".") })
}

// gained says what is in a list and was not in the other.
func gained(was, is []string) []string {
	return slices.DeleteFunc(slices.Clone(is), func(s string) bool { return slices.Contains(was, s) })
}

// both goes over what one list has beyond the other: first what came, then what went.
func both(was, is []string, each func(effect Effect, words []string)) {
	if came := gained(was, is); len(came) > 0 {
		each(More, came)
	}
	if went := gained(is, was); len(went) > 0 {
		each(Less, went)
	}
}

// keys returns what the two books have to say of a kind, in the order of the newer, then of the older.
func (c *comparison) keys(kind string) []string {
	var list []string
	for _, b := range []*book{c.is, c.was} {
		var some []string
		for key := range b.words {
			if key.kind == kind && !slices.Contains(list, key.about) {
				some = append(some, key.about)
			}
		}
		slices.Sort(some)
		list = append(list, some...)
	}
	return list
}

func (c *comparison) role(role string) {
	was, is := c.was.of(kindRole, role), c.is.of(kindRole, role)
	for _, word := range []struct {
		name       string
		open, shut Effect
		given, now string
	}{
		{wordPseudonymous, Less, More, "sees pseudonyms only", "sees records under their names"},
		{wordOversight, More, Less, "watches over all matters of its jurisdiction", "watches over all matters no longer"},
	} {
		switch had, has := slices.Contains(was, word.name), slices.Contains(is, word.name); {
		case has && !had:
			c.say(word.open, Change{Who: role, Does: "role", What: []string{word.name}, Was: "no", Is: "yes"}, "%s %s", role, word.given)
		case had && !has:
			c.say(word.shut, Change{Who: role, Does: "role", What: []string{word.name}, Was: "yes", Is: "no"}, "%s %s", role, word.now)
		}
	}
	both(was, is, func(effect Effect, words []string) {
		for _, p := range words {
			if p == wordPseudonymous || p == wordOversight {
				continue
			}
			verb := map[Effect]string{More: "may call for", Less: "may no longer call for"}[effect]
			c.say(effect, Change{Who: role, Does: "purpose", What: []string{p}, Was: strings.Join(was, " "), Is: strings.Join(is, " ")},
				"%s %s %s", role, verb, p)
		}
	})
}

// records compares who may know that a record exists.
func (c *comparison) records() {
	for _, key := range c.keys(kindShelf) {
		kind, role, _ := strings.Cut(key, " ")
		was, is := c.was.of(kindShelf, key), c.is.of(kindShelf, key)
		both(was, is, func(effect Effect, links []string) {
			verb := map[Effect]string{More: "KNOWS MORE: that a", Less: "knows less: that a"}[effect]
			c.say(effect, Change{Who: role, Does: "know", What: []string{kind}, Was: strings.Join(was, " "), Is: strings.Join(is, " ")},
				"%s %s %s exists, by %s", role, verb, kind, strings.Join(links, ", "))
		})
	}
}

// doors compares who may call what.
func (c *comparison) doors() {
	for _, rpc := range c.keys(kindDoor) {
		was, is := c.was.of(kindDoor, rpc), c.is.of(kindDoor, rpc)
		both(was, is, func(effect Effect, roles []string) {
			verb := map[Effect]string{More: "MAY CALL", Less: "may no longer call"}[effect]
			for _, role := range roles {
				c.say(effect, Change{Who: role, Does: "call", What: []string{rpc}, Was: strings.Join(was, " "), Is: strings.Join(is, " ")},
					"%s %s %s", role, verb, rpc)
			}
		})
	}
}

// agencies compares who takes part, in which role and where.
func (c *comparison) agencies() {
	for _, slug := range c.keys(kindAgency) {
		was, is := c.was.of(kindAgency, slug), c.is.of(kindAgency, slug)
		change := Change{Who: "agencies/" + slug, Was: strings.Join(was, " "), Is: strings.Join(is, " ")}
		if len(was) > 0 && len(is) > 0 && was[0] != is[0] {
			change.Does, change.What = "territory", is[:1]
			c.say(More, change, "%s acts under %s and no longer under %s: it sees other matters", change.Who, is[0], was[0])
		}
		both(was[min(1, len(was)):], is[min(1, len(is)):], func(effect Effect, words []string) {
			for _, word := range words {
				change.Does, change.What = "role", []string{word}
				text := map[Effect]string{More: "%s HOLDS the role %s and sees what that sees", Less: "%s no longer holds the role %s"}[effect]
				if roleNamed(word) == 0 {
					change.Does = "territory"
					text = map[Effect]string{More: "%s ACTS in %s", Less: "%s no longer acts in %s"}[effect]
				}
				c.say(effect, change, text, change.Who, word)
			}
		})
	}
}
